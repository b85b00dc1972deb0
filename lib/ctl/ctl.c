#include "ctl/ctl.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/env.h"

#define ENV_MAX (1u << 20)
#define RUN_DIR "/run/orders"

/* Where `make install` and the package put the settings. Beside them, for root alone, are the files that orders.service hands to the
 * workers as credentials. */
static const char *const installed[] = { "/etc/orders/", "/usr/local/etc/orders/" };
static const struct {
	const char *name, *file, *prefix;
} credentials[] = {
	{ "SECRET_KEY", "secret_key", "@" },
	{ "PGPASSFILE", "pgpass", "" },
};

static char last_event[64], last_text[512];

void
ctl_say(const char *format, ...)
{
	va_list args;

	(void)fputs("ordersctl: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

static void
watch(enum log_level level, const char *event, const char *text, const char *request_id)
{
	(void)level;
	(void)request_id;
	(void)snprintf(last_event, sizeof last_event, "%s", event);
	(void)snprintf(last_text, sizeof last_text, "%s", text);
}

const char *
ctl_last_event(void)
{
	return last_event;
}

const char *
ctl_last_text(void)
{
	return last_text;
}

void
ctl_forget_events(void)
{
	last_event[0] = last_text[0] = '\0';
}

static bool
put_environment(void *arg, const char *name, const char *value)
{
	(void)arg;
	return setenv(name, value, 1) == 0;
}

static int
read_environment(void *ctx, const char *path)
{
	size_t len;
	char *text = file_read(ctx, path, ENV_MAX, &len);
	int line;
	enum rc rc;

	if (!text) {
		ctl_say("%s: cannot be read: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	rc = env_parse(text, put_environment, NULL, &line);
	explicit_bzero(text, len); /* there are keys in it */
	talloc_free(text);
	if (rc == RC_SYNTAX) /* the line is not shown: it may be half a secret */
		ctl_say("%s: line %d is not NAME=value, or its value begins with a quote and does not end with it",
			path, line);
	else if (rc)
		ctl_say("no memory");
	return rc == RC_SYNTAX ? EX_CONFIG : rc ? EX_OSERR : EX_OK;
}

/* An installed pool gets from systemd what is not in its settings. */
static int
read_installed(void *ctx, const char *dir)
{
	int status = read_environment(ctx, talloc_asprintf(ctx, "%sorders.env", dir));

	for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
		const char *path = talloc_asprintf(ctx, "%s%s", dir, credentials[i].file);
		const char *value = talloc_asprintf(ctx, "%s%s", credentials[i].prefix, path);
		struct stat st;

		if (value && stat(path, &st) == 0 && st.st_size > 0 && setenv(credentials[i].name, value, 0))
			status = EX_OSERR;
	}
	return status;
}

int
ctl_environment(void *ctx, const struct ctl_options *opt)
{
	const char *path = opt->env_file ? opt->env_file : getenv("ORDERS_ENV");
	const char *url = getenv(
		"PRODUCT_SERVICE_URL"); /* DATABASE_URL alone may be the owner's, for orders-schema */

	log_set_level(LOG_ERROR + 1); /* what is worth saying is said in words */
	log_watch(watch);
	if (path && *path)
		return read_environment(ctx, path);
	for (size_t i = 0; (!url || !*url) && i < sizeof installed / sizeof *installed; i++)
		if (access(talloc_asprintf(ctx, "%sorders.env", installed[i]), R_OK) == 0)
			return read_installed(ctx, installed[i]);
	return EX_OK;
}

static void
say_fault(void *arg, const char *line)
{
	(void)arg;
	ctl_say("%s", line);
}

int
ctl_settings(struct ctl *c)
{
	enum rc rc = c->configured ? RC_OK : config_load(c->ctx, getenv, &c->config, say_fault, NULL);

	c->configured = rc == RC_OK;
	if (rc == RC_NO_MEMORY)
		ctl_say("no memory");
	else if (rc)
		ctl_say("these settings are missing or wrong: --env FILE or ORDERS_ENV names the file that the pool has them from");
	return rc == RC_NO_MEMORY ? EX_OSERR : rc ? EX_CONFIG : EX_OK;
}

static const char *
run_dir(void)
{
	const char *dir = getenv("RUN_DIR");

	return dir && *dir ? dir : RUN_DIR;
}

const char *
ctl_pool_path(void *ctx)
{
	const char *path = getenv("POOL_FILE");

	return path && *path ? path : talloc_asprintf(ctx, "%s/pool", run_dir());
}

/* PostgreSQL knows a local pool by its user's name, where no password is set: root becomes that user, the owner of RUN_DIR. */
static bool
become_pool_user(void)
{
	const char *passfile = getenv("PGPASSFILE");
	struct stat st;
	struct passwd *user;

	if (geteuid() != 0 || (passfile && *passfile) || stat(run_dir(), &st) || st.st_uid == 0)
		return true;
	user = getpwuid(st.st_uid);
	return user && initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
	       setuid(user->pw_uid) == 0;
}

int
ctl_database(struct ctl *c)
{
	int status = ctl_settings(c);

	if (status)
		return status;
	if (!become_pool_user()) {
		ctl_say("cannot become the owner of %s: %s", run_dir(), strerror(errno));
		return EX_OSERR;
	}
	c->pg = pg_open(c->ctx, c->config.database_url, &c->breaker);
	if (!c->pg) {
		ctl_say("DATABASE_URL: wants a PostgreSQL URI that libpq understands");
		return EX_CONFIG;
	}
	return EX_OK;
}

int
ctl_database_failed(enum rc rc)
{
	if (rc == RC_NO_MEMORY)
		ctl_say("no memory");
	else
		ctl_say("the database does not do it: %s%s%s; ordersctl check tells more", ctl_last_event(),
			*ctl_last_text() ? ": " : "", ctl_last_text());
	return rc == RC_NO_MEMORY ? EX_OSERR : rc == RC_DATABASE ? EX_UNAVAILABLE : EX_SOFTWARE;
}

int
ctl_written(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EX_OK;
	ctl_say("cannot write: %s", strerror(errno));
	clearerr(stdout); /* it is said once */
	return EX_IOERR;
}

int
ctl_flush(struct ctl *c)
{
	bool failed = c->out.failed;
	size_t len = c->out.len;

	buf_clear(&c->out);
	if (failed) {
		ctl_say("no memory");
		return EX_OSERR;
	}
	if (len)
		(void)fwrite(c->out.data, 1, len, stdout); /* stdout remembers how it went */
	return ctl_written();
}

#include "support/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "support/events.h"
#include "support/test.h"
#include "support/token.h"

#define START_MS 30000
#define STOP_MS 20000

extern char **environ;

/* What must not come from the caller's environment. */
static const char *const service_settings[] = {
	"DATABASE_URL",
	"SECRET_KEY",
	"ALGORITHM",
	"JWT_AUDIENCE",
	"JWT_ISSUER",
	"STAFF_ROLES",
	"OWNER_STATUS_UPDATES",
	"PRODUCT_SERVICE_URL",
	"PRODUCT_SERVICE_TIMEOUT",
	"PRODUCT_MAX_WORKERS",
	"AWS_REGION",
	"AWS_ENDPOINT_URL",
	"AWS_ENDPOINT_URL_SNS",
	"AWS_ENDPOINT_URL_STS",
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"SNS_TOPIC_NAME",
	"SNS_TOPIC_ARN",
	"LOG_LEVEL",
	"WORKER_MAX_REQUESTS",
	"WORKER_MAX_RSS_MB",
	"WORKERS",
	"POOL_FILE",
	"BIND",
	"PORT",
	"RUN_DIR",
	"ORDERS_USER",
	"MAX_CONNECTIONS",
	"LISTEN",
	"PIDFILE",
	"BACKLOG",
	"ORDERS_ENV",
	"MAX_WAITING",
	"DOCS_DIR",
};

static char **
put(char **env, const char *setting)
{
	size_t len = strcspn(setting, "="), n = 0, kept = 0;

	for (; env[n]; n++)
		if (strncmp(env[n], setting, len) != 0 || env[n][len] != '=')
			env[kept++] = env[n];
	if (setting[len] == '=') {
		env = talloc_realloc(test_memory(), env, char *, (unsigned)(n + 2));
		env[kept++] = text("%s", setting);
	}
	env[kept] = NULL;
	return env;
}

char **
pool_environment(const struct pool_options *o, const struct pool *p)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = talloc_array(test_memory(), char *, (unsigned)(n + 1));
	memcpy(env, environ, (n + 1) * sizeof *env);
	for (size_t i = 0; i < sizeof service_settings / sizeof *service_settings; i++)
		env = put(env, service_settings[i]);
	env = put(env, text("PORT=%d", p->port));
	env = put(env, text("RUN_DIR=%s/run", p->dir));
	env = put(env, text("WORKERS=%d", o->workers ? o->workers : 3));
	env = put(env, text("ORDERS_FCGI=%s", test_env("ORDERS_TEST_WORKER")));
	env = put(env, text("DATABASE_URL=%s", database_url(p->database)));
	env = put(env, "SECRET_KEY=" TEST_SECRET);
	env = put(env, text("PRODUCT_SERVICE_URL=http://127.0.0.1:%d",
			    o->products ? o->products : atoi(test_env("ORDERS_TEST_PRODUCTS"))));
	env = put(env, text("AWS_ENDPOINT_URL=http://127.0.0.1:%d", o->sns ? o->sns : events_port()));
	env = put(env, "AWS_ACCESS_KEY_ID=AKIATESTACCESSKEY");
	env = put(env, "AWS_SECRET_ACCESS_KEY=a-secret-access-key-of-tests");
	env = put(env, o->topic_arn ? text("SNS_TOPIC_ARN=arn:aws:sns:us-east-1:000000000000:%s", p->topic)
				    : text("SNS_TOPIC_NAME=%s", p->topic));
	for (size_t i = 0; o->settings[i]; i++)
		env = put(env, o->settings[i]);
	return env;
}

static void
start_server(const struct pool_options *o, struct pool *p)
{
	char **env = pool_environment(o, p);
	char *serve = text("%s/tests/support/serve.sh", test_env("ORDERS_TEST_ROOT"));
	char *const argv[] = { serve, text("%s", test_env("ORDERS_TEST_SERVER")), NULL };
	int log = open(text("%s/log", p->dir), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t parent = getpid();
	sigset_t none;

	p->pid = fork();
	if (p->pid < 0)
		give_up("fork: %s", strerror(errno));
	if (p->pid > 0) {
		(void)close(log);
		(void)close(null);
		return;
	}
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGINT,
		     SIG_DFL); /* a shell cannot trap what was ignored when it began, as in the background */
	(void)dup2(null, 0);
	(void)dup2(log, 1);
	(void)dup2(log, 2);
	(void)execve(serve, argv, env);
	_exit(127);
}

struct waiting {
	const struct pool *p;
	const char *target;
	bool died;
};

static bool
answers_200(void *arg)
{
	struct waiting *w = arg;
	int status;

	if (waitpid(w->p->pid, &status, WNOHANG) == w->p->pid) {
		w->died = true;
		return true;
	}
	return ask(w->p->port, &(const struct ask){ .target = w->target }).status == 200;
}

/* For tests/openapi/validate.mjs: here the service answers. */
static void
note_port(int port)
{
	const char *dir = getenv("ORDERS_TEST_EXCHANGES"), *line = text("%d\n", port);
	int fd;

	if (!dir)
		return;
	fd = open(text("%s/ports", dir), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		give_up("%s: %s", dir, strerror(errno));
	(void)close(fd);
}

static bool
start_once(const struct pool_options *o, struct pool *p)
{
	struct waiting w = { .p = p, .target = o->unready ? "/health" : "/ready" };

	p->port = free_port();
	note_port(p->port);
	start_server(o, p);
	return wait_until(START_MS, answers_200, &w) && !w.died;
}

struct pool
pool_start(const struct pool_options *o)
{
	struct pool p = { 0 };

	(void)snprintf(p.dir, sizeof p.dir, "%s/pools/XXXXXX", test_env("ORDERS_TEST_DIR"));
	if (!mkdtemp(p.dir) || mkdir(text("%s/run", p.dir), 0700) != 0)
		give_up("%s: %s", p.dir, strerror(errno));
	(void)snprintf(p.topic, sizeof p.topic, "topic-%s", strrchr(p.dir, '/') + 1);
	(void)snprintf(p.queue, sizeof p.queue, "queue-%s", strrchr(p.dir, '/') + 1);
	(void)snprintf(p.database, sizeof p.database, "%s", o->database ? o->database : database_new());
	events_subscribe(p.topic, p.queue);
	for (int attempt = 0; !start_once(o, &p); attempt++) {
		(void)kill(p.pid, SIGKILL);
		if (attempt == 2)
			give_up("the service does not start:\n%s", pool_log(&p));
	}
	return p;
}

static bool
is_gone(void *arg)
{
	const struct pool *p = arg;
	pid_t pids[POOL_PIDS];
	int status;

	(void)waitpid(p->pid, &status, WNOHANG);
	return pool_pids(p, NULL, pids) == 0;
}

bool
pool_stop(struct pool *p)
{
	pid_t pids[POOL_PIDS];
	bool good;

	(void)kill(p->pid, SIGINT);
	good = wait_until(STOP_MS, is_gone, p);
	if (!good)
		for (int i = pool_pids(p, NULL, pids); i > 0; i--)
			(void)kill(pids[i - 1], SIGKILL);
	(void)waitpid(p->pid, NULL, WNOHANG);
	return good;
}

struct pool *
pool_shared(void)
{
	static struct pool p;
	size_t len = 0;
	char *bytes;

	if (!p.port) {
		bytes = read_file(test_env("ORDERS_TEST_POOL"), &len);
		if (len != sizeof p)
			give_up("%s: %zu bytes", test_env("ORDERS_TEST_POOL"), len);
		memcpy(&p, bytes, sizeof p);
	}
	return &p;
}

static void
unshare(void)
{
	if (!pool_stop(pool_shared()))
		give_up("the shared pool did not end:\n%s", pool_log(pool_shared()));
}

void
pool_share(const struct pool_options *o)
{
	struct pool p = pool_start(o);
	char *path = text("%s/pool.struct", p.dir);
	FILE *f = fopen(path, "we");

	if (!f || fwrite(&p, sizeof p, 1, f) != 1 || fclose(f) != 0 ||
	    setenv("ORDERS_TEST_POOL", path, 1) != 0 || atexit(unshare) != 0)
		give_up("%s: %s", path, strerror(errno));
}

struct process {
	pid_t pid, session;
	unsigned long long started;
	char name[32], state;
};

/* False when it is gone. proc(5). */
static bool
read_stat(const char *path, struct process *p)
{
	FILE *f = fopen(path, "re");
	bool good =
		f &&
		fscanf(f,
		       "%d (%31[^)]) %c %*d %*d %d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d "
		       "%*d %llu",
		       &p->pid, p->name, &p->state, &p->session, &p->started) == 5;

	if (f)
		(void)fclose(f);
	return good;
}

static int
by_start(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->started > y->started) - (x->started < y->started);
}

int
pool_pids(const struct pool *p, const char *name, pid_t pids[static POOL_PIDS])
{
	struct process found[POOL_PIDS];
	glob_t g;
	int n = 0;

	if (glob("/proc/[0-9]*/stat", 0, NULL, &g) != 0)
		give_up("/proc cannot be read");
	for (size_t i = 0; i < g.gl_pathc && n < POOL_PIDS; i++)
		if (read_stat(g.gl_pathv[i], &found[n]) && found[n].session == p->pid &&
		    found[n].state != 'Z' && (!name || strcmp(found[n].name, name) == 0))
			n++;
	globfree(&g);
	qsort(found, (size_t)n, sizeof *found, by_start);
	for (int i = 0; i < n; i++)
		pids[i] = found[i].pid;
	return n;
}

struct wanted_workers {
	const struct pool *p;
	int n;
};

static bool
has_workers(void *arg)
{
	const struct wanted_workers *w = arg;
	pid_t pids[POOL_PIDS];

	return pool_pids(w->p, "orders.fcgi", pids) == w->n;
}

bool
pool_has_workers(const struct pool *p, int n, int limit_ms)
{
	return wait_until(limit_ms, has_workers, &(struct wanted_workers){ p, n });
}

char *
pool_log(const struct pool *p)
{
	char *log = read_file(text("%s/log", p->dir), NULL);

	return log ? log : text("%s", "");
}

char *
pool_log_line(const struct pool *p, const char *a, const char *b)
{
	char *saved, *log = pool_log(p);

	for (char *line = strtok_r(log, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved))
		if (strstr(line, a) && strstr(line, b))
			return line;
	return NULL;
}

struct wanted_line {
	const struct pool *p;
	const char *a, *b;
	char *found;
};

static bool
has_line(void *arg)
{
	struct wanted_line *w = arg;

	return (w->found = pool_log_line(w->p, w->a, w->b)) != NULL;
}

char *
pool_log_wait(const struct pool *p, const char *a, const char *b, int limit_ms)
{
	struct wanted_line w = { p, a, b, NULL };

	(void)wait_until(limit_ms, has_line, &w);
	return w.found;
}

const char *
database_url(const char *database)
{
	return text("%s%s", test_env("ORDERS_TEST_PG_URL"), database);
}

const char *
database_sql(const char *database, const char *sql)
{
	PGconn *conn = PQconnectdb(text("%s dbname=%s", test_env("ORDERS_TEST_PG"), database));
	PGresult *r = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(r);
	const char *value;

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		give_up("%s: %s", sql, PQerrorMessage(conn));
	value = status == PGRES_TUPLES_OK && PQntuples(r) > 0 ? text("%s", PQgetvalue(r, 0, 0)) : "";
	PQclear(r);
	PQfinish(conn);
	return value;
}

const char *
database_new(void)
{
	static int count;
	const char *name = text("test_%d_%d", (int)getpid(), ++count);

	(void)database_sql("postgres",
			   text("CREATE DATABASE %s TEMPLATE %s", name, test_env("ORDERS_TEST_TEMPLATE")));
	return name;
}

const char *
pool_sql(const struct pool *p, const char *sql)
{
	return database_sql(p->database, sql);
}

struct wanted_value {
	const struct pool *p;
	const char *sql, *value;
};

static bool
has_value(void *arg)
{
	const struct wanted_value *w = arg;

	return strcmp(pool_sql(w->p, w->sql), w->value) == 0;
}

bool
pool_sql_becomes(const struct pool *p, const char *sql, const char *wanted, int limit_ms)
{
	return wait_until(limit_ms, has_value, &(struct wanted_value){ p, sql, wanted });
}

struct answer
pool_ask(const struct pool *p, const struct ask *a)
{
	return ask(p->port, a);
}

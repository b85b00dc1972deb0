/* The pool's life under lighttpd: reload and graceful restart. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/peer.h"
#include "support/server.h"

#define MINE "/api/v1/orders"

static void
write_file(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0, "%s", path);
}

static const char *
pool_pid(const struct pool *p)
{
	char *pid = read_file(text("%s/run/spawn.pid", p->dir), NULL);

	return pid ? pid : "";
}

/* Asks until the file is there; a failure, or too few requests to tell, is the process's status. */
static pid_t
start_client(const struct pool *p, const char *until)
{
	pid_t pid = fork();
	int n = 0, failed = 0;

	if (pid)
		return pid;
	for (; access(until, F_OK) != 0; n++)
		failed += ASK(p, .target = "/health").status != 200;
	_exit(failed ? 1 : n < 50 ? 2 : 0);
}

static void
end_client(pid_t pid)
{
	int status;

	(void)waitpid(pid, &status, 0);
	cr_expect(status == 0, "%s", WEXITSTATUS(status) == 1 ? "requests failed" : "too few requests");
}

struct change {
	const struct pool *p;
	const char *pid;
};

static bool
has_another_pool(void *arg)
{
	const struct change *c = arg;
	const char *pid = pool_pid(c->p);

	return *pid && strcmp(pid, c->pid) != 0;
}

static bool
knows_us(void *arg)
{
	return ASK((const struct pool *)arg, .target = MINE, .token = token_of(9)).status == 200;
}

static bool
knows_us_not(void *arg)
{
	return ASK((const struct pool *)arg, .target = MINE, .token = token_of(9)).status == 401;
}

static struct ran
command(const struct pool *p, const char *name)
{
	const char *const argv[] = { text("%s/spawn.sh", test_env("ORDERS_TEST_ROOT")), name, NULL };

	return program_run(argv, pool_environment(&(const struct pool_options){ 0 }, p), NULL);
}

static bool
serves(void *arg)
{
	return command(arg, "status").status == 0;
}

Test(reload, new_settings_and_restarts_of_lighttpd_lose_no_request, .timeout = 90)
{
	char *settings = text("%s/reload-%d", test_env("ORDERS_TEST_DIR"), (int)getpid());
	char *enough = text("%s.enough", settings);
	struct pool p;
	pid_t clients[3];
	struct ran r;

	NEEDS(POOL_IS_ITS_OWN);
	write_file(settings, "SECRET_KEY=" TEST_SECRET "\n");
	p = pool_start(&(const struct pool_options){
		.workers = 2, .settings = { text("ORDERS_ENV=%s", settings), "SECRET_KEY" } });
	for (size_t i = 0; i < 3; i++)
		clients[i] = start_client(&p, enough);
	for (int round = 0; round < 3; round++) {
		struct change c = { &p, pool_pid(&p) };

		cr_expect(knows_us(&p));
		write_file(settings, "SECRET_KEY=another-secret-that-is-long-enough-for-it\n");
		r = command(&p, "reload");
		cr_assert(r.status == 0, "%d %s", r.status, r.err);
		cr_expect(wait_until(5000, knows_us_not, &p));
		write_file(settings, "SECRET_KEY=" TEST_SECRET "\n");
		(void)kill((pid_t)atoi(c.pid), SIGHUP);
		cr_expect(wait_until(5000, knows_us, &p));
		cr_expect(strcmp(pool_pid(&p), c.pid) == 0, "the pool itself stays");
		(void)kill(p.pid, SIGUSR1);
		cr_expect(wait_until(20000, has_another_pool, &c), "%s", pool_log(&p));
	}
	write_file(enough, "");
	for (size_t i = 0; i < 3; i++)
		end_client(clients[i]);
	cr_expect(wait_until(10000, serves, &p));
	r = command(&p, "status");
	cr_expect(r.status == 0 && strstr(r.out, "2 of 2 workers"), "%d %s", r.status, r.out);
	r = command(&p, "stop"); /* lighttpd would start it again */
	cr_expect(r.status == EX_USAGE && strstr(r.err, text("kill -INT %d", (int)p.pid)), "%d %s", r.status,
		  r.err);
	cr_expect(serves(&p));
	cr_expect(pool_stop(&p), "%s", pool_log(&p));
	cr_expect(command(&p, "status").status == 3);
}

/* lighttpd once more, with the pool's port, folder and settings, in a session of its own. */
static struct pool
start_another(const struct pool *p, const struct pool_options *o)
{
	char *serve = text("%s/tests/support/serve.sh", test_env("ORDERS_TEST_ROOT"));
	char *log = text("%s/log", p->dir), *const argv[] = { serve, text("%s", "lighttpd"), NULL };
	struct pool another = *p;
	char **env = pool_environment(o, p);

	another.pid = fork();
	if (another.pid == 0) {
		(void)setsid();
		if (!freopen("/dev/null", "r", stdin) || !freopen(log, "a", stdout) ||
		    !freopen(log, "a", stderr))
			_exit(1);
		(void)execve(serve, argv, env);
		_exit(127);
	}
	return another;
}

static bool
is_unbound(void *arg)
{
	return access(text("%s/run/orders.sock-0", ((const struct pool *)arg)->dir), F_OK) != 0;
}

static bool
is_healthy(void *arg)
{
	return ASK((const struct pool *)arg, .target = "/health").status == 200;
}

/* Its socket answers as long as a worker has a request: lighttpd would take it for somebody else's pool, which it
 * never starts again. */
Test(reload, lighttpd_may_be_killed_and_started_while_a_worker_is_busy, .timeout = 60)
{
	struct peer products = peer_start(NULL);
	const struct pool_options o = { .workers = 2,
					.products = products.port,
					.settings = { "PRODUCT_SERVICE_TIMEOUT=8" } };
	struct pool old, p;
	struct exchange x;
	pid_t pids[POOL_PIDS];

	NEEDS(POOL_IS_ITS_OWN);
	PEER_ON(&products, product_target(1), .act = PEER_HANG);
	old = pool_start(&o);
	x = ask_send(old.port,
		     &(const struct ask){ .target = MINE,
					  .token = token_of(9),
					  .body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}" });
	cr_assert(peer_waits_for(&products, product_target(1), 1, 5000));
	(void)kill(old.pid, SIGKILL);
	(void)waitpid(old.pid, NULL, 0);
	cr_assert(wait_until(2000, is_unbound, &old), "its socket stays");
	p = start_another(&old, &o);
	cr_expect(wait_until(6000, is_healthy, &p), "%s", pool_log(&p));
	cr_expect(pool_pids(&old, "orders.fcgi", pids) > 0, "the old worker ended too soon to tell");
	cr_expect(pool_has_workers(&old, 0, 20000));
	cr_expect(is_healthy(&p), "the old pool took the new one's socket along");
	cr_expect(serves(&p), "or its pid file");
	(void)ask_receive(&x, 100);
	cr_expect(pool_stop(&p));
}

Test(reload, settings_set_to_nothing_are_not_set)
{
	struct pool p;
	struct answer a;

	NEEDS(POOL_IS_ITS_OWN);
	p = pool_start(&(const struct pool_options){ .settings = { "WORKERS=", "MAX_WAITING=" } });
	a = ASK(&p, .target = "/health");
	EXPECT(a, 200, "{\"status\":\"healthy\"}");
	cr_expect(pool_has_workers(&p, 4, 5000), "the default");
	cr_expect(pool_stop(&p));
}

/* lighttpd and its pool work in different directories. */
Test(reload, relative_paths_are_refused_by_lighttpds_configuration)
{
	static const char *const names[] = { "RUN_DIR", "ORDERS_FCGI", "ORDERS_ENV" };
	const char *const argv[] = { text("%s/tests/support/serve.sh", test_env("ORDERS_TEST_ROOT")),
				     "lighttpd", NULL };

	for (size_t i = 0; i < 3; i++) {
		struct ran r = program_run(
			argv,
			pool_environment(
				&(const struct pool_options){ .settings = { text("%s=there", names[i]) } },
				&(const struct pool){ .dir = "/nowhere", .topic = "t", .database = "d" }),
			NULL);

		cr_expect(r.status > 0 && strstr(r.err, names[i]) && strstr(r.err, "absolute"), "%s: %d %s",
			  names[i], r.status, r.err);
	}
}

Test(reload, paths_may_have_blanks)
{
	char *dir = text("%s/a b-%d", test_env("ORDERS_TEST_DIR"), (int)getpid());
	char *worker = text("%s/orders.fcgi", dir);
	struct pool p;

	NEEDS(POOL_IS_ITS_OWN);
	cr_assert(mkdir(dir, 0700) == 0 && symlink(test_env("ORDERS_TEST_WORKER"), worker) == 0);
	p = pool_start(&(const struct pool_options){
		.workers = 2, .settings = { text("RUN_DIR=%s", dir), text("ORDERS_FCGI=%s", worker) } });
	cr_expect(pool_has_workers(&p, 2, 5000), "%s", pool_log(&p));
	cr_expect(access(text("%s/spawn.pid", dir), F_OK) == 0);
	cr_expect(pool_stop(&p));
}

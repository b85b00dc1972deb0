/* spawn.sh: the pool without lighttpd. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"

SHARED_POOL(.workers = 1);

/* A folder of its own, spawn.sh's settings for it, and where it would listen. */
struct spawned {
	char *dir, *socket, *pid_file;
	char **env;
	pid_t pid;
};

static struct spawned
prepare(const char *a, const char *b)
{
	static int count;
	struct spawned s = { .dir = text("%s/s%d-%d", pool_shared()->dir, (int)getpid(), ++count) };

	(void)mkdir(s.dir, 0700);
	s.socket = text("%s/orders.sock", s.dir);
	s.pid_file = text("%s/spawn.pid", s.dir);
	s.env = pool_environment(
		&(const struct pool_options){
			.workers = 2, .settings = { text("RUN_DIR=%s", s.dir), a ? a : b, a ? b : NULL } },
		pool_shared());
	return s;
}

static const char *
script(void)
{
	return text("%s/spawn.sh", test_env("ORDERS_TEST_ROOT"));
}

static pid_t
start(struct spawned *s)
{
	const char *log = text("%s/log", s->dir);
	char *const argv[] = { text("%s", script()), NULL };

	s->pid = fork();
	if (s->pid == 0) {
		(void)setsid();
		if (!freopen("/dev/null", "re", stdin) || !freopen(log, "ae", stdout) ||
		    !freopen(log, "ae", stderr))
			_exit(1);
		(void)execve(argv[0], argv, s->env);
		_exit(127);
	}
	return s->pid;
}

static bool
answers(void *arg)
{
	struct spawned *s = arg;
	int fd = fastcgi_dial(s->socket);
	struct exchange x;

	if (fd < 0)
		return false;
	x = fastcgi_send(fd, &(const struct ask){ .target = "/health" });
	return fastcgi_receive(&x, 5000).status == 200;
}

static int
workers(const struct spawned *s, pid_t pids[static POOL_PIDS])
{
	return pool_pids(&(const struct pool){ .pid = s->pid }, "orders.fcgi", pids);
}

static bool
has_two(void *arg)
{
	pid_t pids[POOL_PIDS];

	return workers(arg, pids) == 2;
}

static bool
has_none(void *arg)
{
	pid_t pids[POOL_PIDS];

	return pool_pids(&(const struct pool){ .pid = ((const struct spawned *)arg)->pid }, NULL, pids) == 0;
}

Test(spawn, keeps_a_pool_on_a_socket_in_the_foreground_until_TERM)
{
	struct spawned s = prepare(NULL, NULL);
	struct exchange x;
	struct answer a;
	struct stat st;

	(void)start(&s);
	cr_assert(wait_until(10000, answers, &s), "%s", read_file(text("%s/log", s.dir), NULL));
	cr_expect(wait_until(5000, has_two, &s), "WORKERS of them");
	cr_expect(stat(s.socket, &st) == 0 && (st.st_mode & 0777) == 0660, "%o", st.st_mode & 0777);
	x = fastcgi_send(fastcgi_dial(s.socket),
			 &(const struct ask){ .target = "/api/v1/orders",
					      .token = token_of(new_user()),
					      .body = "{\"items\":[{\"product_id\":3,\"quantity\":2}]}" });
	a = fastcgi_receive(&x, 10000);
	cr_expect(a.status == 201 && !differs(json_get(a.body, "total_amount"), "91.00"), "%d %s", a.status,
		  a.body);
	(void)kill(s.pid, SIGTERM);
	cr_expect(worker_wait(s.pid, 10000) == 0);
	cr_expect(wait_until(5000, has_none, &s), "it left processes behind");
	cr_expect(access(s.socket, F_OK) != 0, "it left its socket behind");
}

Test(spawn, replaces_workers_that_die_for_ever)
{
	struct spawned s = prepare(NULL, NULL);
	pid_t pids[POOL_PIDS];

	(void)start(&s);
	cr_assert(wait_until(10000, answers, &s), "%s", read_file(text("%s/log", s.dir), NULL));
	for (int round = 0; round < 25; round++) { /* more than multiwatch itself would put up with */
		cr_assert(wait_until(10000, has_two, &s), "round %d: %s", round,
			  read_file(text("%s/log", s.dir), NULL));
		for (int i = workers(&s, pids); i > 0; i--)
			(void)kill(pids[i - 1], SIGKILL);
	}
	cr_expect(wait_until(10000, has_two, &s));
	cr_expect(wait_until(10000, answers, &s));
	(void)kill(s.pid, SIGINT);
	cr_expect(worker_wait(s.pid, 10000) == 0);
	cr_expect(wait_until(5000, has_none, &s));
}

static bool
is_open(void *arg)
{
	int fd = dial(*(int *)arg);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

Test(spawn, listens_on_an_address_too)
{
	int port = free_port();
	struct spawned s = prepare(text("LISTEN=127.0.0.1:%d", port), NULL);
	struct exchange x;
	struct answer a;

	(void)start(&s);
	cr_assert(wait_until(10000, is_open, &port), "%s", read_file(text("%s/log", s.dir), NULL));
	x = fastcgi_send(dial(port), &(const struct ask){ .target = "/health" });
	a = fastcgi_receive(&x, 5000);
	cr_expect(a.status == 200, "%d", a.status);
	(void)kill(s.pid, SIGTERM);
	cr_expect(worker_wait(s.pid, 10000) == 0);
}

Test(spawn, tests_the_settings_first)
{
	struct spawned s = prepare("SECRET_KEY", NULL);
	const char *const argv[] = { script(), NULL };
	struct ran r = program_run(argv, s.env, NULL);

	cr_expect(r.status == EX_CONFIG && strstr(r.err, "SECRET_KEY"), "%d %s", r.status, r.err);
	cr_expect(access(s.socket, F_OK) != 0);
	s = prepare("WORKERS=none", NULL);
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_CONFIG && strstr(r.err, "WORKERS"), "%d %s", r.status, r.err);
}

Test(spawn, goes_to_the_background_with_a_pid_file)
{
	struct spawned s = prepare(NULL, NULL);
	const char *const argv[] = { script(), "-d", NULL }, *const bad[] = { script(), "-x", NULL };
	struct ran r = program_run(argv, s.env, NULL);
	char *pid_text;

	cr_assert(r.status == 0, "%d %s", r.status, r.err);
	cr_expect(answers(&s), "the pool is there when it returns: %s", r.err);
	pid_text = read_file(s.pid_file, NULL);
	cr_assert_not_null(pid_text);
	s.pid = (pid_t)strtol(pid_text, NULL, 10);
	cr_expect(wait_until(5000, has_two, &s));
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_TEMPFAIL && strstr(r.err, "already running"), "%d %s", r.status, r.err);
	(void)kill(s.pid, SIGTERM);
	cr_expect(wait_until(10000, has_none, &s));
	cr_expect(access(s.pid_file, F_OK) != 0, "it left its pid file behind");
	r = program_run(bad, s.env, NULL);
	cr_expect(r.status == EX_USAGE && strstr(r.err, "usage"), "%d %s", r.status, r.err);
}

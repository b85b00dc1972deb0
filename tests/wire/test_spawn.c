/* spawn.sh: the pool without lighttpd. */
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
#include "vectors/env.h"

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
		(void)signal(SIGINT, SIG_DFL); /* a shell cannot trap what was ignored when it began */
		(void)setsid();
		if (!freopen("/dev/null", "r", stdin) || !freopen(log, "a", stdout) ||
		    !freopen(log, "a", stderr))
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
	cr_expect(worker_wait(s.pid, 10000) == 0, "%s", read_file(text("%s/log", s.dir), NULL));
	cr_expect(wait_until(5000, has_none, &s), "%s", read_file(text("%s/log", s.dir), NULL));
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
	const char *const argv[] = { script(), NULL }, *const others[] = { "multiwatch", "setpriv", "flock" };
	struct ran r = program_run(argv, s.env, NULL);
	char *bin = text("%s/bin", s.dir);

	cr_expect(r.status == EX_CONFIG && strstr(r.err, "SECRET_KEY"), "%d %s", r.status, r.err);
	cr_expect(access(s.socket, F_OK) != 0);
	cr_assert(mkdir(bin, 0700) == 0 && symlink("/usr/bin/dirname", text("%s/dirname", bin)) == 0);
	s = prepare(text("PATH=%s", bin), NULL);
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_CONFIG && strstr(r.err, "multiwatch is not installed"), "%d %s", r.status,
		  r.err);
	for (size_t i = 0; i < 3; i++)
		cr_assert(symlink(text("/usr/bin/%s", others[i]), text("%s/%s", bin, others[i])) == 0);
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_CONFIG && strstr(r.err, "spawn-fcgi is not installed"), "%d %s", r.status,
		  r.err);
	s = prepare("RUN_DIR=/nonexistent", NULL);
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_CONFIG && strstr(r.err, "RUN_DIR: there is no folder"), "%d %s", r.status,
		  r.err);
	s = prepare("WORKERS=none", NULL);
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_CONFIG && strstr(r.err, "WORKERS"), "%d %s", r.status, r.err);
}

static void
write_file(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0, "%s", path);
}

/* A worker that runs this script instead, with the settings of file. */
static struct ran
run_worker(const struct spawned *s, const char *commands, const char *file)
{
	const char *const argv[] = { script(), "worker", NULL };
	char *worker = text("%s/worker.sh", s->dir);
	const struct pool_options o = { .settings = { text("RUN_DIR=%s", s->dir), text("ORDERS_ENV=%s", file),
						      "SECRET_KEY", text("ORDERS_FCGI=%s", worker) } };

	write_file(worker, text("#!/bin/sh\n%s\n", commands));
	(void)chmod(worker, 0700);
	return program_run(argv, pool_environment(&o, pool_shared()), NULL);
}

Test(spawn, reads_settings_as_ordersctl_does)
{
	struct spawned s = prepare(NULL, NULL);
	const char *file = text("%s/settings", s.dir);
	const char *show = "printf %s \"${A+A=[$A] }${B+B=[$B] }${C+C=[$C] }${D+D=[$D] }${E+E=[$E] }\"";

	for (size_t i = 0; i < sizeof env_vectors / sizeof *env_vectors; i++) {
		struct ran r;

		write_file(file, env_vectors[i].text);
		r = run_worker(&s, show, file);
		if (env_vectors[i].bad_line)
			cr_expect(r.status == EX_CONFIG &&
					  strstr(r.err, text("line %d", env_vectors[i].bad_line)),
				  "%s: %d %s%s", env_vectors[i].why, r.status, r.out, r.err);
		else
			cr_expect(r.status == 0 && strcmp(r.out, env_vectors[i].settings) == 0, "%s: %d %s%s",
				  env_vectors[i].why, r.status, r.out, r.err);
	}
}

/* The rest of what ORDERS_ENV may hold is a reload's. */
Test(spawn, reads_settings_as_systemd_does_and_names_the_line_that_it_cannot)
{
	static const struct {
		const char *content, *says; /* NULL: it is good */
	} rows[] = {
		{ "\xef\xbb\xbf# saved elsewhere\r\nSECRET_KEY= \t\"" TEST_SECRET "\" \r\n", NULL },
		{ "# one\n\nSECRET KEY=" TEST_SECRET "\n", "line 3 is not NAME=value" },
		{ "SECRET_KEY=" TEST_SECRET "\nALGORITHM='HS256\n",
		  "line 2: the value of ALGORITHM begins with a quote and does not end with it" },
		{ NULL, "is a folder" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct spawned s = prepare(NULL, NULL);
		char *file = text("%s/settings", s.dir);
		struct ran r;

		if (rows[i].content)
			write_file(file, rows[i].content);
		r = run_worker(&s, "echo \"<$SECRET_KEY>\"", rows[i].content ? file : s.dir);
		if (rows[i].says)
			cr_expect(r.status == EX_CONFIG && strstr(r.err, rows[i].says), "%zu: %d %s%s", i,
				  r.status, r.out, r.err);
		else
			cr_expect(r.status == 0 && strcmp(r.out, "<" TEST_SECRET ">\n") == 0, "%zu: %d %s%s",
				  i, r.status, r.out, r.err);
		cr_expect(!strstr(r.err, TEST_SECRET), "it shows a secret: %s", r.err);
	}
}

Test(spawn, goes_to_the_background_with_a_pid_file)
{
	struct spawned s = prepare(NULL, NULL);
	const char *const argv[] = { script(), "-d", NULL }, *const bad[] = { script(), "-x", NULL },
			  *const foreground[] = { script(), NULL };
	struct ran r = program_run(argv, s.env, NULL);
	char *pid_text;

	cr_assert(r.status == 0, "%d %s", r.status, r.err);
	cr_expect(answers(&s), "the pool is there when it returns: %s", r.err);
	pid_text = read_file(s.pid_file, NULL);
	cr_assert_not_null(pid_text);
	s.pid = getsid((pid_t)strtol(pid_text, NULL, 10));
	cr_expect(wait_until(5000, has_two, &s));
	r = program_run(argv, s.env, NULL);
	cr_expect(r.status == EX_TEMPFAIL && strstr(r.err, "already running"), "%d %s", r.status, r.err);
	s.env = pool_environment(
		&(const struct pool_options){
			.settings = { text("RUN_DIR=%s", s.dir), text("LISTEN=%s/another.sock", s.dir) } },
		pool_shared());
	r = program_run(foreground, s.env, NULL);
	cr_expect(r.status == EX_TEMPFAIL && strstr(r.err, "already running"), "%d %s", r.status, r.err);
	EXPECT_TEXT(read_file(s.pid_file, NULL), pid_text);
	(void)kill(s.pid, SIGTERM);
	cr_expect(wait_until(10000, has_none, &s));
	cr_expect(access(s.pid_file, F_OK) != 0, "it left its pid file behind");
	r = program_run(bad, s.env, NULL);
	cr_expect(r.status == EX_USAGE && strstr(r.err, "usage"), "%d %s", r.status, r.err);
}

static struct ran
command(const struct spawned *s, const char *name)
{
	const char *const argv[] = { script(), name, NULL };

	return program_run(argv, s->env, NULL);
}

/* What spawn.sh itself has said, the workers' lines left out. */
static int
lines_said(const struct spawned *s, const char *part)
{
	char *saved, *log = read_file(text("%s/log", s->dir), NULL);
	int n = 0;

	for (char *line = strtok_r(log, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved))
		n += strncmp(line, "spawn.sh: ", 10) == 0 && strstr(line, part) != NULL;
	return n;
}

/* How often the pool has tried to start workers; a reload counts. */
static int
attempts(const struct spawned *s)
{
	char *state = read_file(text("%s/spawn.state", s->dir), NULL);

	return state ? atoi(state) : 0;
}

struct trouble {
	const struct spawned *s;
	const char *line;
	int attempts;
};

/* The pool itself knows that its workers serve. */
static bool
is_settled(void *arg)
{
	const struct spawned *s = arg;
	char *state = read_file(text("%s/spawn.state", s->dir), NULL);
	int begun, ended, status;

	return state && sscanf(state, "%d %d %d", &begun, &ended, &status) == 3 && ended > 0 && status == 0;
}

static char *
log_of(const struct spawned *s)
{
	return read_file(text("%s/log", s->dir), NULL);
}

static bool
tried_again(void *arg)
{
	const struct trouble *t = arg;

	return lines_said(t->s, t->line) > 0 && attempts(t->s) >= t->attempts;
}

static void
kill_multiwatch(const struct spawned *s)
{
	pid_t pids[POOL_PIDS];

	for (int i = pool_pids(&(const struct pool){ .pid = s->pid }, "multiwatch", pids); i > 0; i--)
		(void)kill(pids[i - 1], SIGKILL);
}

/* The settings that make the pool's file of them complete, and a worker that a file called "sick" makes ill. */
static struct spawned
prepare_sickly(const char *symptom)
{
	struct spawned s = prepare(NULL, NULL);
	char *worker = text("%s/worker.sh", s.dir), *file = text("%s/settings", s.dir);

	write_file(worker, text("#!/bin/sh\n[ ! -e %s/sick ] || { %s; }\nexec '%s' \"$@\"\n", s.dir, symptom,
				test_env("ORDERS_TEST_WORKER")));
	(void)chmod(worker, 0700);
	write_file(file, "# as systemd reads it\n\nSECRET_KEY=\"" TEST_SECRET "\"\n");
	s.env = pool_environment(
		&(const struct pool_options){ .workers = 2,
					      .settings = { text("RUN_DIR=%s", s.dir),
							    text("ORDERS_ENV=%s", file), "SECRET_KEY",
							    text("ORDERS_FCGI=%s", worker) } },
		pool_shared());
	return s;
}

Test(spawn, says_in_one_line_why_workers_cannot_start_and_recovers, .timeout = 60)
{
	static const struct {
		const char *symptom, *line;
		bool settings; /* they are what is bad */
	} rows[] = {
		{ ":", "SECRET_KEY", true },
		{ "echo 'libfoo.so.4: cannot open shared object file' >&2; exit 127", "libfoo.so.4", false },
		{ "exit 1", "status 1", false },
		{ "[ \"${1-}\" = -t ] || exit 1", "end as soon as they start", false },
	};

	struct spawned pools[4];
	int64_t since;
	struct ran r;

	for (size_t i = 0; i < 4; i++) {
		pools[i] = prepare_sickly(rows[i].symptom);
		(void)start(&pools[i]);
	}
	for (size_t i = 0; i < 4; i++)
		cr_assert(wait_until(15000, is_settled, &pools[i]), "%s", log_of(&pools[i]));
	since = now_ms();
	for (size_t i = 0; i < 4; i++) {
		write_file(text("%s/sick", pools[i].dir), "");
		if (rows[i].settings)
			write_file(text("%s/settings", pools[i].dir), "LOG_LEVEL=info\n");
		kill_multiwatch(&pools[i]);
	}
	for (size_t i = 0; i < 4; i++) {
		struct spawned *s = &pools[i];
		struct trouble t = { s, rows[i].line, 4 };

		cr_assert(wait_until(20000, tried_again, &t), "%s: %s", rows[i].line, log_of(s));
		cr_expect(now_ms() - since >= 3000, "%s: it burns a core", rows[i].line);
		cr_expect(lines_said(s, "") == 1, "%s: %s", rows[i].line, log_of(s));
		r = command(s, "status");
		cr_expect(r.status == 1 && strstr(r.out, rows[i].line), "%d %s", r.status, r.out);
		(void)unlink(text("%s/sick", s->dir));
		write_file(text("%s/settings", s->dir), "SECRET_KEY='" TEST_SECRET "'\n");
	}
	for (size_t i = 0; i < 4; i++) {
		cr_expect(wait_until(8000, answers, &pools[i]), "%s: it does not recover", rows[i].line);
		(void)kill(pools[i].pid, SIGTERM);
		cr_expect(worker_wait(pools[i].pid, 10000) == 0);
		cr_expect(wait_until(5000, has_none, &pools[i]));
	}
}

Test(spawn, is_not_confused_by_remarks_about_good_settings)
{
	struct spawned s = prepare_sickly("echo 'ld.so: a library cannot be preloaded: ignored' >&2");
	struct ran r;

	write_file(text("%s/sick", s.dir), "");
	(void)start(&s);
	cr_expect(wait_until(10000, is_settled, &s), "%s", log_of(&s));
	r = command(&s, "status");
	cr_expect(r.status == 0 && strstr(r.out, "2 of 2 workers"), "%d %s%s", r.status, r.out, r.err);
	cr_expect(lines_said(&s, "") == 0, "%s", log_of(&s));
	(void)kill(s.pid, SIGTERM);
	cr_expect(worker_wait(s.pid, 10000) == 0);
}

static bool
is_over(void *arg)
{
	return now_ms() >= *(int64_t *)arg;
}

/* multiwatch gives up for good who dies too often; the others would be fewer from then on. Who does not die at once it starts for ever. */
Test(spawn, replaces_workers_that_multiwatch_has_given_up_or_starts_in_vain, .timeout = 120)
{
	struct spawned pools[] = {
		prepare_sickly("[ \"${1-}\" = -t ] || exit 1"),
		prepare_sickly("[ \"${1-}\" = -t ] || { sleep 0.3; exit 1; }"),
	};
	pid_t pids[POOL_PIDS];
	int64_t old_enough;

	for (size_t i = 0; i < 2; i++)
		(void)start(&pools[i]);
	for (size_t i = 0; i < 2; i++)
		cr_assert(wait_until(15000, is_settled, &pools[i]));
	old_enough = now_ms() + 11000; /* to be tried again at once when something is amiss */
	cr_assert(wait_until(15000, is_over, &old_enough));
	for (size_t i = 0; i < 2; i++) {
		write_file(text("%s/sick", pools[i].dir), "");
		cr_assert(workers(&pools[i], pids) == 2);
		(void)kill(pids[0], SIGKILL);
	}
	for (size_t i = 0; i < 2; i++) {
		struct spawned *s = &pools[i];

		cr_assert(wait_until(40000, tried_again, &(struct trouble){ s, "the old workers go on", 2 }),
			  "%zu: %s", i, log_of(s));
		cr_expect(answers(s), "%zu: the other one serves on", i);
	}
	cr_assert(wait_until(15000, tried_again, &(struct trouble){ &pools[0], "the old workers go on", 4 }),
		  "%s", log_of(&pools[0]));
	cr_expect(lines_said(&pools[0], "") == 1, "%s", log_of(&pools[0]));
	for (size_t i = 0; i < 2; i++)
		(void)unlink(text("%s/sick", pools[i].dir));
	for (size_t i = 0; i < 2; i++) {
		cr_expect(wait_until(30000, has_two, &pools[i]), "%zu: %s", i, log_of(&pools[i]));
		(void)kill(pools[i].pid, SIGTERM);
		cr_expect(worker_wait(pools[i].pid, 10000) == 0);
	}
}

/* Asks until the file is there; a failure, or too few requests to tell, is the process's status. */
static pid_t
start_client(struct spawned *s, const char *until)
{
	pid_t pid = fork();
	int n = 0, failed = 0;

	if (pid)
		return pid;
	for (; access(until, F_OK) != 0; n++)
		failed += !answers(s);
	_exit(failed ? 1 : n < 50 ? 2 : 0);
}

static bool
is_dead(void *arg)
{
	return kill(*(pid_t *)arg, 0) != 0;
}

Test(spawn, reload_replaces_every_worker_and_loses_no_request, .timeout = 60)
{
	struct spawned s = prepare_sickly(":");
	char *settings = text("%s/settings", s.dir), *enough = text("%s/enough", s.dir);
	pid_t clients[3], before[POOL_PIDS];
	struct ran r;
	int status;

	(void)start(&s);
	cr_assert(wait_until(15000, is_settled, &s));
	for (size_t i = 0; i < 3; i++)
		clients[i] = start_client(&s, enough);
	for (int round = 1; round <= 6; round++) {
		int had = workers(&s, before);

		write_file(settings, text("WORKERS=%d\nSECRET_KEY=" TEST_SECRET "\n", 2 + round % 2));
		r = command(&s, "reload");
		cr_assert(r.status == 0, "%d %s", r.status, r.err);
		for (int i = 0; i < had; i++)
			cr_expect(wait_until(5000, is_dead, &before[i]), "an old worker stayed");
		r = command(&s, "status");
		cr_expect(strstr(r.out, text("%d of %d workers", 2 + round % 2, 2 + round % 2)), "%s", r.out);
		write_file(settings, "LOG_LEVEL=info\n");
		r = command(&s, "reload");
		cr_expect(r.status == EX_CONFIG && strstr(r.err, "SECRET_KEY"), "%d %s", r.status, r.err);
	}
	write_file(enough, "");
	for (size_t i = 0; i < 3; i++) {
		(void)waitpid(clients[i], &status, 0);
		cr_expect(status == 0, "%s", WEXITSTATUS(status) == 1 ? "requests failed" : "too few");
	}
	r = command(&s, "stop");
	cr_expect(r.status == 0, "%d %s", r.status, r.err);
	cr_expect(worker_wait(s.pid, 10000) == 0);
	cr_expect(wait_until(5000, has_none, &s));
}

/* Puts a file in the place of a folder, so that nothing in it can be written: root may write where nobody may. */
static void
take_away(const char *dir)
{
	cr_assert(rename(dir, text("%s.away", dir)) == 0);
	write_file(dir, "");
}

static void
bring_back(const char *dir)
{
	cr_assert(unlink(dir) == 0 && rename(text("%s.away", dir), dir) == 0);
}

struct renewal {
	const struct spawned *s;
	pid_t before[POOL_PIDS];
};

static bool
is_renewed(void *arg)
{
	struct renewal *r = arg;
	pid_t pids[POOL_PIDS];
	int n = workers(r->s, pids);

	for (int i = 0; i < n; i++)
		if (pids[i] == r->before[0] || pids[i] == r->before[1])
			return false;
	return n == 2;
}

static bool
has_status(void *arg)
{
	return command(arg, "status").status == 0;
}

Test(spawn, goes_on_where_its_own_files_cannot_be_written, .timeout = 60)
{
	char *dir = text("%s/own-%d", pool_shared()->dir, (int)getpid());
	struct spawned s = prepare(text("PIDFILE=%s/spawn.pid", dir), NULL);
	struct renewal r = { .s = &s };
	pid_t supervisor;

	(void)mkdir(dir, 0700);
	(void)start(&s);
	cr_assert(wait_until(15000, has_status, &s), "%s", log_of(&s));
	supervisor = (pid_t)atoi(read_file(text("%s/spawn.pid", dir), NULL));
	take_away(dir);
	cr_assert(workers(&s, r.before) == 2);
	(void)kill(supervisor, SIGHUP);
	cr_expect(wait_until(10000, is_renewed, &r), "no reload: %s", log_of(&s));
	cr_expect(kill(supervisor, 0) == 0, "it ended: %s", log_of(&s));
	cr_expect(answers(&s));
	cr_assert(workers(&s, r.before) == 2);
	(void)kill(supervisor, SIGKILL);
	cr_expect(wait_until(10000, is_renewed, &r), "no successor: %s", log_of(&s));
	cr_expect(answers(&s));
	cr_expect(lines_said(&s, "cannot write") == 2, "once each: %s", log_of(&s));
	bring_back(dir);
	cr_expect(wait_until(10000, has_status, &s), "it is found again: %s", log_of(&s));
	cr_expect(command(&s, "stop").status == 0);
	cr_expect(worker_wait(s.pid, 10000) == 0);
}

/* Another user cannot see whether the workers serve, nor tell the pool anything. Only root can become one here. */
static void
expect_a_stranger_is_told_so(const struct spawned *s)
{
	static const struct {
		const char *command, *says;
		mode_t mode; /* of the pid file */
	} rows[] = {
		{ "status", "visible to root", 0644 },
		{ "reload", "only root and root may", 0644 },
		{ "stop", "only root and root may", 0644 },
		{ "status", "only root and root can see", 0600 },
		{ "reload", "only root and root can see", 0600 },
		{ "stop", "only root and root can see", 0600 },
	};
	char *copy = text("%s/spawn.sh", s->dir); /* the repository may be where nobody else may read */
	const char *const install[] = { "/bin/cp", script(), copy, NULL };

	if (geteuid() != 0)
		return;
	cr_assert(program_run(install, s->env, NULL).status == 0);
	cr_assert(chmod(pool_shared()->dir, 0711) == 0 && chmod(s->dir, 0711) == 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const argv[] = { "/usr/bin/setpriv", "--reuid=65534",
					     "--clear-groups",	 "--regid=65534",
					     "/bin/sh",		 copy,
					     rows[i].command,	 NULL };
		struct ran r;

		cr_assert(chmod(s->pid_file, rows[i].mode) == 0);
		r = program_run(argv, s->env, NULL);
		cr_expect(r.status == 4 && strstr(r.err, rows[i].says), "%s %o: %d %s%s", rows[i].command,
			  rows[i].mode, r.status, r.out, r.err);
	}
}

Test(spawn, commands_say_how_it_is_by_their_status)
{
	struct spawned s = prepare(NULL, NULL);
	struct ran r;

	for (int stale = 0; stale < 2; stale++) {
		cr_expect(command(&s, "status").status == 3);
		cr_expect(command(&s, "stop").status == 0);
		r = command(&s, "reload");
		cr_expect(r.status == 7 && strstr(r.err, "not running"), "%d %s", r.status, r.err);
		/* Our own pid is somebody else's for the pool: were it believed, we would be ended. */
		write_file(s.pid_file, text("%d\n", (int)getpid()));
	}
	r = command(&s, "-d");
	cr_assert(r.status == 0, "%d %s", r.status, r.err);
	r = command(&s, "status");
	cr_expect(r.status == 0 && strstr(r.out, "2 of 2 workers"), "%d %s", r.status, r.out);
	s.pid = getsid((pid_t)strtol(read_file(s.pid_file, NULL), NULL, 10));
	expect_a_stranger_is_told_so(&s);
	r = command(&s, "stop");
	cr_expect(r.status == 0 && wait_until(1000, has_none, &s), "%d %s", r.status, r.err);
	cr_expect(command(&s, "status").status == 3);
	cr_expect(access(s.socket, F_OK) != 0 && access(s.pid_file, F_OK) != 0);
}

/* Each on a socket of its own, so that it is not the socket that keeps the second one from it. */
Test(spawn, of_two_pools_started_at_the_same_moment_one_stays, .timeout = 60)
{
	struct spawned s = prepare(NULL, NULL);
	char *one = text("LISTEN=%s/one '%s' -d", s.dir, script()),
	     *both = text("(%s 2>%s/log; echo $?) & LISTEN=%s/two '%s' -d; echo $?; wait", one, s.dir, s.dir,
			  script());
	const char *const argv[] = { "/bin/sh", "-c", both, NULL };
	struct ran r = program_run(argv, s.env, NULL);

	cr_expect(strcmp(r.out, "0\n75\n") == 0 || strcmp(r.out, "75\n0\n") == 0, "%s%s%s", r.out, r.err,
		  log_of(&s));
	cr_expect(strstr(r.err, "already running") || lines_said(&s, "already running") == 1, "%s%s", r.err,
		  log_of(&s));
	cr_expect((access(text("%s/one", s.dir), F_OK) == 0) != (access(text("%s/two", s.dir), F_OK) == 0));
	s.pid = getsid((pid_t)atoi(read_file(s.pid_file, NULL)));
	cr_expect(has_status(&s), "%s", log_of(&s));
	cr_expect(command(&s, "stop").status == 0 && wait_until(1000, has_none, &s));
}

static bool
has_begun_again(void *arg)
{
	return attempts(arg) >= 2;
}

/* A pipe ends for its reader when the last writer is gone. */
Test(spawn, leaves_the_callers_stdout_to_him)
{
	struct spawned s = prepare(NULL, NULL);
	const char *const argv[] = { "/bin/sh", "-c",
				     text("timeout 20 sh -c 'exec \"$0\" -d 2>%s/log' \"$0\" | cat", s.dir),
				     script(), NULL };
	int64_t begun = now_ms();
	struct ran r = program_run(argv, s.env, NULL);

	cr_expect(r.status == 0 && now_ms() - begun < 15000, "%d after %d ms", r.status,
		  (int)(now_ms() - begun));
	s.pid = getsid((pid_t)atoi(read_file(s.pid_file, NULL)));
	cr_expect(has_status(&s), "it serves: %s", log_of(&s));
	cr_expect(command(&s, "stop").status == 0);
	cr_expect(wait_until(5000, has_none, &s));
}

Test(spawn, commands_believe_no_supervisor_that_is_gone, .timeout = 60)
{
	struct spawned s = prepare_sickly("[ \"${1-}\" = -t ] || exit 1");
	char *sick = text("%s/sick", s.dir);
	struct ran r;
	pid_t killer;

	/* What a killed pool leaves: its last renewal was a success. */
	write_file(sick, "");
	write_file(text("%s/spawn.state", s.dir), "1 1 0 1 2 2026-01-01T00:00:00Z -\n\n");
	r = command(&s, "-d");
	cr_expect(r.status == EX_TEMPFAIL && strstr(r.err, "end as soon as they start"), "%d %s", r.status,
		  r.err);
	cr_expect(command(&s, "stop").status == 0);

	s = prepare_sickly("while [ \"${1-}\" = -t ] && [ -e \"${0%/*}/sick\" ]; do sleep 0.05; done");
	sick = text("%s/sick", s.dir);
	(void)start(&s);
	cr_assert(wait_until(15000, is_settled, &s), "%s", log_of(&s));
	write_file(sick, "");
	killer = fork();
	if (killer == 0) {
		(void)wait_until(10000, has_begun_again, &s);
		(void)kill((pid_t)atoi(read_file(s.pid_file, NULL)), SIGKILL);
		_exit(0);
	}
	r = command(&s, "reload");
	cr_expect(r.status == EX_TEMPFAIL && strstr(r.err, "ended meanwhile"), "%d %s", r.status, r.err);
	(void)unlink(sick);
	(void)waitpid(killer, NULL, 0);
	cr_expect(wait_until(15000, has_status, &s), "%s", log_of(&s));
	cr_expect(command(&s, "stop").status == 0);
	cr_expect(worker_wait(s.pid, 10000) == 0);
}

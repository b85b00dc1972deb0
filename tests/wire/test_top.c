/* ordersctl top: piped, on a terminal, and what it leaves of the terminal. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "support/expect.h"
#include "support/fastcgi.h"

#define LEAVE "\033[?25h\033[?1049l"
#define SEEN_MAX 400000

TestSuite(top, .timeout = 60);

SHARED_POOL(.workers = 2);

/* The program on a terminal of its own. */
struct session {
	int master;
	pid_t pid;
	struct termios before;
	size_t len;
	char seen[SEEN_MAX];
};

static const char *
program(void)
{
	const char *worker = test_env("ORDERS_TEST_WORKER");

	return text("%.*s/ordersctl", (int)(strrchr(worker, '/') - worker), worker);
}

static struct session *
start_with(const char *term, unsigned short columns, const char *setting, const char *count)
{
	static struct session s;
	struct winsize size = { .ws_row = 40, .ws_col = columns };
	struct pool_options o = { .settings = { text("TERM=%s", term), "NO_COLOR=1", "LC_ALL=C.UTF-8",
						setting } };
	char **env = pool_environment(&o, pool_shared());
	char *path = text("%s", program());
	char *const argv[] = {
		path, text("top"), text("-d"), text("0.2"), text("-n"), text("%s", count), NULL
	};
	int slave;

	s.len = 0;
	s.seen[0] = '\0';
	cr_assert_eq(openpty(&s.master, &slave, NULL, NULL, &size), 0);
	cr_assert_eq(tcgetattr(slave, &s.before), 0);
	s.pid = fork();
	cr_assert_geq(s.pid, 0);
	if (s.pid == 0) {
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)signal(SIGINT, SIG_DFL);
		(void)login_tty(slave);
		(void)execve(path, argv, env);
		_exit(127);
	}
	(void)close(slave);
	return &s;
}

static struct session *
start(const char *term, unsigned short columns)
{
	return start_with(term, columns, NULL, "1000000");
}

/* Reads on until what came since `from` has the text. */
static bool
sees(struct session *s, size_t from, const char *wanted)
{
	int64_t deadline = now_ms() + 15000;

	while (strstr(s->seen + from, wanted) == NULL) {
		struct pollfd p = { .fd = s->master, .events = POLLIN };
		ssize_t n;

		if (now_ms() > deadline || s->len + 1 >= SEEN_MAX)
			return false;
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = read(s->master, s->seen + s->len, SEEN_MAX - 1 - s->len);
		if (n <= 0)
			return false;
		s->len += (size_t)n;
		s->seen[s->len] = '\0';
	}
	return true;
}

static int
end(struct session *s)
{
	int64_t deadline = now_ms() + 15000;
	int status;

	while (waitpid(s->pid, &status, WNOHANG) == 0) {
		cr_assert(now_ms() < deadline, "it does not end");
		(void)poll(NULL, 0, 5);
	}
	return status;
}

/* Its wait status. */
static int
expect_restored(struct session *s, const char *why)
{
	struct termios now;
	int status;

	cr_expect(sees(s, 0, LEAVE), "%s: the screen stays", why);
	status = end(s);
	cr_assert_eq(tcgetattr(s->master, &now), 0);
	cr_expect(now.c_lflag == s->before.c_lflag && now.c_iflag == s->before.c_iflag &&
			  now.c_oflag == s->before.c_oflag,
		  "%s: the terminal is not as it was", why);
	(void)close(s->master);
	return status;
}

Test(top, gives_the_terminal_back_whatever_ends_it)
{
	static const struct {
		const char *why;
		int signal; /* 0: the key q */
	} rows[] = { { "q", 0 }, { "SIGTERM", SIGTERM }, { "SIGHUP", SIGHUP }, { "Ctrl-C", SIGINT } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct session *s = start("xterm", 100);
		struct termios now;
		int status;

		cr_assert(sees(s, 0, "2 of 2 workers"), "%s: %s", rows[i].why, s->seen);
		cr_expect(tcgetattr(s->master, &now) == 0 && !(now.c_lflag & (ICANON | ECHO)), "%s",
			  rows[i].why);
		if (rows[i].signal == SIGINT)
			cr_assert_eq(write(s->master, "\003", 1), 1);
		else if (rows[i].signal)
			cr_assert_eq(kill(s->pid, rows[i].signal), 0);
		else
			cr_assert_eq(write(s->master, "xq", 2), 2);
		status = expect_restored(s, rows[i].why);
		cr_expect(rows[i].signal ? WIFSIGNALED(status) && WTERMSIG(status) == rows[i].signal
					 : WIFEXITED(status) && WEXITSTATUS(status) == 0,
			  "%s: %x", rows[i].why, (unsigned)status);
	}
}

Test(top, shows_new_figures_and_follows_the_size_of_the_terminal)
{
	struct session *s = start("xterm", 100);
	struct winsize narrow = { .ws_row = 10, .ws_col = 30 };
	const char *frame, *end_of;
	size_t from;
	int lines = 0;

	cr_assert(sees(s, 0, "2 of 2 workers"));
	(void)place_order(pool_shared(), new_user(), 3, 1);
	cr_assert(sees(s, s->len, "requests,"), "%s", s->seen);
	from = s->len;
	cr_assert_eq(ioctl(s->master, TIOCSWINSZ, &narrow), 0);
	cr_assert(sees(s, from, "..."), "the head does not fit any more: %s", s->seen + from);
	from = s->len;
	cr_assert(sees(s, from, "\033[H") &&
		  sees(s, (size_t)(strstr(s->seen + from, "\033[H") - s->seen) + 3, "\033[H"));
	frame = strstr(s->seen + from, "\033[H") + 3;
	end_of = strstr(frame, "\033[J");
	for (const char *line = frame; line < end_of; lines++) {
		size_t len = strcspn(line, "\033");

		cr_expect(len <= 30, "%.*s", (int)len, line);
		line = strstr(line, "\033[K") + 3;
		line += strspn(line, "\r\n");
	}
	cr_expect(lines > 3 && lines < 10, "%d lines", lines);
	cr_assert_eq(write(s->master, "q", 1), 1);
	cr_expect_eq(expect_restored(s, "narrow"), 0);
}

Test(top, goes_on_after_ctrl_z)
{
	struct session *s = start("xterm", 100);
	size_t from;
	int status;

	cr_assert(sees(s, 0, "2 of 2 workers"));
	from = s->len;
	cr_assert_eq(write(s->master, "\032", 1), 1);
	cr_assert(sees(s, from, LEAVE), "the shell needs its screen");
	cr_assert_eq(waitpid(s->pid, &status, WUNTRACED), s->pid);
	cr_assert(WIFSTOPPED(status));
	from = s->len;
	cr_assert_eq(kill(s->pid, SIGCONT), 0);
	cr_assert(sees(s, from, "2 of 2 workers"));
	cr_assert_eq(write(s->master, "q", 1), 1);
	cr_assert(sees(s, from, LEAVE));
	cr_expect_eq(end(s), 0);
	(void)close(s->master);
}

/* Behind the screen, where it stays. */
Test(top, ends_as_status_does_when_the_last_look_found_no_pool)
{
	static const char *const counts[] = { "1", "2", "1000000" }; /* which q ends */

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct session *s = start_with("xterm", 100, "RUN_DIR=/nowhere", counts[i]);
		int status;

		if (i > 0)
			cr_assert(sees(s, 0, "no pool of this version runs at /nowhere/pool"), "%s", s->seen);
		if (i == 2)
			cr_assert_eq(write(s->master, "q", 1), 1);
		cr_assert(sees(s, 0, LEAVE), "%s", s->seen);
		cr_expect(sees(s, (size_t)(strstr(s->seen, LEAVE) - s->seen),
			       "ordersctl: no pool of this version runs at /nowhere/pool"),
			  "%s looks: %s", counts[i], s->seen);
		status = end(s);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3, "%s looks: %x", counts[i],
			  (unsigned)status);
		(void)close(s->master);
	}
}

Test(top, is_plain_on_a_dumb_terminal)
{
	struct session *s = start("dumb", 100);
	int status;

	cr_assert(sees(s, 0, "2 of 2 workers") &&
		  sees(s, (size_t)(strstr(s->seen, "workers") - s->seen) + 8, "2 of 2 workers"));
	cr_expect(strchr(s->seen, '\033') == NULL, "%s", s->seen);
	cr_assert_eq(kill(s->pid, SIGTERM), 0);
	status = end(s);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	(void)close(s->master);
}

Test(top, is_block_after_block_in_a_pipe)
{
	const char *const argv[] = { program(), "top", "-n", "3", "-d", "0.1", NULL };
	const char *const json[] = { program(), "top", "-n", "2", "-d", "0.1", "--json", NULL };
	char **env = pool_environment(&(const struct pool_options){ .settings = { "TERM=xterm" } },
				      pool_shared());
	struct ran r = program_run(argv, env, NULL);
	int blocks = 0, lines = 0;

	for (const char *at = r.out; (at = strstr(at, "2 of 2 workers")); at++)
		blocks++;
	cr_expect(r.status == 0 && blocks == 3 && !strchr(r.out, '\033'), "%d %d %s%s", r.status, blocks,
		  r.out, r.err);
	r = program_run(json, env, NULL);
	for (const char *at = r.out; (at = strchr(at, '\n')); at++)
		lines++;
	cr_expect(r.status == 0 && lines == 2, "%d %s", r.status, r.out);
	cr_expect(json_get_i64(text("%.*s", (int)strcspn(r.out, "\n"), r.out), "workers_wanted") == 2);
}

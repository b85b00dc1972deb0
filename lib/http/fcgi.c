#include "http/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/metrics.h"

#define LISTENER 0
#define CLOSE_POLL_TIMEOUT_MS "200" /* for a peer that does not close after the answer; libfcgi: 2000 */
#define ACCEPT_PAUSE_MS 500
#define INPUT_LEFT_MAX (64u << 10) /* that is read and dropped behind what a request announced */

static const int stops[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };
static volatile sig_atomic_t stopping;

static void
stop(int signo)
{
	(void)signo;
	stopping = 1;
}

/* Nothing but write(2), _exit(2) and words of the pool's here: the worker may be stuck anywhere. */
static void
give_up(int signo)
{
	static const char line[] = "{\"level\":\"error\",\"event\":\"worker.stuck\"}\n";

	(void)signo;
	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	metrics_stuck();
	_exit(EX_TEMPFAIL);
}

/* libfcgi replaces dispositions that it finds default or ignored, so ours come first. */
static void
block_signals(sigset_t *waiting)
{
	struct sigaction action = { .sa_handler = stop };
	sigset_t blocked, alarms;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
		(void)sigaddset(&blocked, stops[i]);
		(void)sigaction(stops[i], &action, NULL);
	}
	action.sa_handler = give_up;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)sigemptyset(&alarms);
	(void)sigaddset(&alarms, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	(void)sigaddset(&blocked, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &blocked, waiting);
	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
		(void)sigdelset(waiting, stops[i]);
}

static int
read_stream(void *arg, char *to, int len)
{
	return FCGX_GetStr(to, len, arg);
}

static int
read_stdin(void *arg, char *to, int len)
{
	(void)arg;
	return (int)read(STDIN_FILENO, to, (size_t)len);
}

struct listener {
	int ep;
	unsigned deadline_s; /* for what comes between two waits */
	sigset_t waiting;    /* the mask while waiting: signals come in then and at no other time */
};

/* Exclusive: one connection wakes one idle worker, not all of them. */
static bool
watch_listener(struct listener *l)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int flags = fcntl(LISTENER, F_GETFL);

	l->ep = epoll_create1(EPOLL_CLOEXEC);
	return flags >= 0 && fcntl(LISTENER, F_SETFL, flags | O_NONBLOCK) == 0 && l->ep >= 0 &&
	       epoll_ctl(l->ep, EPOLL_CTL_ADD, LISTENER, &e) == 0;
}

static void
note_signals(void)
{
	sigset_t pending;

	if (sigpending(&pending) == 0)
		for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
			if (sigismember(&pending, stops[i]))
				stopping = 1;
}

static bool
wait_for_request(const struct listener *l, int wait_ms)
{
	struct epoll_event e;
	bool ready;

	(void)alarm(0);
	ready = epoll_pwait(l->ep, &e, 1, wait_ms, &l->waiting) > 0;
	(void)alarm(l->deadline_s);
	note_signals(); /* epoll_pwait() does not deliver them when it has an event at once */
	return ready;
}

/* libfcgi's own way to close waits for the web server to close first, and the worker with it. That guards
 * against unread input, which would take the answer with it: so all of it is read, and then we just close. */
static void
finish(FCGX_Request *f)
{
	char waste[1024];
	int n = 1;

	for (size_t left = INPUT_LEFT_MAX; left && n > 0; left -= sizeof waste)
		n = FCGX_GetStr(waste, sizeof waste, f->in);
	if (n == 0)
		FCGX_Detach(f);
	FCGX_Finish_r(f);
}

static void
write_stream(void *arg, const char *bytes, size_t len)
{
	(void)FCGX_PutStr(bytes, (int)len, arg);
}

static void
write_stdout(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	(void)fwrite(bytes, 1, len, stdout);
}

/* Returns the milliseconds that the worker may wait for its next turn; *busy: a request is waiting already. */
static int
serve_one(const struct fcgi_app *app, FCGX_Request *f, struct listener *l, bool *busy)
{
	struct http_exchange x;
	int wait_ms = 0;

	http_exchange_run(&x, f->envp, read_stream, f->in, app->answer, app->arg);
	http_exchange_write(&x, write_stream, f->out);
	finish(f);
	*busy = wait_for_request(l, 0);
	if (x.answered)
		wait_ms = app->after(app->arg, &x.request, *busy);
	http_exchange_end(&x);
	return wait_ms;
}

static int
serve_cgi(const struct fcgi_app *app)
{
	struct http_exchange x;

	if (!getenv("REQUEST_METHOD") || !getenv("REQUEST_URI")) {
		(void)fputs("orders.fcgi: no listening socket on fd 0, and neither REQUEST_METHOD nor "
			    "REQUEST_URI to answer one request from: see orders.fcgi(8)\n",
			    stderr);
		return EX_USAGE;
	}
	http_exchange_run(&x, environ, read_stdin, NULL, app->answer, app->arg);
	http_exchange_write(&x, write_stdout, NULL);
	(void)fflush(stdout);
	if (x.answered)
		(void)app->after(app->arg, &x.request, false);
	http_exchange_end(&x);
	return EX_OK;
}

int
fcgi_serve(const struct fcgi_app *app)
{
	struct listener l = { .deadline_s = (unsigned)app->deadline_s };
	FCGX_Request f;
	bool busy = false;
	int wait_ms, rc;

	block_signals(&l.waiting);
	(void)setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", CLOSE_POLL_TIMEOUT_MS, 0);
	if (FCGX_Init() !=
	    0) { /* before FCGX_IsCGI(), which would do it and end the process without a word */
		log_error("worker.not_started", log_text("error", "no memory for libfcgi"));
		return EX_OSERR;
	}
	if (FCGX_IsCGI())
		return serve_cgi(app);
	if (FCGX_InitRequest(&f, LISTENER, FCGI_FAIL_ACCEPT_ON_INTR) != 0 || !watch_listener(&l)) {
		log_error("worker.no_listener", log_text("error", strerror(errno)));
		return EX_OSERR;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(l.deadline_s);
	wait_ms = app->turn(app->arg);
	while (!stopping) {
		if (!busy && !wait_for_request(&l, wait_ms)) {
			wait_ms = app->turn(app->arg);
			continue;
		}
		busy = false;
		rc = FCGX_Accept_r(&f);
		if (rc == 0) {
			wait_ms = serve_one(app, &f, &l, &busy);
			if (app->retire(app->arg))
				break;
			continue;
		}
		if (rc != -EAGAIN && rc != -EINTR && rc != -ECONNABORTED) {
			log_warn("worker.accept", log_text("error", strerror(-rc)));
			(void)poll(NULL, 0,
				   ACCEPT_PAUSE_MS); /* no descriptors, no memory: the listener stays ready */
		}
		wait_ms = app->turn(app->arg); /* somebody else was faster */
	}
	(void)app->turn(app->arg);
	FCGX_Free(&f, 1);
	(void)close(l.ep);
	return EX_OK;
}

/* ordersctl top: the pool again and again, on a screen of its own or, where there is none, block after block. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/pool_show.h"
#include "ctl/term.h"

#define FAULTS_SHOWN 8
#define CTRL_D '\4'

struct top {
	struct ctl *c;
	bool screen; /* keys are read and the cursor is placed */
	bool plots;
	uint64_t requests, errors; /* when it was looked at last */
	int64_t started_us;	   /* of that pool */
	int64_t looked_us;	   /* 0: never */
	char *no_pool;		   /* why the last look found none; NULL: it found one */
	bool last;		   /* look, by the count */
	sigset_t open;		   /* the mask with which signals come: while it waits */
};

/* What came in; read and cleared by the loop, with these blocked elsewhere. */
static volatile sig_atomic_t ended, stopped;

static void
note(int signal)
{
	if (signal == SIGTSTP)
		stopped = 1;
	else if (signal != SIGWINCH) /* which only ends the wait */
		ended = signal;
}

static void
catch_signals(struct top *t)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
	struct sigaction action = { .sa_handler = note };
	sigset_t blocked;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct sigaction before;

		/* Ignored for somebody's reasons, such as nohup's: let it be. */
		if ((!t->screen && signals[i] == SIGTSTP) || sigaction(signals[i], NULL, &before) ||
		    before.sa_handler == SIG_IGN)
			continue;
		(void)sigaddset(&blocked, signals[i]);
		(void)sigaction(signals[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &blocked, &t->open);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		(void)sigdelset(&t->open, signals[i]);
}

/* Rates since the last look at the same pool. */
static void
measure(struct top *t, const struct view *v, struct pool_show *how)
{
	double s = (double)(v->at_us - t->looked_us) / 1e6;

	how->rate = -1;
	if (t->looked_us && t->started_us == v->started_us && s > 0 && v->totals.requests >= t->requests) {
		how->rate = (double)(v->totals.requests - t->requests) / s;
		how->errors = (double)(v->totals.errors - t->errors) / s;
	}
	t->requests = v->totals.requests;
	t->errors = v->totals.errors;
	t->started_us = v->started_us;
	t->looked_us = v->at_us;
}

/* Appends what there is to see. The file may be another one since the last time. */
static bool
look(struct top *t, void *ctx, struct buf *out, size_t width)
{
	const char *why;
	const struct pool *p = pool_find(ctx, ctl_pool_path(ctx), &why);
	const struct view *v = p ? view_take(ctx, p) : NULL;
	struct pool_show how = {
		.colored = t->c->colored, .width = width, .faults = FAULTS_SHOWN, .plots = t->plots
	};
	bool good = true;

	talloc_free(t->no_pool);
	t->no_pool = p ? NULL : talloc_strdup(t->c->ctx, why);
	if (t->no_pool && !t->last) { /* the last one's is how it ends */
		buf_puts(out, t->c->opt->json ? "null" : why);
		buf_putc(out, '\n');
	}
	if (v && t->c->opt->json) {
		pool_show_json(out, v);
		buf_putc(out, '\n');
	} else if (v) {
		measure(t, v, &how);
		good = pool_show_text(out, ctx, v, &how);
	}
	if (p)
		pool_unmap(p);
	return good && (v || t->no_pool) && !out->failed;
}

/* The same lines on the screen, from its upper left corner, what is left of older ones erased. */
static void
place(struct buf *screen, const char *text, size_t lines)
{
	buf_puts(screen, "\033[H");
	for (size_t i = 1; *text; i++) {
		size_t len = strcspn(text, "\n");

		buf_put(screen, text, len);
		buf_puts(screen, "\033[K");
		text += len + (text[len] == '\n');
		if (i + 1 >= lines)
			break;
		if (*text)
			buf_puts(screen, "\r\n");
	}
	buf_puts(screen, "\033[J");
}

static int
show(struct top *t, bool first)
{
	void *ctx = talloc_new(t->c->ctx);
	size_t columns = 0, lines = 0;
	struct buf text;
	int status = EX_OSERR;

	if (ctx) {
		buf_init(&text, ctx, CTL_OUT_MAX);
		(void)term_size(STDOUT_FILENO, &columns, &lines);
		if (look(t, ctx, &text, t->screen ? columns : t->c->width)) {
			if (t->screen && text.len)
				place(&t->c->out, text.data, lines);
			else if (!first && text.len && !t->c->opt->json)
				buf_putc(&t->c->out, '\n');
			if (!t->screen)
				buf_put(&t->c->out, text.data, text.len);
			status = ctl_flush(t->c);
		} else {
			ctl_say("no memory");
		}
	}
	talloc_free(ctx);
	return status;
}

/* Ctrl-Z: the shell gets its terminal back until we go on. */
static bool
pause_for_shell(void)
{
	stopped = 0;
	term_close();
	(void)raise(SIGSTOP);
	return term_open(STDIN_FILENO, STDOUT_FILENO);
}

/* Until the next look is due, or something changes before. False: it is over. */
static bool
wait_for(struct top *t, int64_t deadline)
{
	struct pollfd keys = { .fd = t->screen ? STDIN_FILENO : -1, .events = POLLIN };
	int left = clock_left_ms(deadline);
	struct timespec time = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000L };
	int n = ppoll(&keys, 1, &time, &t->open);
	char key = '\0';

	if (n < 0 && errno != EINTR)
		return false;
	if (stopped && !pause_for_shell())
		return false;
	if (n > 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == CTRL_D))
		return false;
	return !ended;
}

/* Ends as the signal would have it, for whoever waits for this process. */
static int
end(int signal)
{
	sigset_t set;
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)sigaction(signal, &action, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signal);
	(void)raise(signal);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return EX_SOFTWARE;
}

int
ctl_top(struct ctl *c)
{
	struct top t = { .c = c };
	int status = EX_OK;
	bool on = true;

	t.screen = !c->opt->json && term_is_clever(STDOUT_FILENO) && isatty(STDIN_FILENO);
	t.plots = t.screen && term_knows_utf8();
	catch_signals(&t);
	if (t.screen && !term_open(STDIN_FILENO, STDOUT_FILENO))
		t.screen = false;
	for (int64_t n = 0; on && !status && !ended; n++) {
		t.last = c->opt->count && n + 1 >= c->opt->count;
		status = show(&t, n == 0);
		if (t.last)
			break;
		on = !status && wait_for(&t, clock_ms() + c->opt->interval_ms);
	}
	term_close();
	if (ended)
		return end((int)ended);
	return status || !t.no_pool ? status : ctl_no_pool(t.no_pool);
}

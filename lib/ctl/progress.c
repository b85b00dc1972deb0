#include "ctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/format.h"
#include "ctl/term.h"

#define FIRST_MS 500 /* shorter work needs no bar */
#define EVERY_MS 100
#define BAR 20

void
progress_begin(struct progress *p, const char *what, int64_t total)
{
	*p = (struct progress){ .what = what, .total = total, .started_ms = clock_ms() };
	p->on = term_is_clever(STDERR_FILENO);
	p->shown_ms = p->started_ms + FIRST_MS - EVERY_MS;
}

const char *
progress_text(char out[static PROGRESS_SIZE], const struct progress *p, int64_t done, int64_t now_ms)
{
	char n[FORMAT_SIZE], total[FORMAT_SIZE], left[FORMAT_SIZE], bar[BAR + 1];
	int64_t took = now_ms - p->started_ms;
	size_t filled;

	if (p->total <= 0 || done > p->total) { /* there is more than was thought */
		(void)snprintf(out, PROGRESS_SIZE, "%s  %s", p->what, format_count(n, done));
		return out;
	}
	filled = (size_t)(done * BAR / p->total);
	memset(bar, ' ', BAR);
	memset(bar, '#', filled);
	bar[BAR] = '\0';
	(void)format_count(n, done);
	(void)format_count(total, p->total);
	(void)snprintf(out, PROGRESS_SIZE, "%s [%s] %3d %%  %s of %s", p->what, bar,
		       (int)(done * 100 / p->total), n, total);
	if (done > 0)
		(void)snprintf(out + strlen(out), PROGRESS_SIZE - strlen(out), "  %s left",
			       format_span(left, took * (p->total - done) / done));
	return out;
}

void
progress_at(struct progress *p, int64_t done)
{
	char text[PROGRESS_SIZE];
	int64_t now = clock_ms();

	if (!p->on || now - p->shown_ms < EVERY_MS)
		return;
	p->shown_ms = now;
	(void)fprintf(stderr, "\r\033[K%s", progress_text(text, p, done, now));
	(void)fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->on && p->shown_ms >= p->started_ms + FIRST_MS)
		(void)fputs("\r\033[K", stderr);
	p->on = false;
}

/*
 * The service on its worst day: each row does something to a real pool under load, and says with figures what came of it.
 *
 *     fault           all rows; ONLY=name[,name…]: these; QUICK=1: each shortened; SEED: of whatever is random
 *
 * Run by tests/support/run.sh, which brings the environment. Exit status 0: every row held.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/test.h"

static const struct row *const tables[] = { load_rows,	   event_rows, backlog_rows, worker_rows,
					    database_rows, pool_rows,  product_rows };

/* What a row's process tells. */
struct report {
	char figures[1024], faults[4096];
	int unmet, unmet_times; /* the latter among the former */
	bool ended, skipped;
};

#define ROWS_MAX 64

static struct report *report; /* of the row that this process runs, or has run */
static uint64_t seed;
double *shared_peak;

bool
is_quick(void)
{
	const char *value = getenv("QUICK");

	return value && *value && strcmp(value, "0") != 0;
}

uint64_t
row_seed(void)
{
	return seed;
}

long
full_or_quick(long full, long quick)
{
	return is_quick() ? quick : full;
}

static void
append(char *to, size_t size, const char *separator, const char *format, va_list args)
{
	size_t len = strlen(to);

	if (len)
		len += (size_t)snprintf(to + len, size - len, "%s", separator);
	if (len < size)
		(void)vsnprintf(to + len, size - len, format, args);
}

void
figure(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(report->figures, sizeof report->figures, ", ", format, args);
	va_end(args);
}

static void
note_unmet(const char *format, va_list args)
{
	report->unmet++;
	append(report->faults, sizeof report->faults, "\n    ", format, args);
}

void
demand(bool met, const char *format, ...)
{
	va_list args;

	if (met)
		return;
	va_start(args, format);
	note_unmet(format, args);
	va_end(args);
}

void
demand_time(bool met, const char *format, ...)
{
	va_list args;

	if (met)
		return;
	report->unmet_times++;
	va_start(args, format);
	note_unmet(format, args);
	va_end(args);
}

void
not_here(const char *format, ...)
{
	va_list args;

	report->skipped = report->ended = true;
	va_start(args, format);
	append(report->figures, sizeof report->figures, ", ", format, args);
	va_end(args);
	exit(0);
}

/* The table */

static void
print_wrapped(const char *text)
{
	int column = 0;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, ",");

		len += p[len] == ',';
		if (column && column + (int)len > 100)
			column = printf("\n%40s", "") - 41;
		column += printf("%.*s", (int)len, p + (column == 0 && *p == ' '));
		p += len;
	}
	(void)putchar('\n');
}

enum verdict { HELD, NOT_HERE, FAILED, SLOW };

static enum verdict
print_row(const struct row *row, int64_t took_ms, int status)
{
	static const char *const names[] = { "held", "not here", "FAILED", "slow" };
	enum verdict verdict = report->skipped			      ? NOT_HERE
			       : !report->ended || status != 0	      ? FAILED
			       : report->unmet == 0		      ? HELD
			       : report->unmet == report->unmet_times ? SLOW
								      : FAILED;

	(void)printf("%-18s %-8s %5.1f s  ", row->name, names[verdict], (double)took_ms / 1000);
	print_wrapped(report->figures);
	if (report->unmet)
		(void)printf("    %s\n", report->faults);
	if (!report->ended)
		(void)printf("    it did not come to its end: status %d\n", status);
	(void)fflush(stdout);
	return verdict;
}

static void
run_child(const struct row *row)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setpgid(0, 0);
	row->run();
	report->ended = true;
	exit(0);
}

/* One that is under way. */
struct running {
	const struct row *row;
	struct report *report;
	pid_t pid;
	int64_t started_ms;
};

static struct running
start_row(const struct row *row, struct report *r)
{
	struct running now = { row, r, -1, clock_ms() };

	*r = (struct report){ 0 };
	(void)fflush(stdout);
	now.pid = fork();
	if (now.pid < 0)
		give_up("fork: %s", strerror(errno));
	if (now.pid == 0) {
		report = r;
		run_child(row);
	}
	return now;
}

/* True when it has ended, of itself or because its time was over. */
static bool
has_ended(const struct running *r, enum verdict *verdict)
{
	int status = -1;
	int64_t took_ms = clock_ms() - r->started_ms;

	if (waitpid(r->pid, &status, WNOHANG) != r->pid) {
		if (took_ms < r->row->limit_s * INT64_C(1000))
			return false;
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, &status, 0);
	}
	report = r->report;
	*verdict = print_row(r->row, took_ms, status);
	return true;
}

/* All that is under way, and what has become of the rest. */
struct run {
	struct running running[MANY];
	int count;
	struct report *reports;
	const struct row *slow[ROWS_MAX]; /* to be tried once more */
	int n_slow;
	int held, failed, not_here;
};

static void
note_verdict(struct run *run, const struct row *row, enum verdict verdict, bool again)
{
	if (verdict == SLOW && is_quick() && !again && run->n_slow < ROWS_MAX)
		run->slow[run->n_slow++] = row;
	else
		*(verdict == HELD ? &run->held : verdict == NOT_HERE ? &run->not_here : &run->failed) += 1;
}

/* Waits until fewer than n are running. */
static void
make_room(struct run *run, int n, bool again)
{
	enum verdict verdict;

	while (run->count >= n && run->count > 0) {
		for (int i = 0; i < run->count; i++)
			if (has_ended(&run->running[i], &verdict)) {
				note_verdict(run, run->running[i].row, verdict, again);
				run->running[i--] = run->running[--run->count];
			}
		(void)poll(NULL, 0, 20);
	}
}

static struct report *
free_report(const struct run *run)
{
	for (int i = 0;; i++) {
		bool taken = false;

		for (int j = 0; j < run->count; j++)
			taken = taken || run->running[j].report == &run->reports[i];
		if (!taken)
			return &run->reports[i];
	}
}

static void
run_row(struct run *run, const struct row *row, int beside, bool again)
{
	make_room(run, beside, again);
	run->running[run->count] = start_row(row, free_report(run));
	run->count++;
}

static bool
is_wanted(const char *name)
{
	const char *only = getenv("ONLY");
	size_t len = strlen(name);

	if (!only || !*only)
		return true;
	for (const char *p = only; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, len) == 0 && (p[len] == '\0' || p[len] == ','))
			return true;
	}
	return false;
}

static void
run_rows(struct run *run, enum company company)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct row *row = tables[t]; row->name; row++)
			if (row->company == company && is_wanted(row->name))
				run_row(run, row, is_quick() ? (int)company : 1, false);
	make_room(run, 1, false);
}

int
main(void)
{
	const char *wanted = getenv("SEED");
	struct run run = { .count = 0 };

	run.reports = mmap(NULL, MANY * sizeof *run.reports + sizeof *shared_peak, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.reports == MAP_FAILED)
		give_up("mmap: %s", strerror(errno));
	shared_peak = (double *)(run.reports + MANY);
	seed = wanted ? strtoull(wanted, NULL, 10) : (uint64_t)clock_wall_us() % 1000000;
	(void)printf("SEED=%llu%s\n", (unsigned long long)seed, is_quick() ? " QUICK=1" : "");
	run_rows(&run, ALONE);
	run_rows(&run, PAIR);
	run_rows(&run, MANY);
	for (int i = 0; i < run.n_slow; i++) {
		run_row(&run, run.slow[i], 1, true);
		make_room(&run, 1, true);
	}
	(void)printf("%d passed, %d failed", run.held, run.failed);
	if (run.not_here)
		(void)printf(", %d cannot be run here", run.not_here);
	(void)putchar('\n');
	return run.failed || !run.held ? EXIT_FAILURE : EXIT_SUCCESS;
}

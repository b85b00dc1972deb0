/*
 * The service on its worst day: each row does something to a real pool under load, and says with figures what came of it.
 *
 *     fault           all rows; ONLY=name[,name…]: these; QUICK=1: each shortened; SEED: of whatever is random
 *
 * Run by tests/support/run.sh, which brings the environment. Exit status 0: every row held.
 */
#include <errno.h>
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

static const struct row *const tables[] = { load_rows, event_rows,    backlog_rows, worker_rows,
					    pool_rows, database_rows, product_rows };

/* What a row's process tells. */
struct report {
	char figures[1024], faults[4096];
	int unmet;
	bool ended, skipped;
};

static struct report *report;
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

void
demand(bool met, const char *format, ...)
{
	va_list args;

	if (met)
		return;
	report->unmet++;
	va_start(args, format);
	append(report->faults, sizeof report->faults, "\n    ", format, args);
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

static bool
print_row(const struct row *row, int64_t took_ms, int status)
{
	const char *verdict = report->skipped					   ? "not here"
			      : report->ended && report->unmet == 0 && status == 0 ? "held"
										   : "FAILED";

	(void)printf("%-18s %-8s %5.1f s  ", row->name, verdict, (double)took_ms / 1000);
	print_wrapped(report->figures);
	if (report->unmet)
		(void)printf("    %s\n", report->faults);
	if (!report->ended)
		(void)printf("    it did not come to its end: status %d\n", status);
	(void)fflush(stdout);
	return strcmp(verdict, "FAILED") != 0;
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

static bool
run_row(const struct row *row)
{
	int64_t started = clock_ms(), deadline = started + row->limit_s * INT64_C(1000);
	int status = -1;
	pid_t pid;

	*report = (struct report){ 0 };
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		give_up("fork: %s", strerror(errno));
	if (pid == 0)
		run_child(row);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (clock_left_ms(deadline) == 0) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			break;
		}
		(void)usleep(20000);
	}
	return print_row(row, clock_ms() - started, status);
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

int
main(void)
{
	const char *wanted = getenv("SEED");
	int held = 0, failed = 0;

	report = mmap(NULL, sizeof *report + sizeof *shared_peak, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		give_up("mmap: %s", strerror(errno));
	shared_peak = (double *)(report + 1);
	seed = wanted ? strtoull(wanted, NULL, 10) : (uint64_t)clock_wall_us() % 1000000;
	(void)printf("SEED=%llu%s\n", (unsigned long long)seed, is_quick() ? " QUICK=1" : "");
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct row *row = tables[t]; row->name; row++) {
			if (!is_wanted(row->name))
				continue;
			if (run_row(row))
				held++;
			else
				failed++;
		}
	(void)printf("%d passed, %d failed\n", held, failed);
	return failed || !held ? EXIT_FAILURE : EXIT_SUCCESS;
}

#include "fault/load.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "fault/load_internal.h"
#include "support/http.h"
#include "support/test.h"
#include "support/token.h"

#define PRODUCTS_MAX 64
#define SAMPLES 40

struct load {
	struct load_options o;
	struct load_memory *memory;
	pid_t pid; /* 0: it has ended */
};

/* A JSON number or string of digits, to the cent. */
static bool
read_price(const char *s, int64_t *cents)
{
	int64_t digits = 0;
	long exponent = 2;
	bool point = false;

	for (s += *s == '"'; (*s >= '0' && *s <= '9') || (*s == '.' && !point); s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		digits = digits * 10 + (*s - '0');
		exponent -= point;
	}
	if (*s == 'e' || *s == 'E')
		exponent += strtol(s + 1, NULL, 10);
	for (; exponent > 0; exponent--)
		digits *= 10;
	for (; exponent < 0 && digits % 10 == 0; exponent++)
		digits /= 10;
	*cents = digits;
	return exponent == 0;
}

static size_t
read_samples(struct load_product out[static PRODUCTS_MAX])
{
	int port = atoi(test_env("ORDERS_TEST_PRODUCTS"));
	size_t n = 0;

	for (int id = 1; id <= SAMPLES; id++) {
		struct answer a = ask(port, &(const struct ask){ .target = text("/api/v1/products/%d", id) });
		const char *price = a.status == 200 ? strstr(a.body, "\"price\":") : NULL;
		const char *stock = a.status == 200 ? strstr(a.body, "\"stock_quantity\":") : NULL;

		if (price && stock && strtoll(stock + 17, NULL, 10) >= 1000 &&
		    read_price(price + 8, &out[n].cents))
			out[n++].id = id;
	}
	return n;
}

/* id:cents,id:cents */
static size_t
read_products(const char *s, struct load_product out[static PRODUCTS_MAX])
{
	size_t n = 0;

	while (*s && n < PRODUCTS_MAX) {
		char *end;

		out[n].id = strtoll(s, &end, 10);
		if (*end != ':')
			give_up("load: products: id:cents,…, not %s", s);
		out[n++].cents = strtoll(end + 1, &end, 10);
		s = end + (*end == ',');
	}
	return n;
}

static struct load_options
with_defaults(const struct load_options *given)
{
	struct load_options o = *given;
	int sum = 0;

	for (int k = 0; k < LOAD_KINDS; k++)
		sum += o.mix[k];
	if (sum <= 0)
		give_up("load: nothing is asked for");
	o.clients = o.clients ? o.clients : o.rate > 0 ? 4096 : 16;
	o.pause_ms = o.pause_ms ? o.pause_ms : 20;
	o.timeout_ms = o.timeout_ms ? o.timeout_ms : 30000;
	o.users = o.users ? o.users : 50;
	o.first_user = o.first_user ? o.first_user : 1;
	return o;
}

struct load *
load_start(const struct load_options *given)
{
	struct load *l = talloc_zero(test_memory(), struct load);
	struct load_product *products = talloc_array(test_memory(), struct load_product, PRODUCTS_MAX);
	pid_t parent = getpid();
	const char **tokens;
	size_t n;

	l->o = with_defaults(given);
	l->memory = mmap(NULL, sizeof *l->memory, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l->memory == MAP_FAILED)
		give_up("load: %s", strerror(errno));
	n = l->o.products ? read_products(l->o.products, products) : read_samples(products);
	if (n == 0)
		give_up("load: there are no products to order");
	tokens = talloc_array(test_memory(), const char *, (unsigned)l->o.users);
	for (int u = 0; u < l->o.users; u++)
		tokens[u] = token_of(l->o.first_user + u);
	l->pid = fork();
	if (l->pid < 0)
		give_up("load: %s", strerror(errno));
	if (l->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setpriority(PRIO_PROCESS, 0,
				  -10); /* clients are other machines: the service is not to starve them */
		if (getppid() != parent)
			_exit(1);
		requests_init(&l->o, products, n, tokens);
		clients_run(&l->o, l->memory);
	}
	return l;
}

void
load_stop(struct load *l)
{
	int status;

	if (!l->pid)
		return;
	atomic_store(&l->memory->stopping, true);
	if (waitpid(l->pid, &status, 0) != l->pid || !atomic_load(&l->memory->over))
		give_up("the load has ended before its time: status %d", status);
	l->pid = 0;
}

void
load_free(struct load *l)
{
	load_stop(l);
	(void)munmap(l->memory, sizeof *l->memory);
	talloc_free(l);
}

bool
load_is_over(const struct load *l)
{
	siginfo_t info = { 0 };

	if (atomic_load(&l->memory->over))
		return true;
	if (waitid(P_PID, (id_t)l->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == l->pid &&
	    !atomic_load(&l->memory->over))
		give_up("the load has ended before its time: status %d", info.si_status);
	return false;
}

double
load_share(const struct load *l, int64_t wall_us, double *seconds)
{
	struct timespec t = { 0 };
	clockid_t clock;
	double used, before = *seconds;

	if (clock_getcpuclockid(l->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		give_up("load: its clock cannot be read");
	used = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	*seconds = used;
	return (used - before) * 1e6 / (double)wall_us / (double)sysconf(_SC_NPROCESSORS_ONLN);
}

long
load_count(const struct load *l)
{
	return atomic_load_explicit(&l->memory->count, memory_order_acquire);
}

const struct load_record *
load_record(const struct load *l, long i)
{
	return &l->memory->records[i];
}

const char *
load_key(const struct load *l, int64_t key)
{
	return text("load-%llu-%lld", (unsigned long long)l->o.seed, (long long)key);
}

/* Figures */

static bool
is_good(const struct load_record *r)
{
	if (r->wrong)
		return false;
	return (r->status >= 200 && r->status <= 299) ||
	       (r->status >= 400 && r->status <= 499 && (r->kind == LOAD_BAD || r->kind == LOAD_CHANGE));
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of sorted values, µs to ms. The smallest that is not below p of them. */
static double
percentile(const int64_t *sorted, long n, double p)
{
	long i = (long)((double)n * p);

	if (n == 0)
		return 0;
	return (double)sorted[i < n ? i : n - 1] / 1000;
}

static int64_t
longest_gap(int64_t *ends, long n, int64_t from_us, int64_t to_us)
{
	int64_t last = from_us, longest = 0;

	qsort(ends, (size_t)n, sizeof *ends, compare);
	for (long i = 0; i <= n; i++) {
		int64_t end = i < n && ends[i] < to_us ? ends[i] : to_us;

		if (end - last > longest)
			longest = end - last;
		if (end > last)
			last = end;
	}
	return longest;
}

struct load_figures
load_figures(const struct load *l, unsigned kinds, int64_t from_us, int64_t to_us)
{
	long n = load_count(l), n_ends = 0;
	struct load_figures f = { 0 };
	int64_t *took = talloc_array_size(NULL, sizeof *took, (unsigned)n + 1);
	int64_t *refused = talloc_array_size(NULL, sizeof *refused, (unsigned)n + 1);
	int64_t *ends = talloc_array_size(NULL, sizeof *ends, (unsigned)n + 1);

	if (!took || !refused || !ends)
		give_up("no memory");
	for (long i = 0; i < n; i++) {
		const struct load_record *r = load_record(l, i);
		bool good = is_good(r);

		if (!(kinds & 1u << r->kind))
			continue;
		/* An answer to an earlier request ends a gap as well as another. */
		if (good && r->started_us + r->took_us >= from_us && r->started_us + r->took_us < to_us)
			ends[n_ends++] = r->started_us + r->took_us;
		if (r->started_us < from_us || r->started_us >= to_us)
			continue;
		f.asked++;
		f.again += r->again;
		if (r->status == 0)
			f.cut++;
		else if (good)
			took[f.good++] = r->took_us;
		else if ((r->status == 503 || r->status == 504) && !r->wrong)
			refused[f.refused++] = r->took_us;
		else
			f.other++;
	}
	qsort(took, (size_t)f.good, sizeof *took, compare);
	qsort(refused, (size_t)f.refused, sizeof *refused, compare);
	f.per_s = to_us > from_us ? (double)f.good * 1e6 / (double)(to_us - from_us) : 0;
	f.p50_ms = percentile(took, f.good, 0.5);
	f.p99_ms = percentile(took, f.good, 0.99);
	f.max_ms = percentile(took, f.good, 1);
	f.refused_p99_ms = percentile(refused, f.refused, 0.99);
	f.longest_gap_us = longest_gap(ends, n_ends, from_us, to_us);
	talloc_free(took);
	talloc_free(refused);
	talloc_free(ends);
	return f;
}

/* A Product Service that hangs or lies: what does not need it goes on, and bad answers cost bounded time and memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/expect.h"
#include "support/peer.h"
#include "support/test.h"

#define WORKERS 8
#define CREATING 200
#define LOOKUPS 3 /* of an order, at most */

/* The products that a load orders from a stand-in. */
#define SOLD "3:4550,4:1999,5:100"

static struct peer products;

static void
sell(void)
{
	PEER_ON(&products, "", .act = PEER_CLOSE);
	peer_sells(&products, 3, "45.50", 1000000);
	peer_sells(&products, 4, "19.99", 1000000);
	peer_sells(&products, 5, "1.00", 1000000);
}

static void
act_all(const struct peer_rule *rule)
{
	for (int id = 3; id <= 5; id++)
		peer_on(&products, product_target(id), rule);
}

static void
run_hangs(void)
{
	struct scene s;
	struct load *reads, *creates;
	struct load_figures before, during, refused;
	int64_t begun, back;
	int asked;

	products = peer_start(NULL);
	sell();
	s = scene_start(&(const struct pool_options){
		.workers = WORKERS,
		.products = products.port,
		.settings = { text("PRODUCT_SERVICE_TIMEOUT=%ld", full_or_quick(5, 2)) } });
	creates = scene_load(&s, &(const struct load_options){ .clients = 8,
							       .mix = { [LOAD_CREATE] = 1 },
							       .products = SOLD,
							       .requests = 400,
							       .keep_alive = true });
	reads = scene_load(&s, &(const struct load_options){
				       .rate = 150,
				       .mix = { [LOAD_GET] = 3, [LOAD_LIST] = 1, [LOAD_HEALTH] = 1 },
				       .products = SOLD });
	go_on(1500);
	begun = clock_us();
	go_on(full_or_quick(10000, 2500));
	before = load_figures(reads, ALL_KINDS, begun, clock_us());
	load_stop(creates);
	act_all(&(const struct peer_rule){ .act = PEER_HANG });
	/* Clients that come back after a second or so, as Retry-After asks them to. */
	creates = scene_load(&s, &(const struct load_options){ .clients = CREATING,
							       .rate = CREATING,
							       .mix = { [LOAD_CREATE] = 1 },
							       .products = SOLD });
	begun = clock_us();
	asked = peer_count(&products, NULL);
	go_on(full_or_quick(30000, 3500));
	asked = peer_count(&products, NULL) - asked;
	during = load_figures(reads, ALL_KINDS, begun, clock_us());
	refused = load_figures(creates, ALL_KINDS, begun, clock_us());
	sell();
	begun = clock_us();
	back = first_good_after(creates, KIND(LOAD_CREATE), begun, 20000);
	go_on(1000);
	figure("%d clients: %ld creations refused, p99 of them %.0f ms", CREATING, refused.refused,
	       refused.refused_p99_ms);
	demand_ratio("p99 of reads", during.p99_ms, before.p99_ms, 3, (double)full_or_quick(20, 60));
	figure("%d look-ups meanwhile, back after %.1f s", asked, (double)back / 1e6);
	demand(asked <= LOOKUPS * (WORKERS + full_or_quick(30, 4) * 3),
	       "%d look-ups: that is not one order at a time", asked);
	demand_time(refused.refused_p99_ms <= 1000, "p99 of refusals: %.0f ms", refused.refused_p99_ms);
	demand(refused.refused > CREATING && refused.good == 0, "the fault did not happen");
	demand(during.good == during.asked, "%ld reads failed", during.asked - during.good);
	demand(refused.other == 0 && refused.cut == 0,
	       "%ld creations were answered otherwise than 503 or 504", refused.other + refused.cut);
	demand(back >= 0, "creating does not come back");
	demand_time(back <= 2000000, "creating was back after %.1f s", (double)back / 1e6);
	scene_end(&s, 15000, false, true);
	peer_stop(&products);
}

/* The most that the workers have had in memory so far, in kB in all. */
static long
workers_kb(const struct pool *p)
{
	pid_t pids[POOL_PIDS];
	long sum = 0;

	for (int i = 0, n = pool_pids(p, "orders.fcgi", pids); i < n; i++)
		sum += peak_kb(pids[i]);
	return sum;
}

static const char whole[] = "{\"id\":3,\"name\":\"Hub\",\"price\":45.50,\"stock_quantity\":9}";

/* Lies, and what the contract says to each. */
static void
run_lies(void)
{
	static char drip[64 + sizeof whole], chunk[1000];
	struct lie {
		const char *name;
		struct peer_rule rule;
		int status;
		const char *detail;
		int limit_ms;
	};
	const char *invalid = "Product service returned an invalid response",
		   *unavailable = "Product service unavailable";
	struct scene s;
	struct load *reads;
	struct load_figures f;
	int64_t begun, slowest = 0, user = new_user();
	long memory;
	int n = 0;

	(void)snprintf(drip, sizeof drip, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		       sizeof whole - 1, whole);
	memset(chunk, ' ', sizeof chunk - 1);
	const struct lie lies[] = {
		{ "drip",
		  { .act = PEER_DRIP, .delay_ms = 500, .bytes = drip },
		  504,
		  "Product service request timed out",
		  1500 },
		{ "reset", { .act = PEER_RESET }, 503, unavailable, 1000 },
		{ "reset in the answer",
		  { .act = PEER_RESET, .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 58\r\n\r\n{\"id\":3," },
		  503,
		  unavailable,
		  1000 },
		{ "cut short",
		  { .act = PEER_CLOSE, .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 58\r\n\r\n{\"id\":3," },
		  503,
		  unavailable,
		  1000 },
		{ "more than it announced",
		  { .act = PEER_CLOSE,
		    .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":3,\"name\":\"Hub\"}" },
		  502,
		  invalid,
		  1000 },
		{ "64 MB",
		  { .act = PEER_ENDLESS,
		    .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n{",
		    .fill = chunk },
		  502,
		  invalid,
		  1500 },
		{ "endless without a length",
		  { .act = PEER_ENDLESS, .bytes = "HTTP/1.1 200 OK\r\n\r\n{", .fill = chunk },
		  502,
		  invalid,
		  1500 },
		{ "endless fields",
		  { .act = PEER_ENDLESS,
		    .bytes = "HTTP/1.1 200 OK\r\n",
		    .fill = "X-Field: again and again and again\r\n" },
		  502,
		  invalid,
		  1500 },
		{ "not HTTP",
		  { .act = PEER_CLOSE, .bytes = "220 mail.example.org ESMTP\r\n" },
		  502,
		  invalid,
		  1500 },
	};

	products = peer_start(NULL);
	sell();
	s = scene_start(&(const struct pool_options){
		.workers = WORKERS, .products = products.port, .settings = { "PRODUCT_SERVICE_TIMEOUT=1" } });
	reads = scene_load(&s, &(const struct load_options){
				       .rate = 100,
				       .mix = { [LOAD_GET] = 3, [LOAD_LIST] = 1, [LOAD_HEALTH] = 1 },
				       .products = SOLD });
	go_on(1000);
	memory = workers_kb(&s.pool);
	begun = clock_us();
	for (long round = 0; round < full_or_quick(10, 2); round++)
		for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
			struct answer a;
			const char *fault;

			peer_on(&products, product_target(3), &lies[i].rule);
			a = ASK(&s.pool, .target = "/api/v1/orders", .token = token_of(user),
				.body = "{\"items\":[{\"product_id\":3,\"quantity\":2}]}");
			fault = wrong_detail(&a, lies[i].status, lies[i].detail);
			demand(!fault, "%s: %s", lies[i].name, fault);
			demand_time(a.ms <= lies[i].limit_ms + 500, "%s: answered after %lld ms",
				    lies[i].name, (long long)a.ms);
			slowest = a.ms > slowest ? a.ms : slowest;
			n++;
			sell(); /* a good answer in between, lest the breaker should answer for it */
			a = ASK(&s.pool, .target = "/api/v1/orders", .token = token_of(user),
				.body = "{\"items\":[{\"product_id\":3,\"quantity\":2}]}");
			demand(a.status == 201, "after %s: %d %s", lies[i].name, a.status, a.body);
		}
	f = load_figures(reads, ALL_KINDS, begun, clock_us());
	memory = workers_kb(&s.pool) - memory;
	figure("%d lies, the slowest answer after %.1f s, at their most %ld kB more memory in %d workers, p99 of reads %.1f ms",
	       n, (double)slowest / 1000, memory, WORKERS, f.p99_ms);
	demand(memory <= WORKERS * 2048L, "the workers have grown by %ld kB", memory);
	demand(f.good == f.asked, "%ld reads failed", f.asked - f.good);
	scene_end(&s, 15000, false, true);
	peer_stop(&products);
}

/* TLS towards somebody who does not speak it, and towards a certificate that nobody has signed. */
static void
run_tls(void)
{
	struct scene s;
	const char *dir = test_env("ORDERS_TEST_DIR");
	int port = free_port();
	const int ports[] = { atoi(test_env("ORDERS_TEST_PRODUCTS")), port };
	char *command = text(
		"cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 "
		"-addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.pem 2>/dev/null && "
		"{ exec openssl s_server -quiet -www -accept 127.0.0.1:%d -key tls.key -cert tls.pem >/dev/null 2>&1 & }",
		dir, port);

	if (system(command) != 0)
		give_up("no TLS server: %s", command);
	for (size_t i = 0; i < 2; i++) {
		struct answer a;

		s = scene_start(&(const struct pool_options){
			.workers = 2,
			.settings = { text("PRODUCT_SERVICE_URL=https://127.0.0.1:%d", ports[i]) } });
		for (int j = 0; j < 3; j++) {
			a = ASK(&s.pool, .target = "/api/v1/orders", .token = token_of(new_user()),
				.body = "{\"items\":[{\"product_id\":3,\"quantity\":2}]}");
			demand(a.status == 503 && strstr(a.body, "Product service unavailable") &&
				       a.ms < 2000,
			       "%d %s after %lld ms", a.status, a.body, (long long)a.ms);
		}
		a = ASK(&s.pool, .target = "/ready");
		demand(a.status == 200, "ready: %d", a.status);
		demand(pool_log_line(&s.pool, "product.fault", "SSL") != NULL,
		       "the log does not say that it is TLS:\n%s", pool_log(&s.pool));
		demand(pool_stop(&s.pool), "the pool had to be killed");
	}
	figure("6 requests answered with 503, and the log says why");
}

const struct row product_rows[] = {
	{ "product-hangs", "the Product Service hangs under 200 clients", run_hangs, 120, ALONE },
	{ "product-lies", "slow drip, resets, truncated, endless", run_lies, 180, MANY },
	{ "product-tls", "no TLS, and a certificate that nobody signed", run_tls, 60, MANY },
	{ 0 },
};

/*
 * Memory is refused to a worker: for each kind of request the first allocation fails, then the second, and so on until the
 * request makes no more of them; once alone, and once with all that follow. The worker's own code runs in this process, on
 * a real PostgreSQL, Product Service and emulator of SNS; malloc(3) is refuse.c's, for libpq, curl, OpenSSL and all others too.
 *
 *     tests/support/run.sh -x build/tests/fault/memory        QUICK=1: some n of each kind, by SEED; KIND=name: that kind
 *                                                             alone; VERBOSE=1: with the log
 *
 * Every answer is the right one, or a 500 as the contract has it, or one of these, where a library below has one word for
 * missing memory and for a neighbour that is missing:
 *
 *     what asks the database        503 Database unavailable, with Retry-After: libpq says that the connection is lost
 *     /ready                        503, database failing: the same
 *     a connection by FastCGI       the worker ends by SIGABRT before it has read the request: libfcgi asserts its memory
 *
 * The request after it is right, nothing is stored by halves or twice, every stored change has its event, and what is in use
 * in the end is what was at the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

#include "api/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/reserve.h"
#include "fault/around.h"
#include "fault/refuse.h"
#include "http/fcgi.h"
#include "support/json.h"
#include "support/test.h"
#include "support/token.h"

#define CUSTOMER 9
#define READER 77 /* has three orders and makes no more */
#define STAFF 1
#define NO_ORDER "999999999"
#define PARAMS_MAX 12
#define REST_MS 10000 /* longer than any attempt; more would count as said before the machine started anew */
#define QUICK_STRIDE 11
#define QUICK_ALL 8
#define QUICK_MANY 150	  /* what is behind these is some library's */
#define NOTHING_REFUSED 3 /* an exit status */
#define ONE "{\"items\":[{\"product_id\":3,\"quantity\":2}]}"
/* Names with quotes and beyond ASCII; one of them twice. */
#define THREE                                                                                                \
	"{\"items\":[{\"product_id\":4,\"quantity\":\"1\"},{\"product_id\":11,\"quantity\":2},"              \
	"{\"product_id\":4,\"quantity\":3}]}"
#define ITEM(product, name, price, quantity, subtotal)                                                       \
	"{\"id\":<int>,\"order_id\":<int>,\"product_id\":" product ",\"product_name\":\"" name               \
	"\",\"product_price\":\"" price "\",\"quantity\":" quantity ",\"subtotal\":\"" subtotal              \
	"\",\"created_at\":\"<time>\"}"
#define ORDER(user, status, total, items)                                                                    \
	"{\"id\":<int>,\"user_id\":" user ",\"status\":\"" status "\",\"total_amount\":\"" total             \
	"\",\"created_at\":\"<time>\",\"updated_at\":\"<time>\",\"items\":[" items "]}"
#define HUB ITEM("3", "USB-C Hub", "45.50", "2", "91.00")
#define MONITOR(n, sum) ITEM("4", "27\\\" Monitor", "249.00", n, sum)
#define ORDER_ONE(user, status) ORDER(user, status, "91.00", HUB)
#define ORDER_THREE                                                                                          \
	ORDER("9", "pending", "1125.80",                                                                     \
	      MONITOR("1", "249.00") "," ITEM("11", "Kaffeemühle „Röstmeister“", "64.90", "2",               \
					      "129.80") "," MONITOR("3", "747.00"))
#define NO_STORE "Cache-Control: no-store\r\n"
#define ONE_ORDER "ETag: \"<int>\"\r\n" NO_STORE
#define CREATED "ETag: \"1\"\r\n" NO_STORE "Location: /api/v1/orders/<int>\r\n"
#define NEXT(query) "Link: </api/v1/orders?" query "after=<int>>; rel=\"next\"\r\n"
#define JSON "application/json"
#define PAGE_FIELDS                                                                                          \
	NO_STORE                                                                                             \
	"Content-Security-Policy: <any>\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
#define DETAIL(text) "{\"detail\":\"" text "\"}"

/* OpenSSL keeps the last 16 errors, with their texts. */
#define LEFT_BLOCKS 16
#define LEFT_BYTES 2048

enum { APP_USUAL, APP_RS256, APP_PASSWORD, APPS };
enum token { TOKEN_NONE, TOKEN_CUSTOMER, TOKEN_READER, TOKEN_STAFF, TOKEN_NEW, TOKEN_BAD, TOKEN_RS256 };
enum key { KEY_NONE, KEY_NEW, KEY_OLD, IF_ANY, IF_FIRST, IF_OTHER };

/* Of the versions that If-Match of a change, or else If-None-Match, names. */
static const char *const conditions[] = { [IF_ANY] = "*", [IF_FIRST] = "\"7\", \"1\"", [IF_OTHER] = "\"7\"" };

struct kind {
	const char *name;
	const char *method;
	const char *target; /* %s: the order's id */
	enum token token;
	const char *body;
	enum key key; /* or a condition */
	void (*prepare)(void);
	int status; /* of the right answer; 0: no request, an idle turn */
	const char *fields, *pattern;
	bool database;	 /* is asked */
	int changes;	 /* that it makes */
	unsigned stride; /* where thousands of its allocations are alike: not every n; 0: 1 */
};

enum verdict { RIGHT, FAILED, UNAVAILABLE, WRONG };

static struct {
	void *kept; /* talloc: as long as the program */
	struct config config[APPS];
	struct app *apps[APPS], *app;
	char order[24];
	const char *tokens[TOKEN_RS256 + 1];
	struct key_pair pair;
	unsigned seed, made;
	bool quick, bad;
} world;

static struct {
	char id[64]; /* of the request */
	char *params[PARAMS_MAX + 1];
	char lines[PARAMS_MAX][2048];
	const char *body;
	char bytes[262144];
	size_t len;
} wire;

static void
param(int *n, const char *name, const char *value)
{
	if (*n == PARAMS_MAX ||
	    snprintf(wire.lines[*n], sizeof *wire.lines, "%s=%s", name, value) >= (int)sizeof *wire.lines)
		give_up("too many params");
	wire.params[*n] = wire.lines[*n];
	wire.params[++*n] = NULL;
}

static const char *
token_for(enum token t)
{
	const char *claims = text(
		"{\"sub\":\"9\",\"email\":\"nine\\u0040example.com\",\"exp\":%lld,\"jti\":\"%u\",\"rol\\u0065\":\"us\\u0065r\"}",
		(long long)wall_s() + 3600, world.made);

	if (t == TOKEN_NEW)
		return token_of_claims(claims);
	return t == TOKEN_RS256 ? token_signed("RS256", claims, world.pair.private_pem) : world.tokens[t];
}

static void
fill_request(const struct kind *k)
{
	char *target = text("%s", k->target), *hole = strstr(target, "%s");
	int n = 0;

	if (hole)
		target = text("%.*s%s%s", (int)(hole - target), target, world.order, hole + 2);
	(void)snprintf(wire.id, sizeof wire.id, "memory-%u", ++world.made);
	param(&n, "REQUEST_METHOD", k->method);
	param(&n, "REQUEST_URI", target);
	param(&n, "HTTP_X_REQUEST_ID", wire.id);
	if (k->token)
		param(&n, "HTTP_AUTHORIZATION", text("Bearer %s", token_for(k->token)));
	if (k->key >= IF_ANY)
		param(&n, k->body ? "HTTP_IF_MATCH" : "HTTP_IF_NONE_MATCH", conditions[k->key]);
	else if (k->key)
		param(&n, "HTTP_IDEMPOTENCY_KEY", k->key == KEY_NEW ? wire.id : "memory-replayed");
	if (k->body) {
		param(&n, "CONTENT_TYPE", "application/json");
		param(&n, "CONTENT_LENGTH", text("%zu", strlen(k->body)));
	}
	wire.body = k->body ? k->body : "";
	wire.len = 0;
}

static int
read_body(void *arg, char *to, int len)
{
	size_t left = strlen(wire.body), n = left < (size_t)len ? left : (size_t)len;

	(void)arg;
	memcpy(to, wire.body, n);
	wire.body += n;
	return (int)n;
}

static void
write_answer(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	if (len >= sizeof wire.bytes - wire.len)
		abort();
	memcpy(wire.bytes + wire.len, bytes, len);
	wire.len += len;
	wire.bytes[wire.len] = '\0';
}

/* As fcgi.c does it. */
static void
serve(void)
{
	struct http_exchange x;

	http_exchange_run(&x, wire.params, read_body, NULL, app_answer, world.app);
	http_exchange_write(&x, write_answer, NULL);
	if (x.answered)
		(void)app_after(world.app, &x.request, false);
	http_exchange_end(&x);
}

static void
rest(void)
{
	for (int i = 0; i < NEIGHBOURS; i++)
		atomic_store(&world.app->pool->breakers[i].failures, 0);
	pool_sweep_in(world.app->pool, REST_MS);
}

static bool
is_answer(int status, const char *type, const char *fields, const char *body)
{
	const char *end = strstr(wire.bytes, "\r\n\r\n");
	const char *length = text("Content-Length: %zu\r\n", end ? strlen(end + 4) : 0);
	const char *head = text("Status: %d %s\r\n%s%s%sX-Request-ID: %s\r\n\r\n", status,
				http_reason(status), *body ? text("Content-Type: %s\r\n", type) : "",
				status == HTTP_NOT_MODIFIED ? "" : length, fields, wire.id);

	return !differs(wire.bytes, text("%s%s", head, body));
}

static const char *
type_of(const char *target)
{
	return strcmp(target, "/status") == 0	 ? "text/html; charset=utf-8"
	       : strcmp(target, "/metrics") == 0 ? "text/plain; version=0.0.4; charset=utf-8"
						 : JSON;
}

static enum verdict
judge(const struct kind *k)
{
	const char *failing =
		strcmp(k->target, "/ready") == 0
			? "{\"status\":\"not ready\",\"checks\":{\"database\":\"failing\",<any>}}"
			: DETAIL("Database unavailable");

	if (is_answer(k->status, type_of(k->target), k->fields, k->pattern))
		return RIGHT;
	if (is_answer(500, JSON, "", DETAIL("Internal Server Error")))
		return FAILED;
	return k->database && is_answer(503, JSON, "Retry-After: 1\r\n", failing) ? UNAVAILABLE : WRONG;
}

static void
complain(const struct kind *k, size_t n, bool more, const char *what)
{
	world.bad = true;
	(void)printf("%s, allocation %zu%s: %s\n%s\n", k->name, n, more ? " and all behind it" : "", what,
		     k->status ? wire.bytes : "");
	(void)fflush(stdout);
}

/* One attempt. n 0: nothing is refused, and the answer has to be right. */
static enum verdict
attempt(const struct kind *k, size_t n, bool more, size_t *refused)
{
	enum verdict v = RIGHT;
	long before, made;

	if (k->prepare)
		k->prepare();
	if (k->status)
		fill_request(k);
	rest();
	if (!k->status)
		pool_sweep_in(world.app->pool, 0);
	before = around_count("SELECT count(*) FROM orders.order_changes");
	if (n)
		refuse_from(n, more);
	if (k->status)
		serve();
	else
		(void)app_turn(world.app);
	*refused = refuse_end();
	made = around_count("SELECT count(*) FROM orders.order_changes") - before;
	if (k->status)
		v = judge(k);
	else if (
		around_count(
			"SELECT count(*) FROM orders.outbox WHERE next_attempt_at <= now() AND parked_at IS NULL"))
		v = FAILED;
	if (v == WRONG || (v != RIGHT && *refused == 0))
		complain(k, n, more, "a wrong answer");
	if (v == RIGHT ? made != k->changes : made < 0 || made > k->changes)
		complain(k, n, more, text("%ld changes", made));
	for (int i = 0; i < NEIGHBOURS; i++)
		if (atomic_load(&world.app->pool->breakers[i].failures))
			complain(k, n, more, "a breaker counts a failure of its neighbour");
	return v;
}

static int
descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A worker that has just started: no connection, no topic. */
static void
open_again(void)
{
	int i = 0;

	while (world.apps[i] != world.app)
		i++;
	talloc_free(world.app);
	world.app = world.apps[i] = app_open(world.kept, &world.config[i]);
	if (!world.app)
		give_up("the application does not open");
}

/* What is in use when the kind has just been served a few times. */
static struct in_use
settle(const struct kind *k)
{
	size_t refused;

	open_again(); /* or connections that are kept would count */
	for (int i = 0; i < 4; i++)
		(void)attempt(k, 0, false, &refused);
	talloc_free_children(test_memory());
	return refuse_in_use();
}

/* QUICK: the first ones, which are the worker's own, all; the further away the fewer. */
static size_t
next(const struct kind *k, size_t n)
{
	if (k->stride)
		return n + k->stride * (world.quick ? QUICK_STRIDE : 1);
	if (!world.quick || n < QUICK_ALL)
		return n + 1;
	if (n == QUICK_ALL)
		return n + 1 + world.seed % QUICK_STRIDE;
	return n + (n > QUICK_MANY ? QUICK_STRIDE * QUICK_STRIDE : QUICK_STRIDE);
}

static void
run(const struct kind *k)
{
	struct in_use start = settle(k), end;
	unsigned verdicts[WRONG + 1] = { 0 };
	unsigned tried = 0;
	int fds = descriptors();
	int64_t started = now_ms();
	size_t refused, n;

	for (int more = 0; more < 2; more++)
		for (n = 1;; n = next(k, n)) {
			enum verdict v = attempt(k, n, more, &refused);

			if (!refused)
				break;
			tried++;
			verdicts[v]++;
			(void)attempt(k, 0, false, &refused);
			talloc_free_children(test_memory());
		}
	end = settle(k);
	(void)printf("%-32s %5u refused: %5u right, %5u 500, %3u 503; %+ld blocks, %+ld bytes; %lld ms\n",
		     k->name, tried, verdicts[RIGHT], verdicts[FAILED], verdicts[UNAVAILABLE],
		     end.blocks - start.blocks, end.bytes - start.bytes, (long long)(now_ms() - started));
	if (end.blocks - start.blocks > LEFT_BLOCKS || end.bytes - start.bytes > LEFT_BYTES)
		complain(k, 0, false, "memory is left in use");
	if (descriptors() > fds)
		complain(k, 0, false, "descriptors are left open");
	(void)fflush(stdout);
}

static void
make_order(void)
{
	static const struct kind create = {
		.method = "POST", .target = "/api/v1/orders", .token = TOKEN_CUSTOMER, .body = ONE
	};

	fill_request(&create);
	rest();
	serve();
	if (strncmp(wire.bytes, "Status: 201 ", 12) != 0)
		give_up("no order to work with:\n%s", wire.bytes);
	(void)snprintf(world.order, sizeof world.order, "%lld",
		       (long long)json_get_i64(strstr(wire.bytes, "\r\n\r\n") + 4, "id"));
}

static bool
pay_all(void *arg)
{
	(void)arg;
	rest();
	pool_sweep_in(world.app->pool, 0);
	(void)around_sql("UPDATE orders.outbox SET next_attempt_at = now()");
	(void)app_turn(world.app);
	return around_count("SELECT count(*) FROM orders.outbox") == 0;
}

/* As they are while SNS is not to be tried: due at once. */
static void
make_events(void)
{
	static const struct kind create = {
		.method = "POST", .target = "/api/v1/orders", .token = TOKEN_CUSTOMER, .body = THREE
	};
	struct breaker *b = &world.app->pool->breakers[NEIGHBOUR_SNS];

	if (!wait_until(60000, pay_all, NULL))
		give_up("events are owed for ever");
	for (int i = 0; i < 3; i++) {
		fill_request(&create);
		rest();
		atomic_store(&b->retry_ms, clock_ms() + REST_MS);
		atomic_store(&b->failures, 1);
		serve();
	}
}

#define WORKERS "FROM pg_stat_activity WHERE usename = 'orders_worker' AND datname = current_database()"

static bool
is_disconnected(void *arg)
{
	(void)arg;
	return around_count("SELECT count(*) " WORKERS) == 0;
}

static void
disconnect(void)
{
	(void)around_sql("SELECT pg_terminate_backend(pid) " WORKERS);
	if (!wait_until(5000, is_disconnected, NULL))
		give_up("connections do not end");
}

static void
use_rs256(void)
{
	world.app = world.apps[APP_RS256];
}

static void
use_password(void)
{
	world.app = world.apps[APP_PASSWORD];
	disconnect();
}

#define ORDERS "/api/v1/orders"
#define FAULT(type, loc, msg, input, rest)                                                                   \
	"{\"type\":\"" type "\",\"loc\":[\"body\",\"items\"," loc "],\"msg\":\"" msg                         \
	"\",\"input\":" input rest "}"
static const struct kind kinds[] = {
	{ "create", "POST", ORDERS, TOKEN_CUSTOMER, ONE, KEY_NONE, NULL, 201, CREATED,
	  ORDER_ONE("9", "pending"), true, 1, 0 },
	{ "create of 3 items, with a key", "POST", ORDERS, TOKEN_CUSTOMER, THREE, KEY_NEW, NULL, 201, CREATED,
	  ORDER_THREE, true, 1, 0 },
	{ "create by staff, with a key", "POST", ORDERS, TOKEN_STAFF, ONE, KEY_NEW, NULL, 201, CREATED,
	  ORDER_ONE("1", "pending"), true, 1, 0 },
	{ "repeat of a key", "POST", ORDERS, TOKEN_CUSTOMER, THREE, KEY_OLD, NULL, 201,
	  "Idempotent-Replayed: true\r\n" CREATED, ORDER_THREE, true, 0, 0 },
	{ "key of another request", "POST", ORDERS, TOKEN_CUSTOMER, ONE, KEY_OLD, NULL, 422, "",
	  DETAIL("Idempotency-Key was already used with a different request"), true, 0, 0 },
	{ "first event of a worker", "POST", ORDERS, TOKEN_CUSTOMER, ONE, KEY_NONE, open_again, 201, CREATED,
	  ORDER_ONE("9", "pending"), true, 1, 0 },
	{ "create, product missing", "POST", ORDERS, TOKEN_CUSTOMER,
	  "{\"items\":[{\"product_id\":999,\"quantity\":1}]}", KEY_NONE, NULL, 404, "",
	  DETAIL("Product 999 not found"), true, 0, 0 },
	{ "create, out of stock", "POST", ORDERS, TOKEN_CUSTOMER,
	  "{\"items\":[{\"product_id\":3,\"quantity\":1},{\"product_id\":7,\"quantity\":5}]}", KEY_NONE, NULL,
	  400, "", DETAIL("Insufficient stock for product 7. Available: 3, requested: 5"), true, 0, 0 },
	{ "get", "GET", ORDERS "/%s", TOKEN_CUSTOMER, NULL, KEY_NONE, NULL, 200, ONE_ORDER,
	  ORDER_ONE("9", "<any>"), true, 0, 0 },
	{ "get on a new connection", "GET", ORDERS "/%s", TOKEN_CUSTOMER, NULL, KEY_NONE, disconnect, 200,
	  ONE_ORDER, ORDER_ONE("9", "<any>"), true, 0, 0 },
	{ "create on a new connection", "POST", ORDERS, TOKEN_CUSTOMER, ONE, KEY_NONE, disconnect, 201,
	  CREATED, ORDER_ONE("9", "pending"), true, 1, 0 },
	{ "get, token not seen before", "GET", ORDERS "/%s", TOKEN_NEW, NULL, KEY_NONE, NULL, 200, ONE_ORDER,
	  ORDER_ONE("9", "<any>"), true, 0, 0 },
	{ "get, RS256 token", "GET", ORDERS "/%s", TOKEN_RS256, NULL, KEY_NONE, use_rs256, 200, ONE_ORDER,
	  ORDER_ONE("9", "<any>"), true, 0, 0 },
	{ "get, bad token", "GET", ORDERS "/%s", TOKEN_BAD, NULL, KEY_NONE, NULL, 401,
	  "WWW-Authenticate: Bearer\r\n", DETAIL("Could not validate credentials"), false, 0, 0 },
	{ "get, no token", "GET", ORDERS "/%s", TOKEN_NONE, NULL, KEY_NONE, NULL, 401,
	  "WWW-Authenticate: Bearer\r\n", DETAIL("Not authenticated"), false, 0, 0 },
	{ "get, no such order", "GET", ORDERS "/" NO_ORDER, TOKEN_CUSTOMER, NULL, KEY_NONE, NULL, 404, "",
	  DETAIL("Order " NO_ORDER " not found"), true, 0, 0 },
	{ "get by staff", "GET", ORDERS "/%s", TOKEN_STAFF, NULL, KEY_NONE, NULL, 200, ONE_ORDER,
	  ORDER_ONE("9", "<any>"), true, 0, 0 },
	{ "list", "GET", ORDERS "?skip=1&limit=1", TOKEN_READER, NULL, KEY_NONE, NULL, 200,
	  NEXT("limit=1&") NO_STORE, "[" ORDER_ONE("77", "pending") "]", true, 0, 0 },
	{ "list, two faults", "GET", ORDERS "?skip=-1&limit=%41", TOKEN_READER, NULL, KEY_NONE, NULL, 422, "",
	  "{\"detail\":[{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"skip\"],\"msg\":\"Input should be greater "
	  "than or equal to 0\",\"input\":\"-1\",\"ctx\":{\"ge\":0}},{\"type\":\"int_parsing\",\"loc\":[\"query\","
	  "\"limit\"],\"msg\":\"Input should be a valid integer, unable to parse string as an "
	  "integer\",\"input\":\"A\"}]}",
	  false, 0, 0 },
	{ "list of another's, filtered", "GET",
	  ORDERS "?user_id=77&status=pending&created_from=2020-01-01T00:00:00+01:00&limit=1", TOKEN_STAFF,
	  NULL, KEY_NONE, NULL, 200,
	  NEXT("limit=1&status=pending&created_from=2019-12-31T23%3A00%3A00.000000Z&user_id=77&") NO_STORE,
	  "[" ORDER_ONE("77", "pending") "]", true, 0, 0 },
	{ "list of everybody's, none fits", "GET", ORDERS "?user_id=*&created_to=2020-01-01T00:00:00Z",
	  TOKEN_STAFF, NULL, KEY_NONE, NULL, 200, NO_STORE, "[]", true, 0, 0 },
	{ "list, no offset", "GET", ORDERS "?created_to=2026-02-24T13:46:26", TOKEN_READER, NULL, KEY_NONE,
	  NULL, 422, "",
	  "{\"detail\":[{\"type\":\"timezone_aware\",\"loc\":[\"query\",\"created_to\"],\"msg\":\"Input should have timezone "
	  "info\",\"input\":\"2026-02-24T13:46:26\"}]}",
	  false, 0, 0 },
	{ "history", "GET", ORDERS "/%s/history", TOKEN_CUSTOMER, NULL, KEY_NONE, NULL, 200, NO_STORE,
	  "[{\"version\":1,\"old_status\":null,\"new_status\":\"pending\",\"changed_at\":\"<time>\",\"changed_by\":\"9\",\"reason\":"
	  "null,\"note\":null}<any>",
	  true, 0, 0 },
	{ "get, not modified", "GET", ORDERS "/%s", TOKEN_CUSTOMER, NULL, IF_ANY, NULL, 304, ONE_ORDER, "",
	  true, 0, 0 },
	{ "status change, reason and note", "PATCH", ORDERS "/%s/status", TOKEN_STAFF,
	  "{\"status\":\"cancelled\",\"reason\":\"inventory\",\"note\":\"\\u0022none\\u0022 left\"}",
	  IF_FIRST, make_order, 200, ONE_ORDER, ORDER_ONE("9", "cancelled"), true, 1, 0 },
	{ "status change, stale", "PATCH", ORDERS "/%s/status", TOKEN_CUSTOMER, "{\"status\":\"cancelled\"}",
	  IF_OTHER, make_order, 412, "", DETAIL("Precondition Failed"), true, 0, 0 },
	{ "status change", "PATCH", ORDERS "/%s/status", TOKEN_CUSTOMER, "{\"status\":\"confirmed\"}",
	  KEY_NONE, make_order, 200, ONE_ORDER, ORDER_ONE("9", "confirmed"), true, 1, 0 },
	{ "status change by staff", "PATCH", ORDERS "/%s/status", TOKEN_STAFF, "{\"status\":\"cancelled\"}",
	  KEY_NEW, make_order, 200, ONE_ORDER, ORDER_ONE("9", "cancelled"), true, 1, 0 },
	{ "status change, illegal", "PATCH", ORDERS "/%s/status", TOKEN_CUSTOMER,
	  "{\"status\":\"delivered\"}", KEY_NONE, make_order, 400, "",
	  DETAIL("Cannot change order status from pending to delivered"), true, 0, 0 },
	{ "create, many faults", "POST", ORDERS, TOKEN_CUSTOMER,
	  "{\"items\":[{\"product_id\":\"\\u0031x\",\"quantity\":0},{\"quantity\":1.5},7,{\"product_id\":\"\\u0035\","
	  "\"quantity\":\"9999999999\"}]}",
	  KEY_NONE, NULL, 422, "",
	  "{\"detail\":[" FAULT(
		  "int_parsing", "0,\"product_id\"",
		  "Input should be a valid integer, unable to parse string as an integer", "\"\\u0031x\"",
		  "") "," FAULT("greater_than", "0,\"quantity\"", "Input should be greater than 0", "0",
				",\"ctx\":{\"gt\":0}") "," FAULT("missing", "1,\"product_id\"",
								 "Field required", "{\"quantity\":1.5}",
								 "") "," FAULT("int_from_float",
									       "1,\"quantity\"",
									       "Input should be a valid integer, got a number with a fractional part",
									       "1.5",
									       "") "," FAULT("model_attributes_type",
											     "2",
											     "Input should be a valid dictionary or object to extract fields from",
											     "7",
											     "") "," FAULT("less_than_equal",
													   "3,\"quantity\"",
													   "Input should be less than or equal to 2147483647",
													   "\"9999999999\"",
													   ",\"ctx\":{\"le\":2147483647}") "]}",
	  false, 0, 0 },
	{ "unknown path", "GET", "/nowhere", TOKEN_NONE, NULL, KEY_NONE, NULL, 404, "", DETAIL("Not Found"),
	  false, 0, 0 },
	{ "trailing slash", "GET", ORDERS "/?a=b", TOKEN_NONE, NULL, KEY_NONE, NULL, 307,
	  "Location: /api/v1/orders?a=b\r\n", "", false, 0, 0 },
	{ "other method", "DELETE", ORDERS, TOKEN_NONE, NULL, KEY_NONE, NULL, 405,
	  "Allow: GET, HEAD, POST\r\n", DETAIL("Method Not Allowed"), false, 0, 0 },
	{ "health", "GET", "/health", TOKEN_NONE, NULL, KEY_NONE, NULL, 200, "", "{\"status\":\"healthy\"}",
	  false, 0, 0 },
	{ "ready", "GET", "/ready", TOKEN_NONE, NULL, KEY_NONE, NULL, 200, "",
	  "{\"status\":\"ready\",\"checks\":{\"database\":\"ok\",<any>}}", true, 0, 0 },
	{ "status", "GET", "/status", TOKEN_STAFF, NULL, KEY_NONE, NULL, 200, PAGE_FIELDS, "<any>", false, 0,
	  0 },
	{ "metrics", "GET", "/metrics", TOKEN_NONE, NULL, KEY_NONE, NULL, 200, "", "<any>", false, 0, 0 },
	{ "get, connection by password", "GET", ORDERS "/%s", TOKEN_CUSTOMER, NULL, KEY_NONE, use_password,
	  200, ONE_ORDER, ORDER_ONE("9", "<any>"), true, 0, 101 },
	{ "idle turn that sweeps", .target = "", .prepare = make_events },
};

static void
count_line(void *arg, const char *line)
{
	(void)line;
	++*(int *)arg;
}

/* As main() does it, in a process of its own, since libraries do much once only. 0: an order was placed; 1: it did not
 * start and said so; 2: nothing was refused any more; anything else is wrong. */
static int
start_worker(size_t n)
{
	struct config config;
	int lines = 0;
	enum rc rc;
	size_t refused;
	void *ctx = talloc_new(NULL);

	refuse_from(n, false);
	rc = config_load(ctx, getenv, &config, count_line, &lines);
	if (!rc)
		rc = app_check(ctx, &config, count_line, &lines);
	world.app = rc ? NULL : app_open(ctx, &config);
	refused = refuse_end();
	if (!world.app)
		return rc == RC_INVALID && !lines ? 3 : 1;
	make_order();
	talloc_free(ctx);
	return refused ? 0 : 2;
}

/* Asked after the request: ends the worker, by a status that says whether anything was refused. */
static bool
end_refusing(void *arg)
{
	(void)arg;
	if (!refuse_end())
		_exit(NOTHING_REFUSED);
	return true;
}

/* What libfcgi reads before the request is ours, and writes; by the worker's own loop on a listener of ours. */
static int
serve_fastcgi(size_t n)
{
	int listener = around_listen(), answered, status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		(void)dup2(listener, 0);
		rest();
		refuse_from(n, false);
		_exit(fcgi_serve(&(struct fcgi_app){ .arg = world.app,
						     .answer = app_answer,
						     .after = app_after,
						     .turn = app_turn,
						     .retire = end_refusing }));
	}
	answered = around_ask_health(listener);
	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid: %s", strerror(errno));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		return answered == 0 ? 1 : 3;
	if (!WIFEXITED(status) || (answered != 200 && answered != 500))
		return WIFEXITED(status) && WEXITSTATUS(status) == EX_OSERR ? 1 : 3;
	return WEXITSTATUS(status) == NOTHING_REFUSED ? 2 : 0;
}

static int
start_in_child(size_t n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(start_worker(n));
	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

/* once(n): 0 it went right, 1 it ended as it may, 2 nothing was refused any more; else it is wrong. */
static void
run_children(const char *name, int (*once)(size_t n))
{
	const struct kind k = { .name = name };
	unsigned got[3] = { 0 };
	int64_t started = now_ms();
	int end = 0;

	for (size_t n = 1; end != 2; n = next(&k, n)) {
		end = once(n);
		if (end > 2)
			complain(&k, n, false, text("outcome %d", end));
		else
			got[end]++;
		talloc_free_children(test_memory());
	}
	(void)printf("%-32s %5u refused: %5u right, %5u ended with a reason; %lld ms\n", name,
		     got[0] + got[1], got[0], got[1], (long long)(now_ms() - started));
	(void)fflush(stdout);
}

/* What the database and the subscriber have in the end. */
static void
check_books(void)
{
	static const struct {
		const char *fault, *sql;
	} rules[] = {
		{ "orders whose items are not its total",
		  "SELECT count(*) FROM orders.orders o WHERE total_amount IS DISTINCT FROM (SELECT sum(subtotal) FROM "
		  "orders.order_items i WHERE (i.user_id, i.order_id) = (o.user_id, o.id))" },
		{ "orders without their changes",
		  "SELECT count(*) FROM orders.orders o WHERE version <> (SELECT count(*) FROM orders.order_changes c "
		  "WHERE (c.user_id, c.order_id) = (o.user_id, o.id))" },
		{ "messages parked", "SELECT count(*) FROM orders.outbox WHERE parked_at IS NOT NULL" },
		{ "changes whose event did not arrive",
		  "SELECT count(*) FROM orders.order_changes WHERE event_id NOT IN (SELECT event_id FROM arrived)" },
		{ "events of nothing",
		  "SELECT count(*) FROM arrived WHERE event_id NOT IN (SELECT event_id FROM orders.order_changes)" },
	};

	if (!wait_until(60000, pay_all, NULL) || !wait_until(120000, around_take_events, NULL))
		give_up("events are owed for ever: %s",
			around_sql("SELECT max(last_error) FROM orders.outbox"));
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (around_count(rules[i].sql)) {
			world.bad = true;
			(void)printf("%s: %s\n", around_sql(rules[i].sql), rules[i].fault);
		}
	(void)printf("%ld orders, %ld changes, %ld events arrived\n",
		     around_count("SELECT count(*) FROM orders.orders"),
		     around_count("SELECT count(*) FROM orders.order_changes"),
		     around_count("SELECT count(*) FROM arrived"));
}

static void
print_line(void *arg, const char *line)
{
	(void)arg;
	(void)fprintf(stderr, "%s\n", line);
}

static void
open_world(void)
{
	world.kept = talloc_new(NULL);
	around_open(world.kept);
	world.pair = key_pair_new("RSA");
	world.pair.private_pem = talloc_strdup(world.kept, world.pair.private_pem);
	world.pair.public_pem = talloc_strdup(world.kept, world.pair.public_pem);
	world.tokens[TOKEN_CUSTOMER] = talloc_strdup(world.kept, token_of(CUSTOMER));
	world.tokens[TOKEN_READER] = talloc_strdup(world.kept, token_of(READER));
	world.tokens[TOKEN_STAFF] = talloc_strdup(world.kept, token_of_staff(STAFF));
	world.tokens[TOKEN_BAD] = talloc_strdup(world.kept,
						token_signed("HS256", "{\"sub\":\"9\"}", "another key"));
	if (!getenv("VERBOSE"))
		log_set_level(LOG_ERROR + 1);
}

static void
open_apps(void)
{
	struct config *c = world.config;

	for (int i = 0; i < APPS; i++)
		if (config_load(world.kept, getenv, &c[i], print_line, NULL))
			give_up("the settings are wrong");
	c[APP_PASSWORD].database_url = talloc_strdup(world.kept, around_password_url());
	c[APP_RS256].algorithm = "RS256";
	c[APP_RS256].secret_key = talloc_strdup(world.kept, world.pair.public_pem);
	c[APP_RS256].secret_key_len = strlen(c[APP_RS256].secret_key);
	for (int i = 0; i < APPS; i++)
		if (!(world.apps[i] = app_open(world.kept, &c[i])))
			give_up("the application does not open");
	world.app = world.apps[APP_USUAL];
}

static void
place(enum token token, const char *body, enum key key)
{
	fill_request(&(struct kind){
		.method = "POST", .target = ORDERS, .token = token, .body = body, .key = key });
	serve();
}

int
main(void)
{
	const char *only = getenv("KIND"), *seed = getenv("SEED"), *quick = getenv("QUICK");

	if (!reserve_for_openssl())
		give_up("OpenSSL has memory already");
	world.quick = quick && *quick && strcmp(quick, "0") != 0;
	world.seed = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)wall_s();
	(void)printf("memory refused, %s, SEED=%u\n", world.quick ? "some n" : "every n", world.seed);
	(void)fflush(stdout);
	open_world();
	if (!only || strcmp(only, "start") == 0)
		run_children("start", start_in_child);
	open_apps();
	for (int i = 0; i < 3; i++)
		place(TOKEN_READER, ONE, KEY_NONE);
	place(TOKEN_CUSTOMER, THREE, KEY_OLD);
	make_order();
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!only || strcmp(only, kinds[i].name) == 0) {
			world.app = world.apps[APP_USUAL];
			run(&kinds[i]);
		}
	world.app = world.apps[APP_USUAL];
	if (!only || strcmp(only, "FastCGI") == 0)
		run_children("FastCGI", serve_fastcgi);
	check_books();
	talloc_free(world.kept);
	around_close();
	(void)puts(world.bad ? "memory: FAILED" : "memory: passed");
	return world.bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* POST /api/v1/orders: what an order is. The Product Service's own faults: test_products.c. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/expect.h"
#include "support/peer.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"

static struct answer
create(const struct pool *p, int64_t user, const char *body)
{
	return ASK(p, .target = ORDERS, .token = token_of(user), .body = body);
}

static const char *
wall_text(void)
{
	struct timespec t;
	struct tm tm;
	char date[32];

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t.tv_sec, &tm));
	return text("%s.%06ldZ", date, t.tv_nsec / 1000);
}

Test(create, answers_201_with_the_order_and_where_it_is)
{
	struct pool *p = pool_shared();
	int64_t user = new_user();
	struct answer a = create(p, user, "{\"items\":[{\"product_id\":3,\"quantity\":2}]}"), got;

	EXPECT(a, 201,
	       text("{\"id\":<int>,\"user_id\":%lld,\"status\":\"pending\",\"total_amount\":\"91.00\","
		    "\"created_at\":\"<time>\",\"updated_at\":\"<time>\",\"items\":[{\"id\":<int>,\"order_id\":<int>,"
		    "\"product_id\":3,\"product_name\":\"USB-C Hub\",\"product_price\":\"45.50\",\"quantity\":2,"
		    "\"subtotal\":\"91.00\",\"created_at\":\"<time>\"}]}",
		    (long long)user));
	EXPECT_TEXT(field(&a, "Location"), order_target(order_id_of(&a)));
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
	cr_expect_null(field(&a, "Idempotent-Replayed"));
	cr_expect(json_get_i64(a.body, "items.0.order_id") == order_id_of(&a));
	got = ASK(p, .target = field(&a, "Location"), .token = token_of(user));
	EXPECT(got, 200, a.body);
	EXPECT_TEXT(field(&got, "Cache-Control"), "no-store");
	cr_expect_null(field(&got, "Location"));
}

Test(create, stamps_all_of_it_with_the_time_of_the_request)
{
	const char *before = wall_text();
	struct answer a = create(
		pool_shared(), new_user(),
		"{\"items\":[{\"product_id\":3,\"quantity\":2},{\"product_id\":1,\"quantity\":1}]}");
	const char *after = wall_text(), *created = json_get(a.body, "created_at");

	cr_assert(a.status == 201);
	cr_expect(strcmp(before, created) <= 0 && strcmp(created, after) <= 0, "%s ≤ %s ≤ %s", before,
		  created, after);
	cr_expect_str_eq(json_get(a.body, "updated_at"), created);
	cr_expect_str_eq(json_get(a.body, "items.0.created_at"), created);
	cr_expect_str_eq(json_get(a.body, "items.1.created_at"), created);
}

Test(create, keeps_the_items_in_the_order_of_the_request)
{
	static const int products[] = { 19, 3, 30, 1, 3, 24, 2, 40, 3 };
	int64_t user = new_user();
	char *body = text("{\"items\":[");
	struct answer a, got;

	for (size_t i = 0; i < sizeof products / sizeof *products; i++)
		body = text("%s%s{\"product_id\":%d,\"quantity\":%zu}", body, i ? "," : "", products[i],
			    i + 1);
	a = create(pool_shared(), user, text("%s]}", body));
	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
		cr_expect(json_get_i64(a.body, text("items.%zu.product_id", i)) == products[i], "line %zu",
			  i);
		cr_expect(json_get_i64(a.body, text("items.%zu.quantity", i)) == (int64_t)i + 1, "line %zu",
			  i);
	}
	got = ASK(pool_shared(), .target = order_target(order_id_of(&a)), .token = token_of(user));
	EXPECT(got, 200, a.body);
}

Test(create, takes_integers_however_JSON_and_pydantic_write_them)
{
	static const struct {
		const char *product, *quantity, *reason;
	} rows[] = {
		{ "3", "2", "integers" },
		{ "\"3\"", "\"2\"", "strings of digits" },
		{ "\"03\"", "\"0002\"", "leading zeros in strings" },
		{ "3.0", "2.0", "floats without a fraction" },
		{ "3e0", "20e-1", "exponents" },
		{ "0.3e1", "2.000", "more of them" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = create(pool_shared(), new_user(),
					 text("{\"items\":[{\"product_id\":%s,\"quantity\":%s}]}",
					      rows[i].product, rows[i].quantity));

		cr_expect(a.status == 201, "%s: %d %s", rows[i].reason, a.status, a.body);
		cr_expect(differs(json_get(a.body, "total_amount"), "91.00") == NULL, "%s: %s",
			  rows[i].reason, a.body);
	}
}

Test(create, ignores_members_that_it_does_not_know)
{
	struct answer a = create(
		pool_shared(), new_user(),
		"{\"user_id\":1,\"status\":\"delivered\",\"total_amount\":\"0.01\",\"note\":{\"a\":[null]},"
		"\"items\":[{\"price\":0.01,\"product_id\":3,\"product_name\":\"x\",\"quantity\":2,\"id\":\"x\"}],"
		"\"created_at\":false}");

	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	cr_expect_str_eq(json_get(a.body, "status"), "pending");
	cr_expect_str_eq(json_get(a.body, "total_amount"), "91.00");
	cr_expect_str_eq(json_get(a.body, "items.0.product_name"), "USB-C Hub");
}

Test(create, copies_names_and_prices_as_the_product_service_wrote_them)
{
	static const struct {
		int product;
		const char *name, *price;
	} rows[] = {
		{ 1, "Wireless Mouse", "24.99" },
		{ 2, "Mechanical Keyboard", "89.90" },
		{ 3, "USB-C Hub", "45.50" },
		{ 4, "27\\\" Monitor", "249.00" },
		{ 11, "Kaffeemühle „Röstmeister“", "64.90" },
		{ 13, "抹茶 茶碗", "38.00" },
		{ 16, "Jalapeño Salsa 🌶", "4.75" },
		{ 17, "Crème brûlée torch", "31.80" },
		{ 19, "Ball Pen", "1.50" },
		{ 20, "Gift Card", "25.00" },
		{ 21, "Office Chair", "179.00" },
		{ 22, "Standing Desk", "499.00" },
		{ 23, "Sticker", "0.01" },
		{ 24, "Free Sample", "0.00" },
		{ 29, "Private Jet", "9999999999.99" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = create(
			pool_shared(), new_user(),
			text("{\"items\":[{\"product_id\":%d,\"quantity\":1}]}", rows[i].product));

		EXPECT_ROW(
			rows[i].name, a, 201,
			text("{\"id\":<int>,\"user_id\":<int>,\"status\":\"pending\",\"total_amount\":\"%s\","
			     "\"created_at\":\"<time>\",\"updated_at\":\"<time>\",\"items\":[{\"id\":<int>,\"order_id\":<int>,"
			     "\"product_id\":%d,\"product_name\":\"%s\",\"product_price\":\"%s\",\"quantity\":1,"
			     "\"subtotal\":\"%s\",\"created_at\":\"<time>\"}]}",
			     rows[i].price, rows[i].product, rows[i].name, rows[i].price, rows[i].price));
	}
}

Test(create, takes_from_1_to_100_items)
{
	char *items = text("{\"product_id\":23,\"quantity\":1}");
	struct answer a;

	for (int i = 1; i < 100; i++)
		items = text("%s,{\"product_id\":23,\"quantity\":1}", items);
	a = create(pool_shared(), new_user(), text("{\"items\":[%s]}", items));
	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	cr_expect_str_eq(json_get(a.body, "total_amount"), "1.00");
	cr_expect(json_count(json_read(a.body), "items") == 100);
	a = create(pool_shared(), new_user(),
		   text("{\"items\":[%s,{\"product_id\":23,\"quantity\":1}]}", items));
	cr_expect(a.status == 422, "%d %s", a.status, a.body);
}

Test(create, says_which_product_does_not_exist)
{
	struct answer a = create(pool_shared(), new_user(),
				 "{\"items\":[{\"product_id\":77,\"quantity\":1}]}");

	EXPECT_DETAIL(a, 404, "Product 77 not found");
	a = create(pool_shared(), new_user(),
		   "{\"items\":[{\"product_id\":9223372036854775807,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 404, "Product 9223372036854775807 not found");
}

Test(create, wants_stock_for_the_sum_of_a_products_lines)
{
	static const struct {
		const char *items;
		const char *detail; /* NULL: 201 */
		const char *reason;
	} rows[] = {
		{ "{\"product_id\":7,\"quantity\":3}", NULL, "all there is" },
		{ "{\"product_id\":7,\"quantity\":4}",
		  "Insufficient stock for product 7. Available: 3, requested: 4", "one more" },
		{ "{\"product_id\":7,\"quantity\":2},{\"product_id\":7,\"quantity\":1}", NULL,
		  "all there is, on two lines" },
		{ "{\"product_id\":7,\"quantity\":2},{\"product_id\":3,\"quantity\":9},{\"product_id\":7,\"quantity\":2}",
		  "Insufficient stock for product 7. Available: 3, requested: 4", "one more, on two lines" },
		{ "{\"product_id\":7,\"quantity\":2147483647},{\"product_id\":7,\"quantity\":2147483647},"
		  "{\"product_id\":7,\"quantity\":2147483647}",
		  "Insufficient stock for product 7. Available: 3, requested: 6442450941",
		  "a sum beyond 32 bits" },
		{ "{\"product_id\":27,\"quantity\":1}",
		  "Insufficient stock for product 27. Available: 0, requested: 1", "none left" },
		{ "{\"product_id\":7,\"quantity\":4},{\"product_id\":77,\"quantity\":1}",
		  "Insufficient stock for product 7. Available: 3, requested: 4", "the first of two faults" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = create(pool_shared(), new_user(), text("{\"items\":[%s]}", rows[i].items));

		if (rows[i].detail)
			EXPECT_DETAIL_ROW(rows[i].reason, a, 400, rows[i].detail);
		else
			cr_expect(a.status == 201, "%s: %d %s", rows[i].reason, a.status, a.body);
	}
}

Test(create, does_not_reserve_stock)
{
	for (int i = 0; i < 3; i++) {
		struct answer a = create(pool_shared(), new_user(),
					 "{\"items\":[{\"product_id\":26,\"quantity\":1}]}");

		cr_expect(a.status == 201, "%d %s", a.status, a.body);
	}
}

Test(create, refuses_a_total_above_9999999999_99)
{
	static const struct {
		const char *items;
		bool good;
		const char *reason;
	} rows[] = {
		{ "{\"product_id\":29,\"quantity\":1}", true, "the greatest" },
		{ "{\"product_id\":29,\"quantity\":1},{\"product_id\":24,\"quantity\":5}", true,
		  "the greatest and nothing" },
		{ "{\"product_id\":29,\"quantity\":1},{\"product_id\":23,\"quantity\":1}", false,
		  "a cent more" },
		{ "{\"product_id\":23,\"quantity\":1},{\"product_id\":29,\"quantity\":1}", false,
		  "a cent more, before" },
	};
	struct peer products = peer_start(NULL);
	struct pool p;
	struct answer a;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = create(pool_shared(), new_user(), text("{\"items\":[%s]}", rows[i].items));
		if (rows[i].good)
			cr_expect(a.status == 201, "%s: %d %s", rows[i].reason, a.status, a.body);
		else
			EXPECT_DETAIL_ROW(rows[i].reason, a, 400, "Order total is too large");
	}
	p = pool_start(&(const struct pool_options){ .workers = 1, .products = products.port });
	peer_sells(&products, 1, "9999999999.99", 9000000000);
	peer_sells(&products, 2, "4.66", 9000000000);
	peer_sells(&products, 3, "4.65", 9000000000);
	peer_sells(&products, 4, "0.01", 9000000000);
	peer_sells(&products, 5, "3333333333.33", 9000000000);
	a = create(&p, 1, "{\"items\":[{\"product_id\":1,\"quantity\":2147483647}]}");
	EXPECT_DETAIL(a, 400, "Order total is too large"); /* beyond 64 bits */
	a = create(&p, 1, "{\"items\":[{\"product_id\":2,\"quantity\":2147483647}]}");
	EXPECT_DETAIL(a, 400, "Order total is too large");
	a = create(&p, 1, "{\"items\":[{\"product_id\":3,\"quantity\":2147483647}]}");
	cr_expect(a.status == 201 && !differs(json_get(a.body, "total_amount"), "9985798958.55"), "%s",
		  a.body);
	a = create(&p, 1, "{\"items\":[{\"product_id\":5,\"quantity\":3}]}");
	cr_expect(a.status == 201 && !differs(json_get(a.body, "total_amount"), "9999999999.99"), "%s",
		  a.body);
	cr_expect(pool_stop(&p));
}

Test(create, never_changes_an_order_when_its_product_changes)
{
	struct peer products = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){ .workers = 1, .products = products.port });
	int64_t user = new_user();
	struct answer before, after;

	peer_product(&products, 5, "{\"id\":5,\"name\":\"Before\",\"price\":1.25,\"stock_quantity\":10}");
	before = create(&p, user, "{\"items\":[{\"product_id\":5,\"quantity\":4}]}");
	cr_assert(before.status == 201, "%s", before.body);
	peer_product(&products, 5, "{\"id\":5,\"name\":\"After\",\"price\":99,\"stock_quantity\":0}");
	after = ASK(&p, .target = order_target(order_id_of(&before)), .token = token_of(user));
	EXPECT(after, 200, before.body);
	PEER_ON(&products, product_target(5), .act = PEER_ANSWER, .bytes = http_json(404, "{}"));
	after = ASK(&p, .target = order_target(order_id_of(&before)), .token = token_of(user));
	EXPECT(after, 200, before.body);
	cr_expect(pool_stop(&p));
}

/* The oracle for sums: decimal digits in strings, as on paper. Knows nothing of lib/order. */

/* "12.30" → "1230", without leading zeros. */
static char *
cents_of(const char *amount)
{
	char *digits = text("%.*s%s", (int)strcspn(amount, "."), amount, strchr(amount, '.') + 1);

	while (digits[0] == '0' && digits[1])
		digits++;
	return digits;
}

static char *
paper_add(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), n = (la > lb ? la : lb) + 1;
	char *sum = text("%0*d", (int)n, 0);
	int carry = 0;

	for (size_t i = 0; i < n; i++) {
		int digit = (i < la ? a[la - 1 - i] - '0' : 0) + (i < lb ? b[lb - 1 - i] - '0' : 0) + carry;

		sum[n - 1 - i] = (char)('0' + digit % 10);
		carry = digit / 10;
	}
	while (sum[0] == '0' && sum[1])
		sum++;
	return sum;
}

static char *
paper_multiply(const char *a, const char *b)
{
	char *product = text("0"), *shifted = text("%s", a);

	for (size_t i = strlen(b); i > 0; i--) {
		for (int n = b[i - 1] - '0'; n > 0; n--)
			product = paper_add(product, shifted);
		shifted = text("%s0", shifted);
	}
	return product;
}

static char *
amount_of(const char *cents)
{
	char *padded = text("%s%s", strlen(cents) == 1 ? "00" : strlen(cents) == 2 ? "0" : "", cents);
	size_t len = strlen(padded);

	return text("%.*s.%s", (int)len - 2, padded, padded + len - 2);
}

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The price of a product follows from its id: up to 7 digits of cents, of any length. */
static uint64_t
cents_for(uint64_t id)
{
	static const uint64_t limits[] = { 10, 100, 1000, 10000, 100000, 1000000, 3000000 };
	uint64_t state = id * 2654435761u + 88172645463325252u;

	(void)next_random(&state);
	return next_random(&state) % limits[id % 7];
}

/* In all the ways in which the Product Service may write it. */
static size_t
sell_anything(const char *target, char *out, size_t size)
{
	uint64_t id = strtoull(target + strlen("/api/v1/products/"), NULL, 10), cents = cents_for(id);
	unsigned long long units = cents / 100, rest = cents % 100;
	char price[64], body[256];

	switch (id % 6) {
	case 0:
		(void)snprintf(price, sizeof price, "%llu.%02llu", units, rest);
		break;
	case 1:
		(void)snprintf(price, sizeof price, "\"%llu.%02llu\"", units, rest);
		break;
	case 2:
		(void)snprintf(price, sizeof price, "%llue-2", (unsigned long long)cents);
		break;
	case 3:
		(void)snprintf(price, sizeof price, "%llu.%02llu000000", units, rest);
		break;
	case 4:
		(void)snprintf(price, sizeof price, "%llu.%02lluE+1", units / 10,
			       units % 10 * 10 + rest / 10);
		if (rest % 10)
			(void)snprintf(price, sizeof price, "%llu.%02llu", units, rest);
		break;
	default:
		(void)snprintf(price, sizeof price, "0.%012llue10", (unsigned long long)cents);
	}
	(void)snprintf(body, sizeof body,
		       "{\"id\":%llu,\"name\":\"P\",\"price\":%s,\"stock_quantity\":2147483647}",
		       (unsigned long long)id, price);
	return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
				body);
}

#define LINES 100
#define ORDERS_OF_LINES 100

static void
expect_exact(const struct pool *p, int64_t user, uint64_t *state, uint64_t *next_id)
{
	char *items = text("["), *total = text("0");
	const char *prices[LINES], *subtotals[LINES];
	struct json_object *doc;
	struct arrived events[EVENTS_MAX];
	struct answer a;

	for (int i = 0; i < LINES; i++) {
		uint64_t id = ++*next_id, limit = next_random(state) % 3 ? 99 : 9999;
		unsigned long long quantity = 1 + next_random(state) % limit;

		prices[i] = amount_of(text("%llu", (unsigned long long)cents_for(id)));
		subtotals[i] = amount_of(paper_multiply(cents_of(prices[i]), text("%llu", quantity)));
		total = paper_add(total, cents_of(subtotals[i]));
		items = text("%s%s{\"product_id\":%llu,\"quantity\":%llu}", items, i ? "," : "",
			     (unsigned long long)id, quantity);
	}
	a = create(p, user, text("{\"items\":%s]}", items));
	if (strlen(total) > 12) {
		EXPECT_DETAIL(a, 400, "Order total is too large");
		return;
	}
	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	doc = json_read(a.body);
	EXPECT_TEXT(json_at(doc, "total_amount"), amount_of(total));
	for (int i = 0; i < LINES; i++) {
		EXPECT_TEXT(json_at(doc, text("items.%d.product_price", i)), prices[i]);
		EXPECT_TEXT(json_at(doc, text("items.%d.subtotal", i)), subtotals[i]);
	}
	if (order_id_of(&a) % 10)
		return;
	cr_assert(events_wait(p, order_id_of(&a), 1, 10000, events) == 1, "no event");
	cr_expect(strstr(events[0].message, text("\"total_amount\":%s,", amount_of(total))), "%s",
		  events[0].message);
	for (int i = 0; i < LINES; i++)
		EXPECT_TEXT(json_get(events[0].message, text("data.items.%d.price", i)), prices[i]);
}

Test(create, multiplies_and_adds_10000_random_lines_exactly, .timeout = 120)
{
	struct peer products = peer_start(sell_anything);
	struct pool p = pool_start(&(const struct pool_options){ .workers = 2, .products = products.port });
	const char *seed = getenv("ORDERS_TEST_SEED");
	uint64_t state = seed ? strtoull(seed, NULL, 10) | 1 : 20260224, next_id = state % 1000003 * 100000;
	int64_t user = new_user();

	for (int i = 0; i < ORDERS_OF_LINES; i++)
		expect_exact(&p, user, &state, &next_id);
	EXPECT_TEXT(
		pool_sql(
			&p,
			"SELECT count(*) FROM orders.orders AS o WHERE total_amount <> (SELECT sum(product_price * quantity) "
			"FROM orders.order_items AS i WHERE i.user_id = o.user_id AND i.order_id = o.id)"),
		"0");
	cr_expect(strtol(pool_sql(&p, "SELECT count(*) FROM orders.order_items"), NULL, 10) >= 9000,
		  "too few to tell");
	cr_expect(pool_stop(&p));
}

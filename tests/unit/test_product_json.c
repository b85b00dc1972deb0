/* What the Product Service answers. */
#include "json/product_json.h"

#include "context.h"
#include "table.h"

TestSuite(product_json, .init = open_ctx, .fini = close_ctx);

#define PRODUCT(members) LITERAL("{\"id\":7" members "}")

Test(product_json, reads_a_product)
{
	static const struct {
		const char *body;
		size_t len;
		const char *name;
		int64_t cents, stock;
		const char *why;
	} rows[] = {
		{ LITERAL("{\"id\":7,\"name\":\"USB-C Hub\",\"price\":45.5,\"stock_quantity\":12,\"description\":\"…\",\"tags\":[]}"),
		  "USB-C Hub", 4550, 12, "the contract's example" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"45.50\""), "x", 4550, 0,
		  "a price as a string, no stock" },
		{ PRODUCT(",\"name\":\"x\",\"price\":0"), "x", 0, 0, "free" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\".5\""), "x", 50, 0, "digits with a point" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"\\u0034\""), "x", 400, 0, "an escaped digit" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1.5e2"), "x", 15000, 0, "an exponent, exact" },
		{ PRODUCT(",\"name\":\"x\",\"price\":45.500"), "x", 4550, 0, "trailing zeros aside" },
		{ PRODUCT(",\"name\":\"x\",\"price\":9999999999.99"), "x", MONEY_MAX_CENTS, 0,
		  "the greatest price" },
		{ PRODUCT(",\"name\":\"\\u00e9\\\"\",\"price\":1"), "\xc3\xa9\"", 100, 0, "an escaped name" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":-3"), "x", 100, -3,
		  "less than nothing" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":3.0"), "x", 100, 3, "no fraction" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":1e30"), "x", 100, INT64_MAX,
		  "more than a number" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":-1e30"), "x", 100, INT64_MIN,
		  "less than one" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct product p = { 0 };

		expect_int(product_decode(ctx, rows[i].body, rows[i].len, 7, &p), RC_OK, rows[i].why);
		expect_int(p.id, 7, rows[i].why);
		expect_text(p.name ? p.name : "none", rows[i].name, rows[i].why);
		expect_int(p.price.cents, rows[i].cents, rows[i].why);
		expect_int(p.stock, rows[i].stock, rows[i].why);
	}
}

/* Each of the contract's 502s that a body can bring about. */
Test(product_json, refuses_what_is_no_product)
{
	static const struct {
		const char *body;
		size_t len;
		const char *why;
	} rows[] = {
		{ LITERAL(""), "nothing" },
		{ LITERAL("<html></html>"), "no JSON" },
		{ LITERAL("{\"id\":7,\"name\":'x',\"price\":1}"), "what json-c would take" },
		{ LITERAL("{\"id\":7,\"name\":\"\xff\",\"price\":1}"), "not UTF-8" },
		{ LITERAL("[7]"), "a list" },
		{ LITERAL("null"), "null" },
		{ LITERAL("\"id\""), "a string" },
		{ LITERAL("{\"name\":\"x\",\"price\":1}"), "no id" },
		{ LITERAL("{\"id\":8,\"name\":\"x\",\"price\":1}"), "another id" },
		{ LITERAL("{\"id\":\"7\",\"name\":\"x\",\"price\":1}"), "an id that is a string" },
		{ LITERAL("{\"id\":7.5,\"name\":\"x\",\"price\":1}"), "an id with a fraction" },
		{ LITERAL("{\"id\":18446744073709551623,\"name\":\"x\",\"price\":1}"),
		  "an id that is 7 when it wraps around" },
		{ LITERAL("{\"id\":true,\"name\":\"x\",\"price\":1}"), "an id that is a bool" },
		{ LITERAL("{\"id\":7,\"id\":8,\"name\":\"x\",\"price\":1}"), "two ids, the last another" },
		{ PRODUCT(",\"price\":1"), "no name" },
		{ PRODUCT(",\"name\":null,\"price\":1"), "a name that is null" },
		{ PRODUCT(",\"name\":5,\"price\":1"), "a name that is a number" },
		{ PRODUCT(",\"name\":\"\",\"price\":1"), "an empty name" },
		{ PRODUCT(",\"name\":\"a\\u0000b\",\"price\":1"), "a NUL in the name" },
		{ PRODUCT(",\"name\":\"x\""), "no price" },
		{ PRODUCT(",\"name\":\"x\",\"price\":null"), "a price that is null" },
		{ PRODUCT(",\"name\":\"x\",\"price\":true"), "a price that is a bool" },
		{ PRODUCT(",\"name\":\"x\",\"price\":[1]"), "a price that is a list" },
		{ PRODUCT(",\"name\":\"x\",\"price\":-1"), "a negative price" },
		{ PRODUCT(",\"name\":\"x\",\"price\":-0.001"), "a little below zero" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"-1\""), "a negative price as a string" },
		{ PRODUCT(",\"name\":\"x\",\"price\":45.505"), "three places" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1e-3"), "three places, written otherwise" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"45.505\""), "three places as a string" },
		{ PRODUCT(",\"name\":\"x\",\"price\":10000000000"), "above the greatest" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1e400"), "far above it" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"1e2\""), "an exponent in a string" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"1.2.3\""), "two points" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"\""), "an empty price" },
		{ PRODUCT(",\"name\":\"x\",\"price\":\"$5\""), "a currency" },
		{ PRODUCT(",\"name\":\"x\",\"price\":NaN"), "no number" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":\"5\""), "stock that is a string" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":null"), "stock that is null" },
		{ PRODUCT(",\"name\":\"x\",\"price\":1,\"stock_quantity\":2.5"), "half a piece" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct product p = { .id = -77 };

		expect_int(product_decode(ctx, rows[i].body, rows[i].len, 7, &p), RC_PRODUCT_INVALID,
			   rows[i].why);
		expect_int(p.id, -77, rows[i].why);
	}
}

Test(product_json, counts_a_names_characters_not_its_bytes)
{
	static const struct {
		const char *character;
		int n;
		enum rc rc;
	} rows[] = { { "x", 255, RC_OK },
		     { "x", 256, RC_PRODUCT_INVALID },
		     { "\xf0\x9f\x9a\x80", 255, RC_OK },
		     { "\xf0\x9f\x9a\x80", 256, RC_PRODUCT_INVALID },
		     { "\\ud83d\\ude80", 255, RC_OK },
		     { "\\ud83d\\ude80", 256, RC_PRODUCT_INVALID } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *body = talloc_strdup(ctx, "{\"id\":7,\"price\":1,\"name\":\"");
		struct product p;

		for (int j = 0; j < rows[i].n; j++)
			body = talloc_strdup_append_buffer(body, rows[i].character);
		body = talloc_strdup_append_buffer(body, "\"}");
		expect_int(product_decode(ctx, body, strlen(body), 7, &p), rows[i].rc, rows[i].character);
	}
}

Test(product_json, needs_memory)
{
	static const struct {
		const char *body;
		size_t bytes;
		const char *why;
	} rows[] = {
		{ "{\"id\":7,\"name\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"price\":1}", 1,
		  "for the name" },
		{ "{\"id\":7,\"name\":\"x\",\"price\":\"1000000.0000000000000000000000000000000000000000000000000000000000000000\"}",
		  150, "for the price" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		void *poor = talloc_new(ctx);
		struct product p;

		limit_memory(poor, rows[i].bytes);
		expect_int(product_decode(poor, rows[i].body, strlen(rows[i].body), 7, &p), RC_NO_MEMORY,
			   rows[i].why);
	}
}

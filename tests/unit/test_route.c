/* The table of routes. */
#include "http/route.h"

#include "table.h"

static enum rc
handle(struct request *r)
{
	(void)r;
	return RC_OK;
}

static const struct route routes[] = {
	{ "GET", "/orders", 1, handle },      { "POST", "/orders", 2, handle },
	{ "GET", "/orders/{id}", 3, handle }, { "PATCH", "/orders/{id}/status", 4, handle },
	{ "GET", "/health", 5, handle },      { "GET", "/", 6, handle },
};

struct row {
	const char *method, *target;
	enum rc rc;
	unsigned needs;	  /* tells the route */
	const char *text; /* the value of {id}; the Allow field with RC_NO_METHOD */
	const char *why;
};

Test(route, is_found_by_method_and_path)
{
	static const struct row rows[] = {
		{ "GET", "/orders", RC_OK, 1, "", "" },
		{ "POST", "/orders", RC_OK, 2, "", "the same path, another method" },
		{ "HEAD", "/orders", RC_OK, 1, "", "HEAD works where GET does" },
		{ "GET", "/orders/20", RC_OK, 3, "20", "a value" },
		{ "HEAD", "/orders/20", RC_OK, 3, "20", "" },
		{ "PATCH", "/orders/20/status", RC_OK, 4, "20", "a value in the middle" },
		{ "GET", "/orders/status", RC_OK, 3, "status", "any segment is a value" },
		{ "GET", "/orders/%2F", RC_OK, 3, "%2F", "nothing is decoded" },
		{ "GET", "/orders/..", RC_OK, 3, "..", "nothing is normalised" },
		{ "GET", "/", RC_OK, 6, "", "" },
		{ "DELETE", "/orders", RC_NO_METHOD, 0, "GET, HEAD, POST", "" },
		{ "HEAD", "/orders/20/status", RC_NO_METHOD, 0, "PATCH", "HEAD without GET" },
		{ "GET", "/orders/20/status", RC_NO_METHOD, 0, "PATCH", "" },
		{ "PATCH", "/orders/20", RC_NO_METHOD, 0, "GET, HEAD", "" },
		{ "get", "/orders", RC_NO_METHOD, 0, "GET, HEAD, POST", "methods are case-sensitive" },
		{ "OPTIONS", "/health", RC_NO_METHOD, 0, "GET, HEAD", "" },
		{ "", "/health", RC_NO_METHOD, 0, "GET, HEAD", "no method" },
		{ "GET", "/orders/", RC_TRAILING_SLASH, 0, "", "an empty value is none" },
		{ "GET", "/health/", RC_TRAILING_SLASH, 0, "", "" },
		{ "POST", "/health/", RC_TRAILING_SLASH, 0, "", "whatever the method" },
		{ "GET", "/orders/20/", RC_TRAILING_SLASH, 0, "", "" },
		{ "PATCH", "/orders/20/status/", RC_TRAILING_SLASH, 0, "", "" },
		{ "GET", "/orders//", RC_NO_PATH, 0, "", "two slashes" },
		{ "GET", "//orders", RC_NO_PATH, 0, "", "" },
		{ "GET", "/orders//status", RC_NO_PATH, 0, "", "an empty value in the middle" },
		{ "GET", "/orders/20/status/x", RC_NO_PATH, 0, "", "longer" },
		{ "GET", "/orders/20/statu", RC_NO_PATH, 0, "", "shorter" },
		{ "GET", "/order", RC_NO_PATH, 0, "", "shorter" },
		{ "GET", "/ordersx", RC_NO_PATH, 0, "", "longer" },
		{ "GET", "/Orders", RC_NO_PATH, 0, "", "another case" },
		{ "GET", "/%6Frders", RC_NO_PATH, 0, "", "nothing is decoded" },
		{ "GET", "", RC_NO_PATH, 0, "", "nothing" },
		{ "GET", "*", RC_NO_PATH, 0, "", "OPTIONS' own target" },
		{ "GET", "orders", RC_NO_PATH, 0, "", "no slash" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct row *r = &rows[i];
		size_t len = strlen(r->target);
		char *tight = talloc_memdup(
			NULL, r->target, len ? len : 1); /* a path ends where it ends: a query may follow */
		struct route_match m;
		enum rc rc = route_match(routes, ROWS(routes), r->method, tight, len, &m);

		expect_int(rc, r->rc, talloc_asprintf(tight, "%s %s", r->method, r->target));
		if (rc == RC_OK) {
			expect_int(m.route->needs, r->needs, r->target);
			expect_text(m.pattern, m.route->pattern, r->target);
			expect_text(talloc_strndup(tight, m.value ? m.value : "", m.value_len), r->text,
				    r->why);
		} else {
			cr_expect_null(m.route, "%s", r->target);
		}
		if (rc == RC_NO_METHOD)
			expect_text(m.allow, r->text, r->target);
		cr_expect(!m.pattern == (rc == RC_NO_PATH || rc == RC_TRAILING_SLASH), "%s", r->target);
		talloc_free(tight);
	}
}

Test(route, allow_field_is_cut_to_its_room)
{
	struct route many[30];
	struct route_match m;

	for (size_t i = 0; i < ROWS(many); i++)
		many[i] = (struct route){ "OPTIONS", "/x", 0, handle };
	cr_expect_eq(route_match(many, ROWS(many), "GET", "/x", 2, &m), RC_NO_METHOD);
	cr_expect_lt(strlen(m.allow), ROUTE_TEXT_SIZE);
}

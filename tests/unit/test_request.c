/* A request as the web server passes it. */
#include "http/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "context.h"
#include "table.h"

TestSuite(request, .init = open_ctx, .fini = close_ctx);

/* A body that comes in pieces of up to so many bytes, and after `fails_at` not at all. */
struct source {
	const char *data;
	size_t len, piece, at;
	size_t fails_at; /* 0: never */
};

static int
read_source(void *arg, char *to, int len)
{
	struct source *s = arg;
	size_t n = s->len - s->at;

	cr_assert_geq(len, 0);
	if (s->fails_at && s->at >= s->fails_at)
		return -1;
	n = n < (size_t)len ? n : (size_t)len;
	n = s->piece && n > s->piece ? s->piece : n;
	memcpy(to, s->data + s->at, n);
	s->at += n;
	return (int)n;
}

static struct http_request
request(char **params, struct source *body)
{
	static struct source none = { .data = "" };
	struct http_request r;

	cr_assert_eq(http_request_init(&r, ctx, params, read_source, body ? body : &none), RC_OK);
	return r;
}

Test(request, splits_the_target_at_the_first_question_mark)
{
	static const struct {
		const char *target, *path, *query;
	} rows[] = {
		{ "/a", "/a", "" },
		{ "/a?", "/a", "" },
		{ "/a?b=c", "/a", "b=c" },
		{ "/a?b?c", "/a", "b?c" },
		{ "?x", "", "x" },
		{ "", "", "" },
		{ "/a%3Fb?c", "/a%3Fb", "c" },
		{ "/a#b", "/a#b", "" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *params[] = { talloc_asprintf(ctx, "REQUEST_URI=%s", rows[i].target), NULL };
		struct http_request r = request(params, NULL);

		expect_text(r.target, rows[i].target, rows[i].target);
		expect_text(talloc_strndup(ctx, r.target, r.path_len), rows[i].path, rows[i].target);
		expect_text(r.query, rows[i].query, rows[i].target);
	}
}

Test(request, has_defaults_for_what_a_shell_leaves_out)
{
	char *params[] = { NULL };
	int64_t before = clock_us();
	struct http_request r = request(params, NULL);

	cr_expect_str_eq(r.method, "GET");
	cr_expect_str_eq(r.target, "/");
	cr_expect_eq(r.body_len, 0);
	cr_expect_str_eq(r.body, "");
	cr_expect_not(r.body_too_large);
	cr_expect(r.started_us >= before && r.started_us <= clock_us());
}

Test(request, finds_params_and_counts_them)
{
	char *params[] = { (char[]){ "HTTP_X=1" }, (char[]){ "HTTP_XY=2" }, (char[]){ "HTTP_X=3" },
			   (char[]){ "EMPTY=" },   (char[]){ "NONE" },	    NULL };
	static const struct {
		const char *name, *value;
		int times;
	} rows[] = { { "HTTP_X", "1", 2 },   { "HTTP_XY", "2", 1 }, { "EMPTY", "", 1 },
		     { "HTTP_", NULL, 0 },   { "NONE", NULL, 0 },   { "http_x", NULL, 0 },
		     { "HTTP_XYZ", NULL, 0 } };
	const struct http_request r = { .params = params };

	for (size_t i = 0; i < ROWS(rows); i++) {
		int times = -1;
		const char *value = http_param(&r, rows[i].name, &times);

		expect_text(value ? value : "none", rows[i].value ? rows[i].value : "none", rows[i].name);
		expect_int(times, rows[i].times, rows[i].name);
		cr_expect_eq(http_param(&r, rows[i].name, NULL), value);
	}
}

Test(request, keeps_a_good_request_id_and_makes_another_of_the_rest)
{
	static const struct {
		const char *id;
		bool good;
		const char *why;
	} rows[] = {
		{ "abc", true, "" },
		{ "A-Z_a.z-09", true, "every kind of character" },
		{ "x", true, "one" },
		{ "0123456789012345678901234567890123456789012345678901234567890123", true, "64" },
		{ "01234567890123456789012345678901234567890123456789012345678901234", false, "65" },
		{ "", false, "empty" },
		{ "a b", false, "a blank" },
		{ "a\"b", false, "a quote" },
		{ "a\r\nX: y", false, "a line feed" },
		{ "caf\xc3\xa9", false, "not ASCII" },
		{ NULL, false, "none" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *params[] = { talloc_asprintf(ctx, "%s=%s", rows[i].id ? "HTTP_X_REQUEST_ID" : "X",
						   rows[i].id ? rows[i].id : ""),
				   NULL };
		struct http_request r = request(params, NULL), other = request(params, NULL);

		if (rows[i].good) {
			expect_text(r.request_id, rows[i].id, rows[i].why);
		} else {
			cr_expect_eq(strlen(r.request_id), 36, "%s: %s", rows[i].why, r.request_id);
			cr_expect_str_neq(r.request_id, other.request_id, "%s", rows[i].why);
		}
	}
}

Test(request, keeps_a_good_traceparent)
{
#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	char *params[] = { (char[]){ "HTTP_TRACEPARENT=" TRACEPARENT }, NULL },
	     *bad[] = { (char[]){ "HTTP_TRACEPARENT=x" }, NULL };

	cr_expect_str_eq(request(params, NULL).traceparent, TRACEPARENT);
	cr_expect_eq(strlen(request(bad, NULL).traceparent), TRACEPARENT_SIZE - 1);
}

Test(request, reads_the_announced_body)
{
	static const struct {
		const char *announced;
		size_t sent, piece, fails_at;
		const char *body; /* NULL: cut short */
		const char *why;
	} rows[] = {
		{ "5", 5, 0, 0, "abcde", "at once" },
		{ "5", 5, 1, 0, "abcde", "byte by byte" },
		{ "3", 5, 0, 0, "abc", "no more than announced" },
		{ "5", 3, 0, 0, NULL, "cut short" },
		{ "5", 5, 2, 2, NULL, "a fault on the way" },
		{ "0", 0, 0, 0, "", "empty" },
		{ "", 5, 0, 0, "", "announced by nothing, as nginx does" },
		{ NULL, 5, 0, 0, "", "not announced" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *params[] = { talloc_asprintf(ctx, "%s=%s", rows[i].announced ? "CONTENT_LENGTH" : "X",
						   rows[i].announced ? rows[i].announced : ""),
				   NULL };
		struct source s = { "abcde", rows[i].sent, rows[i].piece, 0, rows[i].fails_at };
		struct http_request r = request(params, &s);

		cr_expect_not(r.body_too_large, "%s", rows[i].why);
		expect_text(r.body ? r.body : "cut short", rows[i].body ? rows[i].body : "cut short",
			    rows[i].why);
		if (r.body)
			expect_int(r.body_len, strlen(r.body), rows[i].why);
	}
}

Test(request, takes_bodies_of_up_to_1_mib)
{
	static const struct {
		const char *announced;
		bool too_large;
	} rows[] = {
		{ "1048576", false }, { "1048577", true }, { "99999999999999999999999", true }, { "-1", true }
	};
	char *data = talloc_zero_size(ctx, HTTP_BODY_MAX + 1);

	memset(data, 'x', HTTP_BODY_MAX);
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *params[] = { talloc_asprintf(ctx, "CONTENT_LENGTH=%s", rows[i].announced), NULL };
		struct source s = { .data = data, .len = HTTP_BODY_MAX, .piece = 65536 };
		struct http_request r = request(params, &s);

		expect_int(r.body_too_large, rows[i].too_large, rows[i].announced);
		expect_int(s.at, s.len, "all of it was taken off the connection");
		cr_expect(!r.body == rows[i].too_large, "%s", rows[i].announced);
	}
}

Test(request, drains_a_refused_body_but_not_for_ever)
{
	char *params[] = { (char[]){ "CONTENT_LENGTH=99999999" }, NULL };
	struct source s = { .data = talloc_zero_size(ctx, 16u << 20), .len = 16u << 20 };

	cr_expect(request(params, &s).body_too_large);
	cr_expect(s.at > 7u << 20 && s.at <= 8u << 20, "%zu", s.at);
}

Test(request, a_body_may_hold_anything)
{
	char *params[] = { (char[]){ "CONTENT_LENGTH=4" }, NULL };
	struct source s = { .data = "\0\xff\n\0", .len = 4 };
	struct http_request r = request(params, &s);

	cr_expect_eq(r.body_len, 4);
	cr_expect_arr_eq(r.body, "\0\xff\n\0\0", 5, "with a NUL behind it");
}

Test(request, needs_memory_for_its_body)
{
	char *params[] = { (char[]){ "CONTENT_LENGTH=1000000" }, NULL };
	struct source s = { .data = "", .len = 0 };
	void *poor = talloc_new(ctx);
	struct http_request r;

	limit_memory(poor, 1000);
	cr_expect_eq(http_request_init(&r, poor, params, read_source, &s), RC_NO_MEMORY);
}

Test(request, decodes_query_parameters)
{
	static const struct {
		const char *query, *name, *value;
		size_t len;
		const char *why;
	} rows[] = {
		{ "skip=5", "skip", LITERAL("5"), "" },
		{ "skip=5&limit=7", "limit", LITERAL("7"), "the second" },
		{ "skip=5&skip=6", "skip", LITERAL("6"), "the last counts" },
		{ "skip=5&&limit=", "limit", LITERAL(""), "no value, and an empty one before" },
		{ "skip", "skip", LITERAL(""), "no equals sign" },
		{ "skip&skip=7", "skip", LITERAL("7"), "" },
		{ "skip=7&skip", "skip", LITERAL(""), "the last counts" },
		{ "skip=a=b", "skip", LITERAL("a=b"), "another equals sign" },
		{ "skip=a+b%20c%2Bd", "skip", LITERAL("a b c+d"), "blanks" },
		{ "%73ki%70=5", "skip", LITERAL("5"), "an escaped name" },
		{ "skip=%41%5a%5A", "skip", LITERAL("AZZ"), "hex in either case" },
		{ "skip=%00x", "skip", LITERAL("\0x"), "a NUL" },
		{ "skip=%ff", "skip", LITERAL("\xff"), "not UTF-8" },
		{ "skip=%", "skip", LITERAL("%"), "no escape" },
		{ "skip=%4", "skip", LITERAL("%4"), "no escape" },
		{ "skip=%zz%4g", "skip", LITERAL("%zz%4g"), "no escape" },
		{ "skip=%%41", "skip", LITERAL("%A"), "an escape behind none" },
		{ "skip=4%", "skip", LITERAL("4%"), "at the end" },
		{ "Skip=5", "skip", NULL, 0, "another case" },
		{ "skipx=5", "skip", NULL, 0, "longer" },
		{ "ski=5", "skip", NULL, 0, "shorter" },
		{ "skip%00=5", "skip", NULL, 0, "a NUL behind it" },
		{ "", "skip", NULL, 0, "no query" },
		{ "&&&", "skip", NULL, 0, "nothing in it" },
		{ "a;skip=5", "skip", NULL, 0, "a semicolon separates nothing" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct http_request r = { .ctx = ctx, .query = rows[i].query };
		size_t len = 99;
		const char *value = NULL;

		cr_assert_eq(http_query(&r, rows[i].name, &value, &len), RC_OK);
		cr_expect(!value == !rows[i].value, "%s: %s: %s", rows[i].query, rows[i].why,
			  value ? value : "none");
		if (!value || !rows[i].value)
			continue;
		expect_int(len, rows[i].len, rows[i].query);
		cr_expect(memcmp(value, rows[i].value, rows[i].len + 1) == 0, "%s: %s: %s", rows[i].query,
			  rows[i].why, value);
	}
}

Test(request, joins_the_lines_of_a_field_that_is_a_list)
{
	char *params[] = { "HTTP_IF_MATCH=\"1\"", "HTTP_IF_MATCH_X=no",	 "HTTP_IF_MATCH=\"2\", \"3\"",
			   "HTTP_EMPTY=",	  "HTTP_IF_MATCH=\"4\"", NULL };
	struct http_request r = request(params, NULL);
	const char *value = "";

	cr_expect_eq(http_param_list(&r, "HTTP_IF_MATCH", &value), RC_OK);
	expect_text(value, "\"1\", \"2\", \"3\", \"4\"", "three lines");
	cr_expect_eq(http_param_list(&r, "HTTP_EMPTY", &value), RC_OK);
	expect_text(value, "", "there, and empty");
	cr_expect_eq(http_param_list(&r, "HTTP_IF", &value), RC_OK);
	cr_expect_null(value, "absent");
	limit_memory(ctx, 1);
	cr_expect_eq(http_param_list(&r, "HTTP_IF_MATCH", &value), RC_NO_MEMORY);
}

Test(request, takes_no_more_memory_for_a_query_than_that_is_long)
{
	static char target[16384] = "REQUEST_URI=/x?";
	char *params[] = { target, NULL };
	struct http_request r;
	const char *value;
	size_t before, len;

	for (size_t i = strlen(target); i + 2 < sizeof target; i += 2)
		memcpy(target + i, "a&", 3);
	r = request(params, NULL);
	before = talloc_total_blocks(ctx);
	cr_assert_eq(http_query(&r, "skip", &value, &len), RC_OK);
	cr_assert_null(value);
	cr_assert_eq(http_query(&r, "a", &value, &len), RC_OK);
	cr_assert_str_empty(value);
	cr_expect_leq(talloc_total_blocks(ctx), before + 1, "%zu", talloc_total_blocks(ctx) - before);
}

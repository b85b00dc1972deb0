/* The byte buffer. */
#include "base/buf.h"

#include "table.h"

Test(buf, gathers_and_ends_with_a_nul)
{
	void *ctx = talloc_new(NULL);
	struct buf b;

	buf_init(&b, ctx, 1000);
	cr_expect_null(b.data, "nothing was put");
	buf_put(&b, "", 0);
	cr_expect_not_null(b.data, "even nothing");
	cr_expect_str_eq(b.data, "");
	buf_puts(&b, "abc");
	buf_putc(&b, 'd');
	buf_put(&b, "e\0f", 3);
	cr_expect_eq(b.len, 7);
	cr_expect_arr_eq(b.data, "abcde\0f", 8);
	buf_clear(&b);
	cr_expect_eq(b.len, 0);
	buf_puts(&b, "x");
	cr_expect_str_eq(b.data, "x");
	cr_expect_not(b.failed);
	talloc_free(ctx);
}

Test(buf, takes_its_limit_and_not_a_byte_more)
{
	static const struct {
		size_t limit, first, second;
		bool failed;
		const char *why;
	} rows[] = {
		{ 10, 10, 0, false, "full" },
		{ 10, 11, 0, true, "too much at once" },
		{ 10, 4, 6, false, "full in two" },
		{ 10, 4, 7, true, "too much in two" },
		{ 0, 0, 0, false, "no room needed" },
		{ 0, 1, 0, true, "no room at all" },
		{ 256, 256, 0, false, "the first allocation, to the brim" },
		{ 255, 255, 0, false, "with room for the NUL" },
		{ 512, 256, 256, false, "the second, to the brim" },
	};
	char data[600];

	memset(data, 'x', sizeof data);
	for (size_t i = 0; i < ROWS(rows); i++) {
		void *ctx = talloc_new(NULL);
		struct buf b;

		buf_init(&b, ctx, rows[i].limit);
		buf_put(&b, data, rows[i].first);
		buf_put(&b, data, rows[i].second);
		expect_int(b.failed, rows[i].failed, rows[i].why);
		if (!b.failed) {
			expect_int(b.len, rows[i].first + rows[i].second, rows[i].why);
			expect_int(strlen(b.data), b.len, rows[i].why);
		}
		cr_expect(b.len <= b.limit, "%s", rows[i].why);
		talloc_free(ctx);
	}
}

Test(buf, ignores_what_follows_a_failure_until_it_is_cleared)
{
	void *ctx = talloc_new(NULL);
	struct buf b;

	buf_init(&b, ctx, 4);
	buf_puts(&b, "ab");
	buf_puts(&b, "too long");
	buf_putc(&b, 'c');
	cr_expect(b.failed);
	cr_expect_str_eq(b.data, "ab", "what was there stays");
	buf_clear(&b);
	buf_puts(&b, "cd");
	cr_expect(!b.failed && strcmp(b.data, "cd") == 0);
	talloc_free(ctx);
}

Test(buf, survives_a_lack_of_memory)
{
	void *ctx = talloc_new(NULL);
	char data[4096] = { 0 };
	struct buf b;

	limit_memory(ctx, 1024);
	buf_init(&b, ctx, 1 << 20);
	buf_puts(&b, "kept");
	cr_expect_not(b.failed);
	buf_put(&b, data, sizeof data);
	cr_expect(b.failed);
	cr_expect_str_eq(b.data, "kept");
	talloc_free(ctx);
}

Test(buf, grows_byte_by_byte)
{
	void *ctx = talloc_new(NULL);
	struct buf b;

	buf_init(&b, ctx, 100000);
	for (int i = 0; i < 100000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	cr_expect_not(b.failed);
	cr_expect_eq(b.len, 100000);
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] != (char)('a' + i % 26))
			cr_expect(false, "byte %zu", i);
	talloc_free(ctx);
}

Test(buf, writes_integers)
{
	static const struct {
		int64_t v;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ -7, "-7" },
		{ 10, "10" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		void *ctx = talloc_new(NULL);
		struct buf b;

		buf_init(&b, ctx, 20);
		buf_put_i64(&b, rows[i].v);
		cr_expect_not(b.failed);
		expect_text(b.data, rows[i].text, "integer");
		talloc_free(ctx);
	}
}

Test(buf, encodes_what_is_not_unreserved)
{
	static const struct {
		const char *raw;
		size_t len;
		const char *text;
	} rows[] = {
		{ LITERAL("AZaz09-._~"), "AZaz09-._~" },
		{ LITERAL(" +&=%/?#\""), "%20%2B%26%3D%25%2F%3F%23%22" },
		{ LITERAL("\0\n\x7f\x80\xff"), "%00%0A%7F%80%FF" },
		{ LITERAL("*!'()"), "%2A%21%27%28%29" },
		{ LITERAL("\xc3\xa9"), "%C3%A9" },
		{ LITERAL(""), "" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		void *ctx = talloc_new(NULL);
		struct buf b;

		buf_init(&b, ctx, 100);
		buf_puts(&b, "");
		buf_put_urlencoded(&b, rows[i].raw, rows[i].len);
		expect_text(b.data, rows[i].text, "urlencoded");
		talloc_free(ctx);
	}
}

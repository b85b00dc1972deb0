/* Files of settings. */
#include "ctl/env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "table.h"
#include "vectors/env.h"

/* Gathers "name=[value] " of each. */
static bool
put(void *arg, const char *name, const char *value)
{
	struct buf *b = arg;

	buf_puts(b, name);
	buf_puts(b, "=[");
	buf_puts(b, value);
	buf_puts(b, "] ");
	return !b->failed;
}

/* One row of a table: what it makes of the text, up to the line that is bad, if any. */
static void
expect_env(const char *text, const char *settings, int bad_line, const char *why)
{
	void *ctx = talloc_new(NULL);
	struct buf got;
	int line = 0;

	buf_init(&got, ctx, 1000);
	buf_puts(&got, "");
	expect_int(env_parse(talloc_strdup(ctx, text), put, &got, &line), bad_line ? RC_SYNTAX : RC_OK, why);
	expect_int(line, bad_line, why);
	expect_text(got.data, settings, why);
	talloc_free(ctx);
}

Test(env, reads_what_spawn_sh_reads)
{
	for (size_t i = 0; i < ROWS(env_vectors); i++)
		expect_env(env_vectors[i].text, env_vectors[i].settings, env_vectors[i].bad_line,
			   env_vectors[i].why);
}

Test(env, reads_what_a_shell_would)
{
	static const struct {
		const char *text, *settings;
		int bad_line;
		const char *why;
	} rows[] = {
		{ "export A='1'\nexport B='it'\\''s'\nexport  C=''\n", "A=[1] B=[it's] C=[] ", 0,
		  "a shell's" },
		{ "export A=' \"1\" '\n", "A=[ \"1\" ] ", 0, "blanks and quotes inside" },
		{ "A=1\nexport B=2\n", "A=[1] ", 2, "export without quotes" },
		{ "export A= '1'\n", "", 1, "a blank before the value" },
		{ "export A='1' B='2'\n", "", 1, "two at once" },
		{ "export A='1\n", "", 1, "half a value" },
		{ "export A='1'\\''\n", "", 1, "half an escape" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_env(rows[i].text, rows[i].settings, rows[i].bad_line, rows[i].why);
}

Test(env, ends_where_nobody_takes_more)
{
	char text[] = "A=1\nB=2\n";
	void *ctx = talloc_new(NULL);
	struct buf little;
	int line = 0;

	buf_init(&little, ctx, 10);
	expect_int(env_parse(text, put, &little, &line), RC_NO_MEMORY, "no room for the second");
	expect_int(line, 2, "it was the second");
	talloc_free(ctx);
}

static const char *
file_with(void *ctx, const char *bytes, size_t len)
{
	char *path = talloc_strdup(ctx, "/tmp/test_env.XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
	return path;
}

Test(env, reads_files_whole_or_not_at_all)
{
	static const struct {
		const char *bytes;
		size_t len, max;
		int error;
		const char *why;
	} rows[] = {
		{ LITERAL(""), 10, 0, "empty" },
		{ LITERAL("A=1\n"), 10, 0, "small" },
		{ LITERAL("0123456789"), 10, 0, "just" },
		{ LITERAL("01234567890"), 10, EFBIG, "one too many" },
		{ LITERAL("A=\0001"), 10, EINVAL, "a NUL" },
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *path = file_with(ctx, rows[i].bytes, rows[i].len);
		size_t len;
		char *text = file_read(ctx, path, rows[i].max, &len);

		if (text)
			cr_expect(!rows[i].error && len == rows[i].len &&
					  memcmp(text, rows[i].bytes, len) == 0 && !text[len],
				  "%s", rows[i].why);
		else
			expect_int(errno, rows[i].error, rows[i].why);
		(void)unlink(path);
		cr_expect_null(file_read(ctx, path, 10, &len));
		expect_int(errno, ENOENT, "gone");
	}
	talloc_free(ctx);
}

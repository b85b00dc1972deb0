/* One JSON line an event. */
#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "table.h"

#define TIME "2026-02-24T13:46:26.414410Z"

static int saved, from;

static void
capture(void)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	saved = dup(STDERR_FILENO);
	(void)dup2(ends[1], STDERR_FILENO);
	(void)close(ends[1]);
	from = ends[0];
	clock_set_wall_us(1771940786414410);
}

/* What was written, with a NUL behind it. */
static const char *
captured(void)
{
	static char text[16384];
	ssize_t n = read(from, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
release(void)
{
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	(void)close(from);
}

TestSuite(log, .init = capture, .fini = release);

Test(log, writes_one_json_line)
{
	log_info("order.created", log_i64("order_id", 20), log_text("route", "/api"));
	expect_text(captured(),
		    "{\"time\":\"" TIME "\",\"level\":\"info\",\"event\":\"order.created\",\"order_id\":20,"
		    "\"route\":\"/api\"}\n",
		    "line");
}

Test(log, bears_the_current_request_id)
{
	log_set_request_id("abc-1");
	log_warn("x");
	expect_text(captured(),
		    "{\"time\":\"" TIME "\",\"level\":\"warn\",\"event\":\"x\",\"request_id\":\"abc-1\"}\n",
		    "with one");
	log_set_request_id(NULL);
	log_error("x");
	expect_text(captured(), "{\"time\":\"" TIME "\",\"level\":\"error\",\"event\":\"x\"}\n", "without");
}

Test(log, leaves_out_what_is_below_the_level)
{
	static const struct {
		enum log_level level;
		const char *written;
	} rows[] = { { LOG_DEBUG, "diwe" }, { LOG_INFO, "iwe" }, { LOG_WARN, "we" }, { LOG_ERROR, "e" } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		char seen[8] = "";
		size_t n = 0;

		log_set_level(rows[i].level);
		log_debug("d");
		log_info("i");
		log_warn("w");
		log_error("e");
		for (const char *p = captured(); (p = strstr(p, "\"event\":\"")) && n < 4; p += 10)
			seen[n++] = p[9];
		expect_text(seen, rows[i].written, "level");
	}
}

Test(log, skips_a_field_without_a_value)
{
	log_info("x", log_text("a", NULL), log_text(NULL, NULL), log_i64("b", 0), log_text("c", ""));
	expect_text(captured(),
		    "{\"time\":\"" TIME "\",\"level\":\"info\",\"event\":\"x\",\"b\":0,\"c\":\"\"}\n",
		    "line");
}

Test(log, writes_the_widest_numbers)
{
	log_info("x", log_i64("least", INT64_MIN), log_i64("greatest", INT64_MAX));
	cr_expect_not_null(
		strstr(captured(), "\"least\":-9223372036854775808,\"greatest\":9223372036854775807}"));
}

Test(log, lets_no_text_break_the_line)
{
	static const struct {
		const char *text, *written, *why;
	} rows[] = {
		{ "a\"b\\c", "\"a'b'c\"", "quotes" },
		{ "a\nb\rc\td\x01", "\"a?b?c?d?\"", "control characters" },
		{ "caf\xc3\xa9\x7f\xff", "\"caf????\"", "not ASCII" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *line;

		log_info("x", log_text("t", rows[i].text));
		line = captured();
		cr_expect(strstr(line, rows[i].written), "%s: %s", rows[i].why, line);
		cr_expect(strchr(line, '\n') == line + strlen(line) - 1, "%s", rows[i].why);
	}
}

Test(log, cuts_a_long_text)
{
	char text[1000], written[303];
	const char *line;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_info("x", log_text("t", text), log_text("after", "it"));
	line = captured();
	written[0] = '"';
	memset(written + 1, 'x', 300);
	memcpy(written + 301, "\"", 2);
	cr_expect_not_null(strstr(line, written), "%s", line);
	cr_expect_not_null(strstr(line, "\"after\":\"it\"}"), "%s", line);
}

Test(log, keeps_a_line_within_what_a_pipe_takes_in_one_piece)
{
	struct log_field fields[40];
	char text[301];
	const char *line;

	memset(text, 'x', 300);
	text[300] = '\0';
	for (size_t i = 0; i < ROWS(fields); i++)
		fields[i] = log_text("t", text);
	log_write(LOG_INFO, "x", fields, (int)ROWS(fields));
	line = captured();
	cr_expect_lt(strlen(line), PIPE_BUF);
	cr_expect_gt(strlen(line), 3000);
	cr_expect_str_eq(line + strlen(line) - 3, "\"}\n");
}

Test(log, goes_on_when_nobody_reads)
{
	(void)close(STDERR_FILENO);
	log_info("x");
	cr_expect_str_eq(captured(), "");
}

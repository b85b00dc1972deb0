#include "json/write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "json/json.h"

void
json_add_name(struct buf *b, const char *name)
{
	if (b->len && !strchr("{[\n", b->data[b->len - 1]))
		buf_putc(b, ',');
	if (!name)
		return;
	json_put_string(b, name, strlen(name));
	buf_putc(b, ':');
}

void
json_open_object(struct buf *b, const char *name)
{
	json_add_name(b, name);
	buf_putc(b, '{');
}

void
json_open_array(struct buf *b, const char *name)
{
	json_add_name(b, name);
	buf_putc(b, '[');
}

void
json_close(struct buf *b, char bracket)
{
	buf_putc(b, bracket);
}

void
json_add_null(struct buf *b, const char *name)
{
	json_add_name(b, name);
	buf_puts(b, "null");
}

void
json_add_text(struct buf *b, const char *name, const char *s)
{
	struct buf repaired;
	size_t len = s ? strlen(s) : 0;

	if (!s) {
		json_add_null(b, name);
		return;
	}
	json_add_name(b, name);
	if (utf8_is_valid(s, len)) {
		json_put_string(b, s, len);
		return;
	}
	buf_init(&repaired, b->ctx, b->limit);
	utf8_put_repaired(&repaired, s, len);
	if (repaired.failed)
		b->failed = true;
	else
		json_put_string(b, repaired.data, repaired.len);
}

void
json_add_i64(struct buf *b, const char *name, int64_t v)
{
	json_add_name(b, name);
	buf_put_i64(b, v);
}

void
json_add_bool(struct buf *b, const char *name, bool v)
{
	json_add_name(b, name);
	buf_puts(b, v ? "true" : "false");
}

void
json_add_number(struct buf *b, const char *name, double v)
{
	char text[64];

	if (!isfinite(v)) {
		json_add_null(b, name);
		return;
	}
	json_add_name(b, name);
	(void)snprintf(text, sizeof text, "%.3f", v);
	buf_puts(b, text);
}

void
json_add_time(struct buf *b, const char *name, int64_t t_us)
{
	char text[RFC3339_SIZE];

	if (t_us == 0 || clock_rfc3339(t_us, text))
		json_add_null(b, name);
	else
		json_add_text(b, name, text);
}

#include "base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_SIZE 3800 /* below PIPE_BUF: lines of several workers in one pipe stay whole */
#define TEXT_MAX 300

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static enum log_level min_level = LOG_INFO;
static const char *request_id;
static log_watch_fn *watcher;

struct line {
	char bytes[LINE_SIZE];
	size_t len;
};

void
log_set_level(enum log_level level)
{
	min_level = level;
}

void
log_set_request_id(const char *id)
{
	request_id = id;
}

void
log_watch(log_watch_fn *watch)
{
	watcher = watch;
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

/* What is said of it in one text. */
static const char *
essence(const struct log_field *fields, int n)
{
	static const char *const names[] = { "error", "hint" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (int j = 0; j < n; j++)
			if (fields[j].name && fields[j].text && strcmp(fields[j].name, names[i]) == 0)
				return fields[j].text;
	for (int j = 0; j < n; j++)
		if (fields[j].name && fields[j].text)
			return fields[j].text;
	return "";
}

static void
put(struct line *l, const char *s, size_t len)
{
	memcpy(l->bytes + l->len, s, len);
	l->len += len;
}

/* What may be shown anywhere; returns its length. */
static size_t
make_safe(char safe[static TEXT_MAX], const char *s)
{
	size_t n = 0;

	for (; *s && n < TEXT_MAX; s++, n++)
		safe[n] = *s < ' ' || *s > '~' ? '?' : *s == '"' || *s == '\\' ? '\'' : *s;
	return n;
}

static void
put_text(struct line *l, const char *s)
{
	char safe[TEXT_MAX];
	size_t n = make_safe(safe, s);

	put(l, "\"", 1);
	put(l, safe, n);
	put(l, "\"", 1);
}

static void
put_field(struct line *l, const char *name, const char *text, int64_t number)
{
	char digits[24];

	if (strlen(name) + TEXT_MAX + 8 > sizeof l->bytes - 2 - l->len)
		return;
	put(l, l->len > 1 ? ",\"" : "\"", l->len > 1 ? 2 : 1);
	put(l, name, strlen(name));
	put(l, "\":", 2);
	if (text)
		put_text(l, text);
	else
		put(l, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)number));
}

static void
tell_watcher(enum log_level level, const char *event, const struct log_field *fields, int n)
{
	char text[TEXT_MAX + 1];

	text[make_safe(text, essence(fields, n))] = '\0';
	watcher(level, event, text, request_id ? request_id : "");
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields, int n)
{
	struct line l = { .bytes = "{", .len = 1 };
	char now[RFC3339_SIZE];

	if (watcher && level >= LOG_WARN)
		tell_watcher(level, event, fields, n);
	if (level < min_level)
		return;
	if (clock_rfc3339(clock_wall_us(), now))
		now[0] = '\0';
	put_field(&l, "time", now, 0);
	put_field(&l, "level", level_names[level], 0);
	put_field(&l, "event", event, 0);
	if (request_id)
		put_field(&l, "request_id", request_id, 0);
	for (int i = 0; i < n; i++)
		if (fields[i].name)
			put_field(&l, fields[i].name, fields[i].text, fields[i].number);
	l.bytes[l.len++] = '}';
	l.bytes[l.len++] = '\n';
	if (write(STDERR_FILENO, l.bytes, l.len) < 0)
		return; /* nobody is left to tell */
}

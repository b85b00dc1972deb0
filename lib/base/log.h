/*
 * One JSON line an event on stderr: time, level, event, the current request's id, fields. A line is
 * one write(2). Text is cut at 300 bytes, and what is not printable ASCII becomes '?'.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *name; /* NULL: skipped */
	const char *text; /* NULL: number counts */
	int64_t number;
};

static inline struct log_field
log_i64(const char *name, int64_t number)
{
	return (struct log_field){ .name = name, .number = number };
}

/* A NULL text skips the field. */
static inline struct log_field
log_text(const char *name, const char *text)
{
	return (struct log_field){ .name = text ? name : (const char *)0, .text = text };
}

void log_set_level(enum log_level level);

/* Borrowed until the next call; NULL between requests. */
void log_set_request_id(const char *id);

/* From here on watch() hears of every warning and error, whatever is logged; text is the error, else the hint, else the first
 * text of its fields, or "", cut and made safe as on the line. NULL: nobody does. */
typedef void log_watch_fn(enum log_level level, const char *event, const char *text, const char *request_id);
void log_watch(log_watch_fn *watch);

const char *log_level_name(enum log_level level);

void log_write(enum log_level level, const char *event, const struct log_field *fields, int n);

#define LOG_EVENT(level, event, ...)                                                                         \
	log_write(level, event, (const struct log_field[]){ { 0 }, ##__VA_ARGS__ },                          \
		  (int)(sizeof((const struct log_field[]){ { 0 }, ##__VA_ARGS__ }) /                         \
			sizeof(struct log_field)))
#define log_debug(event, ...) LOG_EVENT(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...) LOG_EVENT(LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...) LOG_EVENT(LOG_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) LOG_EVENT(LOG_ERROR, event, ##__VA_ARGS__)

#endif

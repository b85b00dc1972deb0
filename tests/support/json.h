/* Reading JSON in order to assert on it; digits stay as they came. */
#ifndef SUPPORT_JSON_H
#define SUPPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* NULL: not JSON. Lives as long as the test. */
struct json_object *json_read(const char *text);

/* What stands at path, "data.items.0.price": a string's text, else the JSON; NULL: nothing. */
const char *json_at(struct json_object *doc, const char *path);
/* The same of a text that is read for it. */
const char *json_get(const char *text, const char *path);
/* -1 when there is no integer there. */
int64_t json_get_i64(const char *text, const char *path);
/* -1: no array. */
int json_count(struct json_object *doc, const char *path);

/* s as a JSON string. */
const char *json_quote(const char *s);

/*
 * Is actual what pattern says, byte by byte? In the pattern <int> stands for digits, <time> for RFC 3339 with
 * six digits and Z, <uuid> for a random UUID, <money> for an amount, <any> for anything up to the next byte of
 * the pattern. NULL: it is; else a sentence that shows where they part.
 */
const char *differs(const char *actual, const char *pattern);

#endif

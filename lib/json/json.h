/*
 * JSON, strictly RFC 8259. A value is a slice of text that was checked once: numbers keep their own
 * digits, a fault can show what came, and a hostile document costs no more memory than it has bytes.
 * json-c, which accepts a superset and loses big integers, unescapes and escapes the strings.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rc.h"

#define JSON_DEPTH_MAX 512

struct json {
	const char *text; /* no white space around it */
	size_t len;
};

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_error {
	size_t offset;	     /* in characters */
	const char *message; /* as Python's json module puts it */
};

/* Checks a whole document. RC_SYNTAX fills err; RC_RANGE: nested deeper than JSON_DEPTH_MAX;
 * RC_BODY_UNREADABLE: not UTF-8. */
enum rc json_check(const char *text, size_t len, struct json *out, struct json_error *err) MUST_CHECK;

enum json_kind json_kind(struct json v);

/* The member of an object, the last one of that name; false when it has none or is no object. */
bool json_member(struct json object, const char *name, struct json *out) MUST_CHECK;

/* Steps through an array: *element starts as { 0 }. False at the end. */
bool json_next(struct json array, struct json *element);

/* A string's bytes, NUL-terminated, on ctx; NULL: no memory. A NUL inside counts in *len. */
const char *json_string(void *ctx, struct json v, size_t *len);

/* A number that is an integer, 2.0 and 1e3 included. RC_SYNTAX: it has a fraction; RC_RANGE. */
enum rc json_int64(struct json v, int64_t *out) MUST_CHECK;

/* Appends s, valid UTF-8, as a JSON string. */
void json_put_string(struct buf *b, const char *s, size_t len);

#endif

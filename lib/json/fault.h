/* The list of faults in a 422 as FastAPI with pydantic 2 writes it: type, loc, msg, input, ctx. */
#ifndef JSON_FAULT_H
#define JSON_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"

struct faults {
	struct buf text; /* a JSON array, not yet closed */
	int n;
};

/* Where a value stands; names of the path from the outside in, NULL where a number counts. */
struct loc {
	const char *part; /* "body", "query" or "path" */
	const char *list; /* the array's name, with the index of one of its elements; or NULL */
	int64_t index;
	const char *name; /* of the member or the parameter; NULL: the place itself */
};

/* A fault's kind, and for bounds the limit; the input is JSON text. */
enum fault_type {
	FAULT_MISSING,
	FAULT_NOT_AN_OBJECT,
	FAULT_NOT_A_LIST,
	FAULT_TOO_SHORT, /* limit: least number of items */
	FAULT_TOO_LONG,	 /* limit: greatest number of items; actual */
	FAULT_INT_TYPE,
	FAULT_INT_PARSING,
	FAULT_INT_FROM_FLOAT,
	FAULT_GREATER_THAN, /* limit; so for the other two */
	FAULT_GREATER_THAN_EQUAL,
	FAULT_LESS_THAN_EQUAL,
	FAULT_ENUM, /* expected */
	FAULT_STRING_TYPE,
	FAULT_STRING_TOO_LONG, /* limit */
	FAULT_STRING_NUL,
	FAULT_TIME, /* expected: what is wrong with it */
	FAULT_TIME_ZONE,
};

struct fault {
	enum fault_type type;
	struct loc loc;
	struct json input; /* text NULL: null */
	int64_t limit;
	int64_t actual;
	const char *expected;
};

void faults_init(struct faults *f, void *ctx);
void faults_add(struct faults *f, const struct fault *fault);

/* A parameter's text, any bytes, as the input of a fault; without memory for it the list fails as a whole. */
struct json faults_quote(struct faults *f, const char *text, size_t len);

/* A parameter's text that is no integer. */
void faults_add_not_an_int(struct faults *f, struct loc loc, const char *text, size_t len);

/* The body is not JSON: FastAPI then says nothing else. */
void faults_set_syntax(struct faults *f, const struct json_error *err);

/* Closes the array and hands it to why->text. RC_INVALID when there is a fault, RC_OK when there is none. */
enum rc faults_close(struct faults *f, struct why *why) MUST_CHECK;

/* An integer between least and greatest as pydantic takes it: a number without fraction, a string of
 * decimal digits. Otherwise adds the fault and returns false. above: the lower bound is said as "greater
 * than least - 1". */
struct int_rule {
	int64_t least, greatest;
	bool above;
};
bool faults_int(struct faults *f, struct loc loc, struct json v, const struct int_rule *rule, int64_t *out);

/* The same for a parameter's text: digits with an optional sign. */
bool faults_int_text(struct faults *f, struct loc loc, const char *text, size_t len,
		     const struct int_rule *rule, int64_t *out);

#endif

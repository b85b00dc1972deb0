#include "http/request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"

#define DRAIN_MAX (8u << 20) /* of a body that is refused: the web server has its own limit */

const char *
http_param(const struct http_request *r, const char *name, int *times)
{
	size_t len = strlen(name);
	const char *value = NULL;
	int n = 0;

	for (char **p = r->params; *p; p++)
		if (strncmp(*p, name, len) == 0 && (*p)[len] == '=' && n++ == 0)
			value = *p + len + 1;
	if (times)
		*times = n;
	return value;
}

enum rc
http_param_list(const struct http_request *r, const char *name, const char **value)
{
	size_t len = strlen(name);
	char *joined = NULL;

	for (char **p = r->params; *p; p++) {
		if (strncmp(*p, name, len) != 0 || (*p)[len] != '=')
			continue;
		joined = joined ? talloc_asprintf_append_buffer(joined, ", %s", *p + len + 1)
				: talloc_strdup(r->ctx, *p + len + 1);
		if (!joined)
			return RC_NO_MEMORY;
	}
	*value = joined;
	return RC_OK;
}

/* Copies: the params are gone by the time that the request is logged. */
static enum rc
read_line(struct http_request *r)
{
	const char *method = http_param(r, "REQUEST_METHOD", NULL);
	const char *target = http_param(r, "REQUEST_URI", NULL);

	r->method = talloc_strdup(r->ctx, method ? method : "GET");
	r->target = talloc_strdup(r->ctx, target ? target : "/");
	if (!r->method || !r->target)
		return RC_NO_MEMORY;
	r->path_len = strcspn(r->target, "?");
	r->query = r->target + r->path_len + (r->target[r->path_len] == '?');
	return RC_OK;
}

static bool
is_request_id(const char *s)
{
	size_t n = 0;

	for (; s && s[n]; n++)
		if (n == REQUEST_ID_SIZE - 1 || (!isalnum((unsigned char)s[n]) && !strchr("._-", s[n])))
			return false;
	return n > 0;
}

static void
read_ids(struct http_request *r)
{
	const char *id = http_param(r, "HTTP_X_REQUEST_ID", NULL);

	if (is_request_id(id))
		strcpy(r->request_id, id); /* at most 64, as just seen */
	else
		id_uuid(r->request_id);
	id_traceparent(http_param(r, "HTTP_TRACEPARENT", NULL), r->traceparent);
}

/* Takes a refused body off the connection, so that the answer is not lost behind it. */
static void
drain(http_read_fn *read, void *arg)
{
	char waste[4096];
	size_t left = DRAIN_MAX;
	int n;

	while (left >= sizeof waste && (n = read(arg, waste, sizeof waste)) > 0)
		left -= (size_t)n;
}

/* CONTENT_LENGTH is absent without a body; a web server has already refused what is no number. */
static enum rc
read_body(struct http_request *r, http_read_fn *read, void *arg)
{
	const char *announced = http_param(r, "CONTENT_LENGTH", NULL);
	size_t wanted = announced ? strtoul(announced, NULL, 10) : 0;
	char *body;
	int n;

	r->body_too_large = wanted > HTTP_BODY_MAX;
	if (r->body_too_large) {
		drain(read, arg);
		return RC_OK;
	}
	body = talloc_size(r->ctx, wanted + 1);
	if (!body) {
		drain(read, arg);
		return RC_NO_MEMORY;
	}
	while (r->body_len < wanted && (n = read(arg, body + r->body_len, (int)(wanted - r->body_len))) > 0)
		r->body_len += (size_t)n;
	body[r->body_len] = '\0';
	r->body = r->body_len == wanted ? body : NULL;
	return RC_OK;
}

enum rc
http_request_init(struct http_request *r, void *ctx, char **params, http_read_fn *read, void *arg)
{
	*r = (struct http_request){ .ctx = ctx, .params = params, .started_us = clock_us() };
	read_ids(r);
	if (!ctx || read_line(r)) {
		if (http_param(r, "CONTENT_LENGTH", NULL))
			drain(read, arg);
		return RC_NO_MEMORY;
	}
	return read_body(r, read, arg);
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* application/x-www-form-urlencoded: what is no escape stands for itself. */
static size_t
decode(char *to, const char *from, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int high = from[i] == '%' && i + 2 < len ? hex_digit(from[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(from[i + 2]) : -1;

		if (low >= 0) {
			to[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			to[n++] = from[i] == '+' ? ' ' : from[i];
		}
	}
	to[n] = '\0';
	return n;
}

/* One copy for all of the query, which may consist of thousands of parameters. */
enum rc
http_query(const struct http_request *r, const char *name, const char **value, size_t *len)
{
	const char *found = NULL, *end;
	char *copy = talloc_size(r->ctx, strlen(r->query) + 1);
	size_t wanted = strlen(name), found_len = 0;

	if (!copy)
		return RC_NO_MEMORY;
	for (const char *p = r->query; *p; p = *end ? end + 1 : end) {
		const char *eq;

		end = p + strcspn(p, "&");
		eq = memchr(p, '=', (size_t)(end - p));
		if (!eq)
			eq = end;
		if (decode(copy, p, (size_t)(eq - p)) == wanted && memcmp(copy, name, wanted) == 0) {
			found = eq < end ? eq + 1 : end;
			found_len = (size_t)(end - found);
		}
	}
	*len = found ? decode(copy, found, found_len) : 0;
	*value = found ? copy : NULL;
	if (!found)
		talloc_free(copy);
	return RC_OK;
}

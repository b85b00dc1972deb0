#include "http/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool
matches(const char *pattern, const char *path, size_t len, struct route_match *m)
{
	const char *end = path + len;

	m->value = NULL;
	m->value_len = 0;
	while (*pattern) {
		if (*pattern != '{') {
			if (path == end || *path++ != *pattern++)
				return false;
			continue;
		}
		m->value = path;
		while (path < end && *path != '/')
			path++;
		m->value_len = (size_t)(path - m->value);
		if (m->value_len == 0)
			return false;
		pattern = strchr(pattern, '}') + 1;
	}
	return path == end;
}

static void
allow(struct route_match *m, const char *method)
{
	size_t len = strlen(m->allow);

	(void)snprintf(m->allow + len, sizeof m->allow - len, "%s%s", len ? ", " : "", method);
}

static bool
is_known(const struct route *routes, size_t n, const char *path, size_t len)
{
	struct route_match m;

	for (size_t i = 0; i < n; i++)
		if (matches(routes[i].pattern, path, len, &m))
			return true;
	return false;
}

enum rc
route_match(const struct route *routes, size_t n, const char *method, const char *path, size_t path_len,
	    struct route_match *out)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

	*out = (struct route_match){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (!matches(routes[i].pattern, path, path_len, out))
			continue;
		out->pattern = routes[i].pattern;
		if (strcmp(routes[i].method, wanted) == 0) {
			out->route = &routes[i];
			return RC_OK;
		}
		allow(out, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			allow(out, "HEAD");
	}
	if (out->pattern)
		return RC_NO_METHOD;
	if (path_len > 1 && path[path_len - 1] == '/' && is_known(routes, n, path, path_len - 1))
		return RC_TRAILING_SLASH;
	return RC_NO_PATH;
}

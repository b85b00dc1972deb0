#include "support/server.h"

#include <string.h>

#include "support/test.h"

static const struct {
	const char *name;
	unsigned traits;
} servers[] = {
	{ "lighttpd",
	  POOL_IS_ITS_OWN | POOL_IS_FULL | WAITS_FOR_BODIES | REFUSES_SURPLUS | LETS_WATCHERS_IN },
	{ "lighttpd-socket",
	  POOL_IS_APART | POOL_IS_FULL | WAITS_FOR_BODIES | REFUSES_SURPLUS | LETS_WATCHERS_IN },
	{ "nginx", POOL_IS_APART | POOL_IS_FULL | WAITS_FOR_BODIES | REFUSES_SURPLUS },
	{ "apache-proxy_fcgi", POOL_IS_APART | POOL_IS_FULL | REFUSES_SURPLUS },
	{ "apache-fcgid", WAITS_FOR_BODIES },
};

static const struct {
	enum trait trait;
	const char *lacking;
} reasons[] = {
	{ POOL_IS_ITS_OWN, "does not start the pool" },
	{ POOL_IS_APART, "has no pool that could be away" },
	{ POOL_IS_FULL, "starts workers when requests find none free" },
	{ WAITS_FOR_BODIES, "lends a worker out while the body is still coming" },
	{ REFUSES_SURPLUS, "lets all requests wait" },
	{ LETS_WATCHERS_IN, "makes no difference between requests" },
};

static const struct difference differences[] = {
	{ "nginx", "/health%00", 400, "Bad Request" },
	{ "nginx", "/%zz", 400, "Bad Request" },
	{ "nginx", "/../health", 400, "Bad Request" },
	{ "nginx", "`If-Match` on two lines", 400, "Bad Request" },
	{ "apache", "/%zz", 400, "Bad Request" },
	{ "apache", "/../health", 400, "Bad Request" },
	{ "apache", "a field of 20,000 bytes", 400, "Bad Request" },
	{ "apache", "`GET http://host/health`", 404, "Not Found" },
	{ "lighttpd", "a request line of more than 16 KiB", 431, "Request Header Fields Too Large" },
	{ "lighttpd", "`BREW /health`", 501, "Not Implemented" },
	{ "apache-proxy_fcgi", "a worker dies in the request", 503, "Service Unavailable" },
};

const char *
server_lacks(unsigned traits)
{
	const char *server = test_env("ORDERS_TEST_SERVER");

	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		if (strcmp(servers[i].name, server) != 0)
			continue;
		for (size_t r = 0; r < sizeof reasons / sizeof *reasons; r++)
			if (traits & ~servers[i].traits & reasons[r].trait)
				return text("%s %s", server, reasons[r].lacking);
		return NULL;
	}
	give_up("no web server '%s'", server);
}

const struct difference *
server_difference(const char *row)
{
	const char *server = test_env("ORDERS_TEST_SERVER");

	for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
		if (strncmp(server, differences[i].server, strlen(differences[i].server)) == 0 &&
		    strcmp(row, differences[i].row) == 0)
			return &differences[i];
	return NULL;
}

const char *
server_difference_missing_in(const char *shown)
{
	for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
		if (!strstr(shown, differences[i].row))
			return differences[i].row;
	return NULL;
}

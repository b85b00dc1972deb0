#include "api/local.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define NAME_SIZE 64 /* longer names are not the loopback's */

static bool
is_loopback(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

/* A page from elsewhere whose own name was made to lead here (DNS rebinding) asks under that name; who says none comes by HTTP/1.0, as
 * proxies do. */
static bool
is_asked_by_a_local_name(const char *host)
{
	bool bracketed = host && *host == '[';
	const char *from = host + bracketed;
	size_t len = host ? strcspn(from, bracketed ? "]" : ":") : 0;
	char name[NAME_SIZE];

	if (!host || len >= sizeof name)
		return false;
	memcpy(name, from, len);
	name[len] = '\0';
	return strcasecmp(name, "localhost") == 0 || is_loopback(name);
}

bool
local_request(const struct http_request *r)
{
	static const char *const proxied[] = { "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED",
					       "HTTP_VIA" };
	const char *address = http_param(r, "REMOTE_ADDR", NULL);

	for (size_t i = 0; i < sizeof proxied / sizeof *proxied; i++)
		if (http_param(r, proxied[i], NULL))
			return false;
	return address && is_loopback(address) && is_asked_by_a_local_name(http_param(r, "HTTP_HOST", NULL));
}

/* Who sits at this machine, and who only looks like it. */
#include "api/local.h"

#include "table.h"

#define PARAMS 4

Test(local, knows_who_asks_from_this_machine)
{
	static const struct {
		const char *params[PARAMS];
		bool local;
		const char *why;
	} rows[] = {
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=localhost" }, true, "by name" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=LocalHost:8002" }, true, "by name, with a port" },
		{ { "REMOTE_ADDR=127.9.8.7", "HTTP_HOST=127.0.0.1:8002" }, true, "all of 127.0.0.0/8" },
		{ { "REMOTE_ADDR=::1", "HTTP_HOST=[::1]:8002" }, true, "IPv6" },
		{ { "REMOTE_ADDR=::1", "HTTP_HOST=[::1]" }, true, "IPv6 without a port" },
		{ { "REMOTE_ADDR=::ffff:127.0.0.1", "HTTP_HOST=localhost" }, true, "IPv4 by IPv6" },
		{ { "REMOTE_ADDR=127.0.0.1" }, false, "no Host: not a browser, and perhaps a proxy" },
		{ { "HTTP_HOST=localhost" }, false, "from nowhere" },
		{ { "REMOTE_ADDR=" }, false, "an empty address" },
		{ { "REMOTE_ADDR=10.0.0.1" }, false, "a private network" },
		{ { "REMOTE_ADDR=128.0.0.1" }, false, "one above" },
		{ { "REMOTE_ADDR=126.255.255.255" }, false, "one below" },
		{ { "REMOTE_ADDR=::2" }, false, "another of IPv6" },
		{ { "REMOTE_ADDR=::ffff:10.0.0.1" }, false, "another by IPv6" },
		{ { "REMOTE_ADDR=::127.0.0.1" }, false, "a form of IPv6 that nobody has" },
		{ { "REMOTE_ADDR=127.0.0.1.example.com" }, false, "no address" },
		{ { "REMOTE_ADDR=127.1" }, false, "no whole address" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1" }, false, "a proxy" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_X_FORWARDED_FOR=" }, false, "a proxy that says nothing" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_X_REAL_IP=127.0.0.1" },
		  false,
		  "a proxy, in another word" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_FORWARDED=for=127.0.0.1" }, false, "a proxy, RFC 7239" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_VIA=1.1 cache" }, false, "a proxy, RFC 9110" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=evil.example" }, false, "a name made to lead here" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=localhost.evil.example" },
		  false,
		  "one that begins well" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=127.0.0.1.evil.example" }, false, "or like this" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=[::1" }, true, "a bracket that nobody closes" },
		{ { "REMOTE_ADDR=127.0.0.1", "HTTP_HOST=" }, false, "an empty name" },
		{ { "REMOTE_ADDR=127.0.0.1",
		    "HTTP_HOST=127.0.0.1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		  false,
		  "a name that is too long" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct http_request r = { .params = (char **)(uintptr_t)rows[i].params };

		cr_expect(local_request(&r) == rows[i].local, "%s: %s", rows[i].params[0], rows[i].why);
	}
}

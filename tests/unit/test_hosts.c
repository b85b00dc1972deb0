/* The hosts that a conninfo names. */
#include "store/hosts.h"

#include "table.h"

struct want {
	const char *host, *hostaddr, *port;
};

static const char *
shown(const char *s)
{
	return s ? s : "-";
}

Test(hosts, are_told_apart_where_each_can_be_tried_by_itself)
{
	static const struct {
		const char *conninfo;
		size_t n;
		struct want want[3];
		const char *why;
	} rows[] = {
		{ "postgresql://u@h/d", 1, { { 0 } }, "one is libpq's own business" },
		{ "postgresql:///d?host=/run/a", 1, { { 0 } }, "so is a socket" },
		{ "dbname=d", 1, { { 0 } }, "none" },
		{ "postgresql://a:1,b:2,c:3/d",
		  3,
		  { { "a", NULL, "1" }, { "b", NULL, "2" }, { "c", NULL, "3" } },
		  "a port each" },
		{ "host=a,b port=7 dbname=d",
		  2,
		  { { "a", NULL, "7" }, { "b", NULL, "7" } },
		  "one port for all" },
		{ "host=a,b dbname=d", 2, { { "a", NULL, NULL }, { "b", NULL, NULL } }, "the usual port" },
		{ "postgresql://[::1]:1,127.0.0.1:2/d",
		  2,
		  { { "::1", NULL, "1" }, { "127.0.0.1", NULL, "2" } },
		  "IPv6" },
		{ "hostaddr=10.0.0.1,10.0.0.2 host=a,b dbname=d",
		  2,
		  { { "a", "10.0.0.1", NULL }, { "b", "10.0.0.2", NULL } },
		  "addresses beside names" },
		{ "hostaddr=10.0.0.1,10.0.0.2 dbname=d",
		  2,
		  { { NULL, "10.0.0.1", NULL }, { NULL, "10.0.0.2", NULL } },
		  "addresses alone" },
		{ "host=/run/a,/run/b dbname=d",
		  2,
		  { { "/run/a", NULL, NULL }, { "/run/b", NULL, NULL } },
		  "sockets" },
		{ "host=a,,b dbname=d", 1, { { 0 } }, "an empty entry is a default that only libpq knows" },
		{ "host=a,b, dbname=d", 1, { { 0 } }, "behind the last comma too" },
		{ "host=a,b,c port=1,,3 dbname=d",
		  3,
		  { { "a", NULL, "1" }, { "b", NULL, "5432" }, { "c", NULL, "3" } },
		  "a port left out" },
		{ "host=a,b port=1,2,3 dbname=d",
		  1,
		  { { 0 } },
		  "libpq is to say that the counts do not match" },
		{ "hostaddr=10.0.0.1,10.0.0.2 host=a dbname=d", 1, { { 0 } }, "likewise" },
		{ "postgresql://a,b/d?target_session_attrs=prefer-standby",
		  1,
		  { { 0 } },
		  "wants to see all of them" },
		{ "postgresql://a,b/d?target_session_attrs=read-write",
		  2,
		  { { "a", NULL, "5432" }, { "b", NULL, "5432" } },
		  "each says for itself whether it is" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		void *ctx = talloc_new(NULL);
		struct host *hosts = NULL;
		size_t n = 0;

		cr_assert_eq(hosts_parse(ctx, rows[i].conninfo, &hosts, &n), RC_OK, "%s", rows[i].conninfo);
		expect_int(n, rows[i].n, rows[i].conninfo);
		for (size_t h = 0; h < n && h < rows[i].n; h++) {
			expect_text(shown(hosts[h].host), shown(rows[i].want[h].host), rows[i].why);
			expect_text(shown(hosts[h].hostaddr), shown(rows[i].want[h].hostaddr), rows[i].why);
			expect_text(shown(hosts[h].port), shown(rows[i].want[h].port), rows[i].why);
		}
		talloc_free(ctx);
	}
}

Test(hosts, want_memory)
{
	for (size_t bytes = 0; bytes < 400; bytes += 40) {
		void *ctx = talloc_new(NULL);
		struct host *hosts = NULL;
		size_t n = 0;

		limit_memory(ctx, bytes);
		if (hosts_parse(ctx, "postgresql://a:1,b:2/d", &hosts, &n)) {
			cr_expect_null(hosts);
			cr_expect_eq(talloc_total_size(ctx), 0, "%zu bytes", bytes);
		}
		talloc_free(ctx);
	}
}

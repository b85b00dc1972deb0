/* The debugging mode: one request from the environment and stdin, the answer on stdout. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"

static struct pool pool;

static struct ran
run(const char *method, const char *target, const char *token, const char *body)
{
	const char *const argv[] = { test_env("ORDERS_TEST_WORKER"), NULL };

	if (!*pool.database) {
		(void)snprintf(pool.dir, sizeof pool.dir, "%s", test_env("ORDERS_TEST_DIR"));
		(void)snprintf(pool.database, sizeof pool.database, "%s", database_new());
		(void)snprintf(pool.topic, sizeof pool.topic, "cgi-%d", (int)getpid());
		(void)snprintf(pool.queue, sizeof pool.queue, "cgi-%d", (int)getpid());
		(void)mkdir(text("%s/cgi", pool.dir), 0700);
		events_subscribe(pool.topic, pool.queue);
	}
	return program_run(
		argv,
		pool_environment(
			&(const struct pool_options){
				.settings = { text("REQUEST_METHOD%s%s", method ? "=" : "",
						   method ? method : ""),
					      text("REQUEST_URI%s%s", target ? "=" : "",
						   target ? target : ""),
					      token ? text("HTTP_AUTHORIZATION=Bearer %s", token)
						    : "HTTP_AUTHORIZATION",
					      body ? text("CONTENT_LENGTH=%zu", strlen(body))
						   : "CONTENT_LENGTH",
					      body ? "CONTENT_TYPE=application/json" : "CONTENT_TYPE" } },
			&pool),
		body);
}

Test(cgi_mode, answers_one_request_and_leaves)
{
	struct ran r = run("GET", "/health", NULL, NULL);

	cr_expect(r.status == 0, "%d %s", r.status, r.err);
	EXPECT_TEXT(
		r.out,
		"Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\nX-Request-ID: <uuid>\r\n\r\n"
		"{\"status\":\"healthy\"}");
	cr_expect(strstr(r.err, "\"event\":\"request\"") && strstr(r.err, "\"status\":200"), "%s", r.err);
}

Test(cgi_mode, places_an_order_from_stdin_and_publishes_its_event)
{
	struct arrived events[EVENTS_MAX];
	struct ran r = run("POST", "/api/v1/orders", token_of(9),
			   "{\"items\":[{\"product_id\":3,\"quantity\":2}]}");
	const char *body = strstr(r.out, "\r\n\r\n");

	cr_assert(r.status == 0 && body, "%d %s%s", r.status, r.out, r.err);
	cr_expect(strncmp(r.out, "Status: 201 Created\r\n", 21) == 0, "%s", r.out);
	cr_expect(differs(json_get(body + 4, "total_amount"), "91.00") == NULL, "%s", r.out);
	cr_expect(events_wait(&pool, json_get_i64(body + 4, "id"), 1, 10000, events) == 1);
}

Test(cgi_mode, answers_HEAD_without_a_body)
{
	struct ran r = run("HEAD", "/health", NULL, NULL);

	EXPECT_TEXT(
		r.out,
		"Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\nX-Request-ID: <uuid>\r\n\r\n");
}

Test(cgi_mode, lets_nobody_add_a_field_to_a_redirect)
{
	struct ran r = run("GET", "/api/v1/orders/?a\r\nSet-Cookie: b=c", NULL, NULL);

	cr_expect(strncmp(r.out, "Status: 404 ", 12) == 0 && !strstr(r.out, "Set-Cookie"), "%s", r.out);
}

Test(cgi_mode, says_what_it_wants_when_there_is_neither_socket_nor_request)
{
	struct ran r = run(NULL, NULL, NULL, NULL);

	cr_expect(r.status == EX_USAGE && !*r.out && strstr(r.err, "REQUEST_METHOD"), "%d %s%s", r.status,
		  r.out, r.err);
}

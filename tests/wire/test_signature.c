/* The signature of requests to SNS, compared with npm's aws4, which knows nothing of libcurl. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/peer.h"

extern char **environ;

#define KEY "AKIATESTACCESSKEY"
#define SECRET "a-secret-access-key-of-tests"

/* What stands behind name= in an Authorization field. */
static const char *
part(const char *authorization, const char *name)
{
	const char *at = strstr(authorization, name);

	return at ? text("%.*s", (int)strcspn(at + strlen(name), ", "), at + strlen(name)) : "";
}

static void
expect_signed(const struct peer_request *r, const char *region, const char *token)
{
	const char *authorization = peer_field(r, "Authorization"), *input;
	const char *const argv[] = { test_env("ORDERS_TEST_NODE"),
				     text("%s/tests/support/aws4/sign.mjs", test_env("ORDERS_TEST_ROOT")),
				     test_env("ORDERS_TEST_NPM"), NULL };
	struct ran theirs;

	cr_assert(authorization && strncmp(authorization, "AWS4-HMAC-SHA256 ", 17) == 0, "%s", r->head);
	cr_assert(peer_field(r, "X-Amz-Date") != NULL, "%s", r->head);
	cr_expect(peer_field(r, "Content-Type") && strncmp(peer_field(r, "Content-Type"),
							   "application/x-www-form-urlencoded", 33) == 0,
		  "%s", r->head);
	if (token)
		EXPECT_TEXT(peer_field(r, "X-Amz-Security-Token"), token);
	else
		cr_expect_null(peer_field(r, "X-Amz-Security-Token"));
	EXPECT_TEXT(part(authorization, "Credential="),
		    text("%s/%.8s/%s/sns/aws4_request", KEY, peer_field(r, "X-Amz-Date"), region));
	cr_expect(strstr(part(authorization, "SignedHeaders="), "host") &&
			  strstr(part(authorization, "SignedHeaders="), "x-amz-date"),
		  "%s", authorization);
	cr_expect(!token || strstr(part(authorization, "SignedHeaders="), "x-amz-security-token"), "%s",
		  authorization);
	input = text(
		"{\"host\":%s,\"path\":\"/\",\"body\":%s,\"date\":%s,\"content_type\":%s,\"region\":%s,\"signed\":%s,\"key\":\"" KEY
		"\",\"secret\":\"" SECRET "\"%s}",
		json_quote(peer_field(r, "Host")), json_quote(r->body),
		json_quote(peer_field(r, "X-Amz-Date")), json_quote(peer_field(r, "Content-Type")),
		json_quote(region), json_quote(part(authorization, "SignedHeaders=")),
		token ? text(",\"token\":%s", json_quote(token)) : "");
	theirs = program_run(argv, environ, input);
	cr_assert(theirs.status == 0, "%s", theirs.err);
	EXPECT_TEXT(part(authorization, "SignedHeaders="), part(theirs.out, "SignedHeaders="));
	EXPECT_TEXT(part(authorization, "Signature="), text("%.64s", part(theirs.out, "Signature=")));
	cr_expect(strlen(part(authorization, "Signature=")) == 64, "%s", authorization);
}

/* CreateTopic, Publish and PublishBatch, as a pool with these settings sends them. */
static void
expect_all_signed(const char *region, const char *token, const char *topic)
{
	static const char *const actions[] = { "CreateTopic", "Publish", "PublishBatch" };
	struct peer sns = peer_start(NULL);
	struct pool p;
	bool seen[3] = { false };

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){
		.workers = 1,
		.sns = sns.port,
		.settings = { text("AWS_REGION=%s", region),
			      token ? text("AWS_SESSION_TOKEN=%s", token) : "AWS_SESSION_TOKEN",
			      topic ? text("SNS_TOPIC_NAME=%s", topic) : NULL } });
	(void)ASK(&p, .target = "/api/v1/orders", .body = "{\"items\":[{\"product_id\":16,\"quantity\":2}]}",
		  .token = token_of_claims("{\"sub\":\"9\",\"email\":\"a+b~c*d e/f=g&h%@example.com\"}"));
	cr_assert(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox", "0", 10000));
	peer_set_down(&sns, true);
	for (int i = 0; i < 3; i++)
		(void)place_order(&p, 9, 11 + i, 1);
	peer_set_down(&sns, false);
	cr_assert(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox", "0", 15000));
	for (int i = 0; i < peer_count(&sns, "/"); i++) {
		struct peer_request r = peer_request(&sns, "/", i);

		expect_signed(&r, region, token);
		for (int a = 0; a < 3; a++)
			seen[a] = seen[a] || strstr(r.body, text("Action=%s&", actions[a]));
	}
	for (int a = 0; a < 3; a++)
		cr_expect(seen[a], "there was no %s", actions[a]);
	cr_expect(pool_stop(&p));
}

Test(signature, is_what_aws4_computes)
{
	expect_all_signed("us-east-1", NULL, NULL);
}
Test(signature, is_what_aws4_computes_with_a_session_token)
{
	expect_all_signed("us-east-1", "FwoGZXIvYXdzEXAMPLE//token+with/odd=characters==", NULL);
}
Test(signature, is_what_aws4_computes_for_another_region)
{
	expect_all_signed("eu-central-1", NULL, NULL);
}
Test(signature, is_what_aws4_computes_for_a_FIFO_topic)
{
	expect_all_signed("us-east-1", "token", text("signed-%d.fifo", (int)getpid()));
}

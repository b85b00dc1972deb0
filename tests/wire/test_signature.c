/* The signature of requests to SNS, whatever the keys come from, compared with npm's aws4, which knows nothing of libcurl. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/peer.h"

extern char **environ;

#define KEY "AKIATESTACCESSKEY"
#define SECRET "a-secret-access-key-of-tests"
#define TOKEN "FwoGZXIvYXdzEXAMPLE//token+with/odd=characters=="

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

#define MORE 6

/* CreateTopic, Publish and PublishBatch, as a pool with these settings sends them; more counts after the others. */
static void
expect_all_signed(const char *region, const char *token, const char *const more[static MORE])
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
			      token ? text("AWS_SESSION_TOKEN=%s", token) : "AWS_SESSION_TOKEN", more[0],
			      more[1], more[2], more[3], more[4], more[5] } });
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

static const char *const nothing[MORE];

Test(signature, is_what_aws4_computes)
{
	expect_all_signed("us-east-1", NULL, nothing);
}
Test(signature, is_what_aws4_computes_with_a_session_token)
{
	expect_all_signed("us-east-1", TOKEN, nothing);
}
Test(signature, is_what_aws4_computes_for_another_region)
{
	expect_all_signed("eu-central-1", NULL, nothing);
}
Test(signature, is_what_aws4_computes_for_a_FIFO_topic)
{
	expect_all_signed("us-east-1", TOKEN,
			  (const char *[MORE]){ text("SNS_TOPIC_NAME=signed-%d.fifo", (int)getpid()) });
}

/* The keys come from an agent beside the pool. */
Test(signature, is_what_aws4_computes_with_the_keys_of_a_container)
{
	struct peer agent = peer_start(NULL);
	struct peer_request r;

	PEER_ON(&agent, "/v1/keys", .act = PEER_ANSWER,
		.bytes = http_json(200,
				   "{\"AccessKeyId\":\"" KEY "\",\"SecretAccessKey\":\"" SECRET
				   "\",\"Token\":\"" TOKEN "\",\"Expiration\":\"2199-01-01T00:00:00Z\"}"));
	expect_all_signed(
		"us-east-1", TOKEN,
		(const char *[MORE]){
			"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN=agents-token",
			text("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:%d/v1/keys", agent.port) });
	cr_assert_eq(peer_count(&agent, NULL), 1, "kept by the one worker");
	r = peer_request(&agent, "/v1/keys", 0);
	EXPECT_TEXT(peer_field(&r, "Authorization"), "agents-token");
}

/* They come from STS, which is asked without a signature, for the token in a file. */
Test(signature, is_what_aws4_computes_with_the_keys_of_a_web_identity)
{
	struct peer sts = peer_start(NULL);
	char *path = text("%s/web-identity-%d", test_env("ORDERS_TEST_DIR"), (int)getpid());
	FILE *file = fopen(path, "w");
	struct peer_request r;

	cr_assert(file && fputs("the.pods.token\n", file) >= 0 && fclose(file) == 0);
	PEER_ON(&sts, "/", .act = PEER_ANSWER,
		.bytes = http_json(
			200,
			"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>" KEY
			"</AccessKeyId><SecretAccessKey>" SECRET "</SecretAccessKey><SessionToken>" TOKEN
			"</SessionToken><Expiration>2199-01-01T00:00:00Z</Expiration></Credentials>"
			"</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"));
	expect_all_signed(
		"us-east-1", TOKEN,
		(const char *[MORE]){ "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=",
				      text("AWS_WEB_IDENTITY_TOKEN_FILE=%s", path),
				      "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/orders",
				      text("AWS_ENDPOINT_URL_STS=http://127.0.0.1:%d", sts.port) });
	cr_assert_eq(peer_count(&sts, NULL), 1, "kept by the one worker");
	r = peer_request(&sts, "/", 0);
	cr_expect_null(peer_field(&r, "Authorization"), "%s", r.head);
	cr_expect_not_null(strstr(r.body, "&WebIdentityToken=the.pods.token"), "%s", r.body);
}

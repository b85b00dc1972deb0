/* Keys for a limited time, as agents answer them. */
#include "json/credentials_json.h"

#include <stdio.h>

#include "table.h"

#define ID "\"AccessKeyId\":\"ASIAEXAMPLE\""
#define SECRET "\"SecretAccessKey\":\"s3cr3t/+\""
#define TOKEN "\"Token\":\"t0k3n==\""
#define UNTIL "\"Expiration\":\"2026-02-24T13:46:26Z\""

Test(credentials_json, reads_what_containers_and_instances_answer)
{
	static const char *const bodies[] = {
		"{" ID "," SECRET "," TOKEN "," UNTIL "}",
		"{\"Code\":\"Success\",\"LastUpdated\":\"x\",\"Type\":\"AWS-HMAC\"," ID "," SECRET "," TOKEN
		"," UNTIL "}",
	};

	for (size_t i = 0; i < ROWS(bodies); i++) {
		void *ctx = talloc_new(NULL);
		struct aws_session s = { .id = "" };
		const char *code = NULL;

		expect_int(credentials_decode(ctx, bodies[i], strlen(bodies[i]), &s, &code), RC_OK,
			   bodies[i]);
		expect_text(s.id, "ASIAEXAMPLE", "id");
		expect_text(s.secret, "s3cr3t/+", "secret");
		expect_text(s.token, "t0k3n==", "token");
		expect_int(s.expires_us, 1771940786 * INT64_C(1000000), "expires");
		talloc_free(ctx);
	}
}

Test(credentials_json, refuses_everything_else)
{
	static const struct {
		const char *body;
		enum rc rc;
		const char *code, *why;
	} rows[] = {
		{ "", RC_SYNTAX, NULL, "nothing" },
		{ "<html/>", RC_SYNTAX, NULL, "a page" },
		{ "[]", RC_SYNTAX, NULL, "a list" },
		{ "{" SECRET "," TOKEN "," UNTIL "}", RC_SYNTAX, NULL, "no id" },
		{ "{" ID "," TOKEN "," UNTIL "}", RC_SYNTAX, NULL, "no secret" },
		{ "{" ID "," SECRET "," UNTIL "}", RC_SYNTAX, NULL, "no token" },
		{ "{" ID "," SECRET "," TOKEN "}", RC_SYNTAX, NULL, "no end" },
		{ "{" ID "," SECRET "," TOKEN ",\"Expiration\":\"soon\"}", RC_SYNTAX, NULL,
		  "an end that is no time" },
		{ "{" ID "," SECRET "," TOKEN ",\"Expiration\":1771940786}", RC_SYNTAX, NULL, "a number" },
		{ "{\"AccessKeyId\":\"\"," SECRET "," TOKEN "," UNTIL "}", RC_SYNTAX, NULL, "an empty id" },
		{ "{\"AccessKeyId\":5," SECRET "," TOKEN "," UNTIL "}", RC_SYNTAX, NULL,
		  "an id that is a number" },
		{ "{\"AccessKeyId\":\"a b\"," SECRET "," TOKEN "," UNTIL "}", RC_SYNTAX, NULL, "a blank" },
		{ "{" ID "," SECRET ",\"Token\":\"a\\r\\nX: y\"," UNTIL "}", RC_SYNTAX, NULL,
		  "another header field" },
		{ "{" ID "," SECRET ",\"Token\":\"\\u00e9\"," UNTIL "}", RC_SYNTAX, NULL, "not ASCII" },
		{ "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no\"}", RC_SNS_REFUSED,
		  "AssumeRoleUnauthorizedAccess", "why there are none" },
		{ "{\"Code\":\"Failed\"," ID "," SECRET "," TOKEN "," UNTIL "}", RC_SNS_REFUSED, "Failed",
		  "keys beside a failure" },
		{ "{\"Code\":5," ID "," SECRET "," TOKEN "," UNTIL "}", RC_SYNTAX, NULL,
		  "a code that is a number" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		void *ctx = talloc_new(NULL);
		struct aws_session s = { .id = "untouched" };
		const char *code = NULL;

		expect_int(credentials_decode(ctx, rows[i].body, strlen(rows[i].body), &s, &code), rows[i].rc,
			   rows[i].why);
		expect_text(s.id, "untouched", rows[i].why);
		expect_text(code ? code : "none", rows[i].code ? rows[i].code : "none", rows[i].why);
		talloc_free(ctx);
	}
}

Test(credentials_json, takes_texts_that_fit)
{
	char out[8] = "before";

	cr_expect_not(credentials_copy(out, sizeof out, "12345678", 8), "no room for the NUL");
	cr_expect_str_eq(out, "before");
	cr_expect(credentials_copy(out, sizeof out, "1234567", 7));
	cr_expect_str_eq(out, "1234567");
	cr_expect_not(credentials_copy(out, sizeof out, "", 0), "empty");
	cr_expect_not(credentials_copy(out, sizeof out, "a\0b", 3), "a NUL");
	cr_expect_not(credentials_copy(out, sizeof out, "a\x7f", 2), "a control character");
}

/* What STS answers to AssumeRoleWithWebIdentity. */
#include "remote/credentials_answer.h"

#include <stdio.h>

#include "table.h"

#define KEYS                                                                                                 \
	"<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>s3cr3t</SecretAccessKey>"       \
	"<SessionToken>t0k3n</SessionToken><Expiration>2026-02-24T13:46:26Z</Expiration></Credentials>"
#define ANSWER(inside)                                                                                                             \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>" \
	"<SubjectFromWebIdentityToken>x</SubjectFromWebIdentityToken><AssumedRoleUser><Arn>arn:aws:sts::1:x</Arn>"                 \
	"<AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>" inside                                                           \
	"</AssumeRoleWithWebIdentityResult>"                                                                                       \
	"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"
#define ERROR(code, message)                                                                                       \
	"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>" code \
	"</Code><Message>" message "</Message></Error><RequestId>1</RequestId></ErrorResponse>"

Test(credentials_answer, gives_the_keys)
{
	struct aws_session s = { .id = "" };
	struct sts_fault fault;

	cr_assert_eq(sts_answer_read(LITERAL(ANSWER(KEYS)), &s, &fault), RC_OK);
	expect_text(s.id, "ASIAEXAMPLE", "id");
	expect_text(s.secret, "s3cr3t", "secret");
	expect_text(s.token, "t0k3n", "token");
	expect_int(s.expires_us, 1771940786 * INT64_C(1000000), "expires");
	expect_text(fault.code, "", "no fault");
}

Test(credentials_answer, is_read_however_the_parser_cuts_it)
{
	struct aws_session s = { .id = "" };
	struct sts_fault fault;

	cr_assert_eq(sts_answer_read(
			     LITERAL(ANSWER(
				     "<Credentials><AccessKeyId>A&#x42;&amp;C</AccessKeyId><SecretAccessKey>s"
				     "</SecretAccessKey><SessionToken>t&lt;t</SessionToken>"
				     "<Expiration>2026-02-24T13:46:26Z</Expiration></Credentials>")),
			     &s, &fault),
		     RC_OK);
	expect_text(s.id, "AB&C", "a character by its number");
	expect_text(s.token, "t<t", "by its name");
}

Test(credentials_answer, says_why_there_are_none)
{
	static const struct {
		const char *xml, *code, *message, *why;
	} rows[] = {
		{ ERROR("InvalidIdentityToken", "No OpenIDConnect provider found"), "InvalidIdentityToken",
		  "No OpenIDConnect provider found", "an error" },
		{ ERROR("ExpiredTokenException", "a &lt; b\n\xc3\xa9"), "ExpiredTokenException", "a < b   ",
		  "fit for the log" },
		{ "", "", "", "nothing" },
		{ "<html/>", "", "", "a page" },
		{ "no XML", "", "", "a line" },
		{ ANSWER(""), "", "", "no keys" },
		{ ANSWER("<Credentials><AccessKeyId>A</AccessKeyId></Credentials>"), "", "",
		  "not all of them" },
		{ ANSWER("<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
			 "<Expiration>2026-02-24T13:46:26Z</Expiration>"),
		  "", "", "keys of something else" },
		{ ANSWER("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>a b</SessionToken>"
			 "<Expiration>2026-02-24T13:46:26Z</Expiration></Credentials>"),
		  "", "", "a blank in the token" },
		{ ANSWER("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
			 "<Expiration>soon</Expiration></Credentials>"),
		  "", "", "an end that is no time" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct aws_session s = { .id = "untouched" };
		struct sts_fault fault;

		expect_int(sts_answer_read(rows[i].xml, strlen(rows[i].xml), &s, &fault), RC_SNS_REFUSED,
			   rows[i].why);
		expect_text(s.id, "untouched", rows[i].why);
		expect_text(fault.code, rows[i].code, rows[i].why);
		expect_text(fault.message, rows[i].message, rows[i].why);
	}
}

Test(credentials_answer, is_not_taken_when_it_is_cut_short)
{
	static const char xml[] = ANSWER(KEYS);

	for (size_t len = 0; len < sizeof xml - 1; len++) {
		struct aws_session s = { .id = "untouched" };
		struct sts_fault fault;

		cr_expect_eq(sts_answer_read(xml, len, &s, &fault), RC_SNS_REFUSED, "%zu bytes", len);
		cr_expect_str_eq(s.id, "untouched");
	}
}

Test(credentials_answer, refuses_what_is_too_long)
{
	void *ctx = talloc_new(NULL);
	struct aws_session s = { .id = "untouched" };
	struct sts_fault fault;
	const char *xml;

	for (int len = AWS_TOKEN_SIZE - 1; len <= AWS_TOKEN_SIZE; len++) {
		xml = talloc_asprintf(
			ctx,
			ANSWER("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
			       "<SessionToken>%0*d</SessionToken>"
			       "<Expiration>2026-02-24T13:46:26Z</Expiration></Credentials>"),
			len, 0);
		cr_expect_eq(sts_answer_read(xml, strlen(xml), &s, &fault),
			     len < AWS_TOKEN_SIZE ? RC_OK : RC_SNS_REFUSED, "%d bytes", len);
	}
	xml = talloc_asprintf(ctx, ERROR("%020000d", "%020000d"), 0, 0);
	cr_expect_eq(sts_answer_read(xml, strlen(xml), &s, &fault), RC_SNS_REFUSED);
	cr_expect_eq(strlen(fault.code), sizeof fault.code - 1);
	cr_expect_eq(strlen(fault.message), sizeof fault.message - 1);
	talloc_free(ctx);
}

/* What SNS answers. The documents are shaped as in https://docs.aws.amazon.com/sns/latest/api/ and as seen. */
#include "remote/sns_answer.h"

#include <stdio.h>

#include "table.h"

#define NS " xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\""
#define META                                                                                                 \
	"<ResponseMetadata><RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ResponseMetadata>"
#define ERROR(type, code, message)                                                                           \
	"<ErrorResponse" NS "><Error><Type>" type "</Type><Code>" code "</Code><Message>" message            \
	"</Message></Error><RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId></ErrorResponse>"
#define PUBLISHED                                                                                            \
	"<PublishResponse" NS                                                                                \
	"><PublishResult><MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult>" META   \
	"</PublishResponse>"

static struct sns_answer
read_answer(long status, const char *xml)
{
	struct sns_answer a;

	memset(&a, 0x55, sizeof a);
	sns_answer_read(&a, status, xml, strlen(xml));
	return a;
}

Test(sns_answer, tells_what_a_fault_means)
{
	static const struct {
		long status;
		const char *xml;
		enum rc rc;
		const char *code, *why;
	} rows[] = {
		{ 200, PUBLISHED, RC_OK, "", "taken" },
		{ 200, "<?xml version=\"1.0\"?>\n" PUBLISHED "\n", RC_OK, "", "taken, with a declaration" },
		{ 403, ERROR("Sender", "SignatureDoesNotMatch", "The request signature we calculated…"),
		  RC_SNS_REFUSED, "SignatureDoesNotMatch", "" },
		{ 403,
		  ERROR("Sender", "InvalidClientTokenId",
			"The security token included in the request is invalid."),
		  RC_SNS_REFUSED, "InvalidClientTokenId", "" },
		{ 403,
		  ERROR("Sender", "ExpiredToken", "The security token included in the request is expired"),
		  RC_SNS_REFUSED, "ExpiredToken", "" },
		{ 403,
		  ERROR("Sender", "AuthorizationError", "User: … is not authorized to perform: SNS:Publish"),
		  RC_SNS_REFUSED, "AuthorizationError", "" },
		{ 403, ERROR("Sender", "RequestTimeTooSkewed", "…"), RC_SNS_REFUSED, "RequestTimeTooSkewed",
		  "the clock is wrong" },
		{ 404, ERROR("Sender", "NotFound", "Topic does not exist"), RC_SNS_REFUSED, "NotFound", "" },
		{ 400, ERROR("Sender", "Throttling", "Rate exceeded"), RC_SNS_THROTTLED, "Throttling",
		  "by its code, not its status" },
		{ 400, ERROR("Sender", "Throttled", "Rate exceeded"), RC_SNS_THROTTLED, "Throttled", "" },
		{ 400, ERROR("Sender", "ThrottlingException", "Rate exceeded"), RC_SNS_THROTTLED,
		  "ThrottlingException", "" },
		{ 400, ERROR("Sender", "KMSThrottling", "…"), RC_SNS_THROTTLED, "KMSThrottling", "" },
		{ 503, ERROR("Sender", "RequestLimitExceeded", "…"), RC_SNS_THROTTLED, "RequestLimitExceeded",
		  "" },
		{ 500, ERROR("Receiver", "InternalError", "Unknown"), RC_SNS_DOWN, "InternalError", "" },
		{ 500, ERROR("Receiver", "InternalFailure", "Unknown"), RC_SNS_DOWN, "InternalFailure", "" },
		{ 503, ERROR("Receiver", "ServiceUnavailable", "…"), RC_SNS_DOWN, "ServiceUnavailable", "" },
		{ 400, ERROR("Sender", "InvalidParameter", "Invalid parameter: Message too long"),
		  RC_SNS_MESSAGE, "InvalidParameter", "this message" },
		{ 400, ERROR("Sender", "InvalidParameterValue", "Invalid parameter: Subject"), RC_SNS_MESSAGE,
		  "InvalidParameterValue", "" },
		{ 400, ERROR("Sender", "ParameterValueInvalid", "…"), RC_SNS_MESSAGE, "ParameterValueInvalid",
		  "" },
		{ 400, ERROR("Sender", "BatchRequestTooLong", "…"), RC_SNS_MESSAGE, "BatchRequestTooLong",
		  "" },
		{ 400, ERROR("Sender", "ValidationException", "…"), RC_SNS_MESSAGE, "ValidationException",
		  "" },
		{ 400, ERROR("Sender", "BatchEntryIdsNotDistinct", "…"), RC_SNS_MESSAGE,
		  "BatchEntryIdsNotDistinct", "each by itself has no Id" },
		{ 400, ERROR("Sender", "TooManyEntriesInBatchRequest", "…"), RC_SNS_MESSAGE,
		  "TooManyEntriesInBatchRequest", "each by itself is not too many" },
		{ 400, ERROR("Sender", "InvalidParameter", "Invalid parameter: TopicArn Reason: no"),
		  RC_SNS_REFUSED, "InvalidParameter", "every message: the topic is wrong" },
		{ 400, ERROR("Sender", "SomethingNew", "…"), RC_SNS_REFUSED, "SomethingNew",
		  "an unknown code: 4xx" },
		{ 500, ERROR("Receiver", "SomethingNew", "…"), RC_SNS_DOWN, "SomethingNew",
		  "an unknown code: 5xx" },
		{ 429, ERROR("Sender", "SomethingNew", "…"), RC_SNS_THROTTLED, "SomethingNew",
		  "an unknown code: 429" },
		{ 200, ERROR("Receiver", "InternalError", "…"), RC_SNS_DOWN, "InternalError",
		  "an error under 200" },
		{ 400, "", RC_SNS_REFUSED, "", "nothing, 4xx" },
		{ 503, "", RC_SNS_DOWN, "", "nothing, 5xx" },
		{ 429, "", RC_SNS_THROTTLED, "", "nothing, 429" },
		{ 502, "<html><body>Bad Gateway</body></html>", RC_SNS_DOWN, "", "a proxy's page" },
		{ 503, "upstream connect error", RC_SNS_DOWN, "", "a proxy's line" },
		{ 301, "", RC_SNS_REFUSED, "", "a redirect" },
		{ 204, "", RC_SNS_REFUSED, "", "another success" },
		{ 200, "", RC_SNS_DOWN, "", "nothing, though 200" },
		{ 200, "{\"PublishResponse\":{}}", RC_SNS_DOWN, "", "JSON" },
		{ 200, "<html><body>Welcome to this network</body></html>", RC_SNS_DOWN, "",
		  "a portal's page, well-formed" },
		{ 200, "<PublishResponse" NS "><PublishResult><MessageId>567910cd", RC_SNS_DOWN, "",
		  "cut short" },
		{ 200, "<PublishResponse><PublishResult/></PublishResponse", RC_SNS_DOWN, "",
		  "a byte short" },
		{ 400, "<ErrorResponse><Error><Code>Throttling</Code>", RC_SNS_REFUSED, "",
		  "an error cut short goes by its status" },
		{ 400, "<ErrorResponse><Error><Code>Throttling</Code><Message/></Error>", RC_SNS_THROTTLED,
		  "Throttling", "cut short behind what matters" },
		{ 400, "<a><b></a></b>", RC_SNS_REFUSED, "", "not well-formed" },
		{ 400, ERROR("Sender", "&#84;hrottl<!-- -->ing", "a &lt; b &amp; c"), RC_SNS_THROTTLED,
		  "Throttling", "escapes, a comment" },
		{ 400, ERROR("Sender", "<![CDATA[Throttling]]>", ""), RC_SNS_THROTTLED, "Throttling",
		  "CDATA" },
		{ 400, ERROR("Sender", "", ""), RC_SNS_REFUSED, "", "an empty code" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_answer a = read_answer(rows[i].status, rows[i].xml);

		expect_int(a.fault.rc, rows[i].rc, *rows[i].why ? rows[i].why : rows[i].code);
		expect_text(a.fault.code, rows[i].code, rows[i].why);
		cr_expect(!a.fault.rc || *a.fault.code || *a.fault.message || rows[i].status == 400,
			  "%s: nothing to log", rows[i].why);
	}
}

/* As the API reference has them for CreateTopic, Publish and PublishBatch, its common errors, and what gateways before the
 * services say: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html, …/CommonErrors.html */
static const char *const throttled[] = { "Throttled",
					 "Throttling",
					 "ThrottlingException",
					 "ThrottledException",
					 "RequestThrottled",
					 "RequestThrottledException",
					 "RequestLimitExceeded",
					 "BandwidthLimitExceeded",
					 "TooManyRequestsException",
					 "SlowDown",
					 "KMSThrottling",
					 "KMSThrottlingException" };
static const char *const down[] = { "InternalError", "InternalFailure", "ServiceUnavailable",
				    "RequestTimeout", "RequestTimeoutException" };
static const char *const refused[] = {
	"NotFound",
	"AuthorizationError",
	"AccessDenied",
	"AccessDeniedException",
	"ExpiredToken",
	"ExpiredTokenException",
	"InvalidClientTokenId",
	"UnrecognizedClientException",
	"InvalidAccessKeyId",
	"SignatureDoesNotMatch",
	"InvalidSignatureException",
	"AuthFailure",
	"RequestTimeTooSkewed",
	"RequestExpired",
	"RequestInTheFuture",
	"MissingAuthenticationToken",
	"IncompleteSignature",
	"InvalidSecurity",
	"InvalidAction",
	"OptInRequired",
	"TopicLimitExceeded",
	"FilterPolicyLimitExceeded",
	"SubscriptionLimitExceeded",
	"ConcurrentAccess",
	"StaleTag",
	"EndpointDisabled",
	"PlatformApplicationDisabled",
	"KMSAccessDenied",
	"KMSDisabled",
	"KMSInvalidState",
	"KMSNotFound",
	"KMSOptInRequired",
};

static void
expect_codes(const char *const *list, size_t n, enum rc rc)
{
	for (size_t i = 0; i < n; i++) {
		char xml[1000];
		struct sns_answer a;

		(void)snprintf(xml, sizeof xml, ERROR("Sender", "%s", "No."), list[i]);
		for (long status = 400; status <= 500; status += 100)
			expect_int(read_answer(status, xml).fault.rc, rc, list[i]);
		(void)snprintf(
			xml, sizeof xml,
			"<PublishBatchResponse><PublishBatchResult><Failed><member><Id>3</Id><Code>%s</Code>"
			"<Message>No.</Message><SenderFault>true</SenderFault></member></Failed>"
			"</PublishBatchResult></PublishBatchResponse>",
			list[i]);
		a = read_answer(200, xml);
		expect_int(a.fault.rc, RC_OK, list[i]);
		expect_int(a.entries[3].rc, rc, list[i]);
	}
}

Test(sns_answer, holds_nothing_against_a_message_that_is_not_its_fault)
{
	expect_codes(throttled, ROWS(throttled), RC_SNS_THROTTLED);
	expect_codes(down, ROWS(down), RC_SNS_DOWN);
	expect_codes(refused, ROWS(refused), RC_SNS_REFUSED);
}

Test(sns_answer, gives_no_hint_at_a_topic_that_nobody_named_wrongly)
{
	/* As of CreateTopic, which has no message that could be at fault. */
	const struct sns_fault f = {
		.rc = RC_SNS_REFUSED,
		.code = "InvalidParameter",
		.message = "Invalid parameter: Attributes Reason: Topic already exists"
	};

	cr_expect_null(sns_fault_hint(&f));
}

Test(sns_answer, gives_the_operator_a_hint)
{
	static const struct {
		const char *code, *message, *hint; /* a word of it; NULL: none */
	} rows[] = {
		{ "AuthorizationError", "User: … is not authorized to perform: SNS:Publish", "sns:Publish" },
		{ "ExpiredToken", "…", "keys" },
		{ "UnrecognizedClientException", "…", "keys" },
		{ "NotFound", "Topic does not exist", "SNS_TOPIC_ARN" },
		{ "InvalidParameter", "Invalid parameter: TopicArn", "AWS_REGION" },
		{ "KMSAccessDenied", "…", "kms:GenerateDataKey" },
		{ "KMSDisabled", "…", "enabled" },
		{ "OptInRequired", "…", "account" },
		{ "InvalidSecurity", "…", "AWS_ENDPOINT_URL" },
		{ "InvalidParameter", "Invalid parameter: Message too long", NULL },
		{ "Throttled", "…", NULL },
		{ "SomethingNew", "…", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char xml[1000];
		struct sns_answer a;
		const char *hint;

		(void)snprintf(xml, sizeof xml, ERROR("Sender", "%s", "%s"), rows[i].code, rows[i].message);
		a = read_answer(403, xml);
		hint = sns_fault_hint(&a.fault);
		cr_expect(rows[i].hint ? hint && strstr(hint, rows[i].hint) : !hint, "%s: %s", rows[i].code,
			  hint ? hint : "none");
	}
}

#define NOW (INT64_C(1771940786) * 1000000)
#define MIN (INT64_C(60) * 1000000)

Test(sns_answer, tells_a_wrong_clock_from_wrong_keys)
{
	static const struct {
		const char *code, *message;
		int64_t answered_us;
		bool clock, keys;
		const char *why;
	} rows[] = {
		{ "RequestTimeTooSkewed", "…", 0, true, false, "it says so" },
		{ "RequestExpired", "…", NOW, true, false, "it says so" },
		{ "RequestInTheFuture", "…", NOW, true, false, "it says so" },
		{ "SignatureDoesNotMatch",
		  "Signature expired: 20260224T134626Z is now earlier than 20260224T140000Z (20260224T141500Z - 15 min.)",
		  0, true, true, "it says so in its message" },
		{ "SignatureDoesNotMatch",
		  "Signature not yet current: 20260224T134626Z is still later than 20260224T133000Z (20260224T132500Z + 5 min.)",
		  0, true, true, "or so" },
		{ "SignatureDoesNotMatch", "The request signature we calculated does not match", NOW, false,
		  true, "the clocks agree" },
		{ "SignatureDoesNotMatch", "The request signature we calculated does not match", 0, false,
		  true, "SNS's clock is not known" },
		{ "SignatureDoesNotMatch", "…", NOW - 3 * MIN, false, true, "within what AWS allows" },
		{ "SignatureDoesNotMatch", "…", NOW - 6 * MIN, true, true, "we are late" },
		{ "SignatureDoesNotMatch", "…", NOW + 6 * MIN, true, true, "we are early" },
		{ "InvalidSignatureException", "…", NOW + 6 * MIN, true, true, "" },
		{ "ExpiredToken", "…", NOW + 60 * MIN, false, true, "whatever the clock says" },
		{ "AuthorizationError", "…", NOW + 60 * MIN, false, true,
		  "a role's sessions may be revoked" },
		{ "NotFound", "…", NOW + 60 * MIN, false, false, "no keys will help" },
		{ "KMSAccessDenied", "…", NOW, false, false, "no keys will help" },
		{ "InvalidParameter", "Invalid parameter: TopicArn", NOW, false, false, "no keys will help" },
		{ "Throttled", "…", NOW, false, false, "not refused" },
		{ "SomethingNew", "…", NOW + 60 * MIN, false, false, "who knows" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_answer a;
		char xml[1000];

		(void)snprintf(xml, sizeof xml, ERROR("Sender", "%s", "%s"), rows[i].code, rows[i].message);
		a = read_answer(403, xml);
		a.fault.answered_us = rows[i].answered_us;
		cr_expect_eq(sns_fault_blames_clock(&a.fault, NOW), rows[i].clock, "%s, %s: clock",
			     rows[i].code, rows[i].why);
		cr_expect_eq(sns_fault_blames_keys(&a.fault), rows[i].keys, "%s, %s: keys", rows[i].code,
			     rows[i].why);
	}
}

Test(sns_answer, keeps_the_message_of_a_fault)
{
	expect_text(read_answer(400, ERROR("Sender", "InvalidParameter", "a &lt; b &amp; \xc3\xa9"))
			    .fault.message,
		    "a < b & \xc3\xa9", "unescaped");
}

Test(sns_answer, gives_the_topic)
{
	static const char xml[] =
		"<CreateTopicResponse" NS
		"><CreateTopicResult><TopicArn>arn:aws:sns:us-east-1:123456789012:order-events"
		"</TopicArn></CreateTopicResult>" META "</CreateTopicResponse>";
	struct sns_answer a = read_answer(200, xml);

	expect_int(a.fault.rc, RC_OK, "created");
	expect_text(a.topic_arn, "arn:aws:sns:us-east-1:123456789012:order-events", "topic");
	expect_text(read_answer(200, PUBLISHED).topic_arn, "", "none");
}

Test(sns_answer, gives_a_topic_of_the_longest_name_whole)
{
	char name[257], arn[400], xml[1000];

	memset(name, 'x', 256);
	name[256] = '\0';
	(void)snprintf(arn, sizeof arn, "arn:aws-us-gov:sns:us-gov-west-1:123456789012:%s", name);
	(void)snprintf(
		xml, sizeof xml,
		"<CreateTopicResponse><CreateTopicResult><TopicArn>%s</TopicArn></CreateTopicResult></CreateTopicResponse>",
		arn);
	expect_text(read_answer(200, xml).topic_arn, arn, "topic");
}

#define FAILED(id, code, message, sender)                                                                    \
	"<member><Code>" code "</Code><Id>" id "</Id><Message>" message "</Message><SenderFault>" sender     \
	"</SenderFault></member>"
#define TAKEN(id)                                                                                            \
	"<member><MessageId>0b1d3a2e-0000-5000-8000-000000000000</MessageId><Id>" id "</Id></member>"
#define BATCH(failed, taken)                                                                                 \
	"<PublishBatchResponse" NS "><PublishBatchResult><Failed>" failed "</Failed><Successful>" taken      \
	"</Successful></PublishBatchResult>" META "</PublishBatchResponse>"

Test(sns_answer, judges_each_entry_of_a_batch)
{
	struct sns_answer a = read_answer(
		200, BATCH(FAILED("1", "InternalError", "again", "false")
				   FAILED("3", "InvalidParameter", "too long", "true")
					   FAILED("4", "SomethingNew", "theirs", "false")
						   FAILED("5", "SomethingNew", "ours", "true")
							   FAILED("6", "Throttled", "slower", "true"),
			   TAKEN("0") TAKEN("2") TAKEN("7") TAKEN("8") TAKEN("9")));
	static const struct {
		enum rc rc;
		const char *code, *message;
	} want[SNS_BATCH_MAX] = {
		[1] = { RC_SNS_DOWN, "InternalError", "again" },
		[3] = { RC_SNS_MESSAGE, "InvalidParameter", "too long" },
		[4] = { RC_SNS_DOWN, "SomethingNew", "theirs" },
		[5] = { RC_SNS_MESSAGE, "SomethingNew", "ours" },
		[6] = { RC_SNS_THROTTLED, "Throttled", "slower" },
	};

	expect_int(a.fault.rc, RC_OK, "the request as a whole");
	expect_int(a.taken, 1 << 0 | 1 << 2 | 1 << 7 | 1 << 8 | 1 << 9, "taken");
	for (size_t i = 0; i < SNS_BATCH_MAX; i++) {
		expect_int(a.entries[i].rc, want[i].rc, "entry");
		expect_text(a.entries[i].code, want[i].code ? want[i].code : "", "entry");
		expect_text(a.entries[i].message, want[i].message ? want[i].message : "", "entry");
	}
}

Test(sns_answer, takes_a_batch_in_any_order_and_empty_lists)
{
	static const char *const texts[] = {
		"<PublishBatchResponse><PublishBatchResult><Successful>" TAKEN("0")
			TAKEN("1") "</Successful><Failed/></PublishBatchResult>"
				   "</PublishBatchResponse>",
		"<PublishBatchResponse><PublishBatchResult><Successful>" TAKEN("0")
			TAKEN("1") "</Successful></PublishBatchResult>"
				   "</PublishBatchResponse>",
	};

	for (size_t i = 0; i < ROWS(texts); i++) {
		struct sns_answer a = read_answer(200, texts[i]);

		expect_int(a.fault.rc, RC_OK, texts[i]);
		expect_int(a.entries[0].rc, RC_OK, texts[i]);
		expect_int(a.entries[1].rc, RC_OK, texts[i]);
		expect_int(a.taken, 3, texts[i]);
	}
}

Test(sns_answer, ignores_entries_that_nobody_sent)
{
	static const char *const ids[] = { "10", "99999999999999999999", "-1", "x", "", "1x", " " };

	for (size_t i = 0; i < ROWS(ids); i++) {
		char xml[2000];
		struct sns_answer a;

		(void)snprintf(xml, sizeof xml, BATCH(FAILED("%s", "InternalError", "", "false"), TAKEN("0")),
			       ids[i]);
		a = read_answer(200, xml);
		for (size_t j = 0; j < SNS_BATCH_MAX; j++)
			expect_int(a.entries[j].rc, RC_OK, ids[i]);
		expect_int(a.taken, 1, ids[i]);
		(void)snprintf(xml, sizeof xml, BATCH("", TAKEN("%s")), ids[i]);
		expect_int(read_answer(200, xml).taken, 0, ids[i]);
	}
}

Test(sns_answer, does_not_mix_entries_up)
{
	/* The second has neither code nor message of its own. */
	struct sns_answer a = read_answer(
		200,
		BATCH(FAILED("0", "InvalidParameter", "first", "true") "<member><Id>1</Id></member>", ""));

	expect_int(a.entries[0].rc, RC_SNS_MESSAGE, "first");
	expect_int(a.entries[1].rc, RC_SNS_DOWN, "second");
	expect_text(a.entries[1].code, "", "second");
	expect_text(a.entries[1].message, "", "second");
}

Test(sns_answer, cuts_what_is_too_long)
{
	char text[3000], xml[8000];
	struct sns_answer a;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	(void)snprintf(xml, sizeof xml, ERROR("Sender", "%s", "%s"), text, text);
	a = read_answer(400, xml);
	expect_int(a.fault.rc, RC_SNS_REFUSED, "by its status");
	expect_int(strlen(a.fault.code), sizeof a.fault.code - 1, "code");
	expect_int(strlen(a.fault.message), sizeof a.fault.message - 1, "message");
}

Test(sns_answer, does_not_expand_entities_without_end)
{
	struct sns_answer a = read_answer(
		200,
		"<!DOCTYPE x [<!ENTITY a \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\">"
		"<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
		"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
		"<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">"
		"<!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\">"
		"<!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;\">]>"
		"<PublishResponse><MessageId>&f;</MessageId></PublishResponse>");

	expect_int(a.fault.rc, RC_SNS_DOWN, "given up");
}

#define LISTED(topics, next)                                                                                       \
	"<ListTopicsResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><ListTopicsResult><Topics>" topics \
	"</Topics>" next "</ListTopicsResult></ListTopicsResponse>"
#define TOPIC(name) "<member><TopicArn>arn:aws:sns:us-east-1:000000000000:" name "</TopicArn></member>"

Test(sns_answer, finds_a_topic_by_its_name)
{
	char long_token[3 * SNS_TEXT_SIZE] = "<NextToken>";
	static const struct {
		const char *xml, *arn, *next, *why;
	} rows[] = {
		{ LISTED(TOPIC("a") TOPIC("orders") TOPIC("z"), ""),
		  "arn:aws:sns:us-east-1:000000000000:orders", "", "among others" },
		{ LISTED(TOPIC("my-orders") TOPIC("orders-too") TOPIC("Orders"), ""), "", "",
		  "names that are like it" },
		{ LISTED("", "<NextToken>abc==</NextToken>"), "", "abc==", "more pages" },
		{ LISTED(TOPIC("orders"), "<NextToken>abc</NextToken>"),
		  "arn:aws:sns:us-east-1:000000000000:orders", "abc", "here, and more pages" },
		{ LISTED("<member><TopicArn>orders</TopicArn></member>", ""), "", "", "no ARN" },
		{ "<ListTopicsResponse>", "", "", "half an answer" },
		{ "", "", "", "none" },
	};
	char arn[SNS_TEXT_SIZE], next[SNS_TEXT_SIZE];

	for (size_t i = 0; i < ROWS(rows); i++) {
		expect_int(sns_answer_find_topic(rows[i].xml, strlen(rows[i].xml), "orders", arn, next),
			   *rows[i].arn != '\0', rows[i].why);
		expect_text(arn, rows[i].arn, rows[i].why);
		expect_text(next, rows[i].next, rows[i].why);
	}
	memset(long_token + 11, 'x', 2 * SNS_TEXT_SIZE);
	(void)strcat(long_token, "</NextToken>");
	expect_int(sns_answer_find_topic(long_token, strlen(long_token), "orders", arn, next), 0,
		   "a long token");
	expect_text(next, "", "a part of one is of no use");
}

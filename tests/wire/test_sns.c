/* What SNS is asked, and what is made of its answers, against a small server that answers as SNS does. */
#include "remote/sns.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/fastcgi.h"
#include "support/http.h"
#include "support/keys.h"
#include "support/test.h"

extern char **environ;

static void
sns_set_up(void)
{
	keys_set_up();
	(void)unsetenv("http_proxy");
}

TestSuite(sns, .init = sns_set_up, .fini = keys_tear_down, .timeout = 60);

#define EVENT(n)                                                                                             \
	{                                                                                                    \
		.id = "event-" #n, .order_id = n, .request_id = "r", .traceparent = "t", .email = "",        \
		.version = 2, .status = STATUS_CONFIRMED, .old_status = STATUS_PENDING                       \
	}

static const struct event events[] = { EVENT(1), EVENT(2), EVENT(3) };

#define SNS_ERROR(code, message)                                                                             \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message                    \
	"</Message></Error></ErrorResponse>"
#define FAILED(id, code)                                                                                     \
	"<member><Id>" id "</Id><Code>" code "</Code><SenderFault>true</SenderFault></member>"
#define TAKEN(id) "<member><Id>" id "</Id><MessageId>m</MessageId></member>"
#define BATCH(taken, failed)                                                                                 \
	"<PublishBatchResponse><PublishBatchResult><Successful>" taken "</Successful><Failed>" failed        \
	"</Failed></PublishBatchResult></PublishBatchResponse>"

static void
use_sns(void)
{
	scene.config.aws_region = "eu-central-1";
	scene.config.sns_url = server_url("");
	scene.config.topic_arn = "arn:aws:sns:eu-central-1:1:orders";
}

/* The same with keys of the environment. */
static struct sns *
open_sns(void)
{
	struct sns *sns;

	use_sns();
	scene.config.aws_access_key_id = "AKIAenv";
	scene.config.aws_secret_access_key = "secret/env";
	sns = sns_open(scene.ctx, &scene.config);
	cr_assert_not_null(sns);
	return sns;
}

Test(sns, is_asked_with_new_keys_when_it_calls_the_old_ones_expired)
{
	struct sns_fault results[SNS_BATCH_MAX], fault;
	struct sns *sns;
	size_t n = 1;

	use_container();
	use_sns();
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("old", NOW + 60 * MIN)) },
	     { TO("POST / ", 403, SNS_ERROR("ExpiredToken", "no")),
	       .needs = "x-amz-security-token: token+old==\r\n" });
	sns = sns_open(scene.ctx, &scene.config);
	cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_SNS_REFUSED);
	cr_expect_str_eq(fault.code, "ExpiredToken");
	cr_expect_not_null(strstr(server_request(scene.server, 1), "Credential=AKIAold/"));
	expect_asked(2, "container, SNS");

	clock_set_wall_us(NOW + 6 * S);
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("new", NOW + 60 * MIN)) },
	     { TO("POST / ", 200, "<PublishResponse/>"), .needs = "x-amz-security-token: token+new==\r\n" });
	cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_OK);
	cr_expect_eq(results[0].rc, RC_OK);
	cr_expect_not_null(strstr(server_request(scene.server, 1), "Credential=AKIAnew/"));
	cr_expect_not_null(strstr(server_request(scene.server, 1), "x-amz-security-token"));
	expect_asked(2, "container, SNS");
	talloc_free(sns);
}

Test(sns, does_not_have_keys_fetched_for_what_no_keys_can_help)
{
	static const struct {
		const char *answer, *code, *fields;
	} rows[] = {
		{ SNS_ERROR("NotFound", "Topic does not exist"), "NotFound", NULL },
		{ SNS_ERROR("KMSDisabled", "…"), "KMSDisabled", NULL },
		{ SNS_ERROR("RequestTimeTooSkewed", "…"), "RequestTimeTooSkewed", NULL },
		{ SNS_ERROR("SignatureDoesNotMatch",
			    "Signature expired: 20260224T134626Z is now earlier than …"),
		  "SignatureDoesNotMatch", NULL },
		{ SNS_ERROR("SignatureDoesNotMatch", "…"), "SignatureDoesNotMatch",
		  "Date: Tue, 24 Feb 2026 14:46:26 GMT\r\n" },
	};

	use_container();
	use_sns();
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault;
		size_t n = 1;
		struct sns *sns;

		clock_set_wall_us(NOW);
		SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("old", NOW + 60 * MIN)) },
		     { TO("POST / ", 403, rows[i].answer), .fields = rows[i].fields });
		sns = sns_open(scene.ctx, &scene.config);
		for (int again = 0; again < 2; again++) {
			cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault),
				     RC_SNS_REFUSED);
			cr_expect_str_eq(fault.code, rows[i].code);
			clock_set_wall_us(NOW + 6 * S);
		}
		expect_asked(3, "container, SNS, SNS");
		talloc_free(sns);
	}
}

Test(sns, tells_when_it_answered)
{
	static const struct {
		const char *fields;
		int64_t answered_us;
	} rows[] = {
		{ "Date: Tue, 24 Feb 2026 14:46:26 GMT\r\n", NOW + 60 * MIN },
		{ "date: Tue, 24 Feb 2026 13:46:26 GMT\r\n", NOW },
		{ "Date: yesterday\r\n", 0 },
		{ "Date: \r\n", 0 },
		{ NULL, 0 },
	};
	struct sns *sns = open_sns();

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault;
		size_t n = 1;

		SAYS(scene.server, { TO("POST / ", 403, SNS_ERROR("RequestTimeTooSkewed", "…")),
				     .fields = rows[i].fields });
		cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_SNS_REFUSED);
		cr_expect_eq(fault.answered_us, rows[i].answered_us, "row %zu: %lld", i,
			     (long long)fault.answered_us);
		cr_expect(sns_fault_blames_clock(&fault, NOW));
	}
}

Test(sns, that_does_not_like_the_topics_name_is_for_the_operator)
{
	struct sns_fault results[SNS_BATCH_MAX], fault;
	struct sns *sns;
	size_t n = 1;

	sns = open_sns();
	scene.config.topic_arn = NULL;
	scene.config.topic_name = "orders.fifo";
	sns = sns_open(scene.ctx, &scene.config);
	SAYS(scene.server,
	     { TO("POST / ", 400,
		  SNS_ERROR(
			  "InvalidParameter",
			  "Invalid parameter: Attributes Reason: Topic already exists with different attributes")) });
	cr_expect_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_SNS_REFUSED);
	cr_expect_eq(fault.rc, RC_SNS_REFUSED);
	cr_expect_not_null(strstr(server_request(scene.server, 0), "Action=CreateTopic"));
	expect_asked(1, "CreateTopic");
	SAYS(scene.server, { TO("POST / ", 403, "<html><body>Request blocked.</body></html>") });
	cr_expect_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_SNS_REFUSED);
	cr_expect_not(fault.unexplained, "no event was sent");
	expect_asked(1, "CreateTopic");
}

Test(sns, is_not_there_when_it_refuses_every_message_of_a_batch_for_no_fault_of_theirs)
{
	static const struct {
		const char *answer;
		enum rc rc;
		const char *why;
	} rows[] = {
		{ BATCH("", FAILED("0", "KMSDisabled") FAILED("1", "KMSDisabled") FAILED("2", "KMSDisabled")),
		  RC_SNS_REFUSED, "the topic's key" },
		{ BATCH("", FAILED("0", "Throttled") FAILED("1", "Throttled") FAILED("2", "Throttled")),
		  RC_SNS_THROTTLED, "throttled" },
		{ BATCH("", FAILED("0", "InternalError") FAILED("1", "InternalError")
				    FAILED("2", "InternalError")),
		  RC_OK, "it may be about these messages" },
		{ BATCH("", ""), RC_OK, "it says nothing of them" },
		{ BATCH(TAKEN("1"), FAILED("0", "Throttled") FAILED("2", "Throttled")), RC_OK,
		  "one was taken" },
		{ BATCH("",
			FAILED("0", "Throttled") FAILED("1", "InvalidParameter") FAILED("2", "Throttled")),
		  RC_OK, "one will never be" },
		{ BATCH("", FAILED("0", "InvalidParameter") FAILED("1", "InvalidParameter")
				    FAILED("2", "InvalidParameter")),
		  RC_OK, "each for itself" },
	};
	struct sns *sns = open_sns();

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault = { .rc = RC_OK };
		size_t n = 3;
		enum rc rc;

		SAYS(scene.server, { TO("POST / ", 200, rows[i].answer) });
		rc = sns_publish(sns, scene.ctx, events, &n, results, &fault);
		cr_expect_eq(rc, rows[i].rc, "%s: %d", rows[i].why, rc);
		cr_expect_eq(fault.rc, rows[i].rc, "%s: %d", rows[i].why, fault.rc);
		expect_asked(1, rows[i].why);
	}
}

Test(sns, is_sent_each_message_by_itself_when_it_refuses_the_batch)
{
	static const char *const codes[] = { "BatchRequestTooLong", "TooManyEntriesInBatchRequest",
					     "BatchEntryIdsNotDistinct", "InvalidParameter",
					     "ValidationException" };
	struct sns *sns = open_sns();

	for (size_t i = 0; i < ROWS(codes); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault;
		const char *refusal = text(SNS_ERROR("%s", "no"), codes[i]);
		size_t n = 3;

		SAYS(scene.server, { TO("POST / ", 400, refusal) });
		cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_OK, "%s", codes[i]);
		cr_expect_eq(n, 1, "%s: %zu", codes[i], n);
		cr_expect_eq(results[0].rc, RC_SNS_MESSAGE, "%s", codes[i]);
		cr_expect_not_null(strstr(server_request(scene.server, 0), "Action=PublishBatch&"));
		cr_expect_not_null(strstr(server_request(scene.server, 1), "Action=Publish&"));
		cr_expect_not_null(strstr(server_request(scene.server, 1), "order_id%22%3A1%2C"));
		expect_asked(2, codes[i]);
	}
}

Test(sns, is_sent_the_first_message_by_itself_when_it_does_not_say_what_it_refuses)
{
	static const struct {
		int status;
		const char *answer;
	} rows[] = {
		{ 403, "<html><body>Request blocked.</body></html>" },
		{ 400, SNS_ERROR("SomethingNew", "no") },
		{ 200, BATCH("", FAILED("0", "SomethingNew") FAILED("1", "SomethingNew")
					 FAILED("2", "SomethingNew")) },
	};
	struct sns *sns = open_sns();

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault = { .rc = RC_OK };
		bool is_batch = rows[i].status == 200;
		size_t n = 3;

		SAYS(scene.server, { TO("POST / ", rows[i].status, rows[i].answer) });
		cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault),
			     is_batch ? RC_OK : RC_SNS_REFUSED, "row %zu", i);
		cr_expect_eq(n, 1, "row %zu: %zu", i, n);
		cr_expect_eq(fault.unexplained, !is_batch, "row %zu", i);
		cr_expect_not_null(strstr(server_request(scene.server, 1), "Action=Publish&"));
		cr_expect_not_null(strstr(server_request(scene.server, 1), "order_id%22%3A1%2C"));
		expect_asked(2, rows[i].answer);
	}
}

Test(sns, is_told_group_and_deduplication_id_where_the_topic_is_a_FIFO_one)
{
	static const struct {
		const char *arn, *name;
		bool fifo;
	} rows[] = {
		{ "arn:aws:sns:eu-central-1:1:orders.fifo", NULL, true },
		{ "arn:aws:sns:eu-central-1:1:orders.fifo", "orders", true },
		{ NULL, "orders.fifo", true },
		{ "arn:aws:sns:eu-central-1:1:orders", "orders.fifo", false },
		{ NULL, "ordersfifo", false },
	};

	(void)open_sns();
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault;
		size_t sent = rows[i].arn ? 0 : 1; /* after CreateTopic */
		const char *request;
		struct sns *sns;

		scene.config.topic_arn = rows[i].arn;
		scene.config.topic_name = rows[i].name;
		sns = sns_open(scene.ctx, &scene.config);
		SAYS(scene.server,
		     { TO("POST / ", 200,
			  "<CreateTopicResponse><TopicArn>arn</TopicArn><Successful>" TAKEN("0") TAKEN("1")
				  TAKEN("2") "</Successful></CreateTopicResponse>") });
		for (size_t n = 1; n <= 3; n += 2)
			cr_assert_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_OK,
				     "row %zu", i);
		if (sent)
			cr_expect_eq(
				!strstr(server_request(scene.server, 0),
					"&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true"),
				!rows[i].fifo, "row %zu: %s", i, server_request(scene.server, 0));
		request = server_request(scene.server, (int)sent);
		cr_expect_eq(!strstr(request, "&MessageGroupId=1&MessageDeduplicationId=event-1"),
			     !rows[i].fifo, "row %zu: %s", i, request);
		request = server_request(scene.server, (int)sent + 1);
		for (int e = 0; e < 3; e++) {
			const char *entry = text(
				"&PublishBatchRequestEntries.member.%d.MessageGroupId=%d"
				"&PublishBatchRequestEntries.member.%d.MessageDeduplicationId=event-%d",
				e + 1, e + 1, e + 1, e + 1);

			cr_expect_eq(!strstr(request, entry), !rows[i].fifo, "row %zu: %s", i, request);
		}
		expect_asked((int)sent + 2, "all of it");
		talloc_free(sns);
	}
}

Test(sns, is_reached_through_a_proxy_unless_no_proxy_names_it)
{
	static const struct {
		const char *proxy, *no_proxy, *endpoint, *request; /* NULL: the server */
		const char *why;
	} rows[] = {
		{ NULL, NULL, "http://sns.example", "POST http://sns.example/ ", "through it" },
		{ NULL, "sts.example,.local", "http://sns.example", "POST http://sns.example/ ",
		  "another host" },
		{ "http://127.0.0.1:1", "127.0.0.1", NULL, "POST / ", "past it" },
		{ "http://127.0.0.1:1", "*", NULL, "POST / ", "nothing goes through it" },
	};
	struct sns *sns = open_sns();

	SAYS(scene.server, { TO("POST ", 200, "<PublishResponse/>") });
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sns_fault results[SNS_BATCH_MAX], fault;
		size_t n = 1;
		enum rc rc;

		(void)setenv("http_proxy", rows[i].proxy ? rows[i].proxy : server_url(""), 1);
		(void)unsetenv("no_proxy");
		if (rows[i].no_proxy)
			(void)setenv("no_proxy", rows[i].no_proxy, 1);
		scene.config.sns_url = rows[i].endpoint ? rows[i].endpoint : server_url("");
		rc = sns_publish(sns, scene.ctx, events, &n, results, &fault);
		cr_expect_eq(rc, RC_OK, "%s: %d %s", rows[i].why, rc, rc ? fault.message : "");
		cr_expect_eq(
			strncmp(server_request(scene.server, 0), rows[i].request, strlen(rows[i].request)), 0,
			"%s: %.60s", rows[i].why, server_request(scene.server, 0));
		expect_asked(1, rows[i].why);
	}
}

/* A TLS server, that answers a page, with a certificate that nobody vouches for. Ends with the test. */
static int
start_tls(void)
{
	char *key = text("%s/key.pem", scene.dir), *cert = text("%s/cert.pem", scene.dir);
	const char *const make[] = {
		"/usr/bin/openssl", "req",     "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
		"/CN=localhost",    "-keyout", key,	"-out",	   cert,       NULL
	};
	struct ran made = program_run(make, environ, NULL);
	int port = free_port();
	char *accept_at = text("127.0.0.1:%d", port);

	cr_assert_eq(made.status, 0, "%s", made.err);
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execl("/usr/bin/openssl", "openssl", "s_server", "-accept", accept_at, "-key", key,
			    "-cert", cert, "-www", "-quiet", NULL);
		_exit(127);
	}
	cr_assert(wait_until(10000, port_listens, &port));
	(void)unlink(key);
	(void)unlink(cert);
	return port;
}

Test(sns, has_to_prove_who_it_is)
{
	struct sns_fault results[SNS_BATCH_MAX], fault;
	struct sns *sns;
	size_t n = 1;

	clock_set_wall_us(-1);
	sns = open_sns();
	scene.config.sns_url = text("https://localhost:%d", start_tls());
	cr_expect_eq(sns_publish(sns, scene.ctx, events, &n, results, &fault), RC_SNS_DOWN);
	cr_expect_not_null(strstr(fault.message, "certificate"), "%s", fault.message);
}

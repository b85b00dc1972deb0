/* The topic that events go to: how it is found, one that is a FIFO topic, and what it refuses. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/moody.h"
#include "support/peer.h"

#define ORDERS "/api/v1/orders"

TestSuite(topic, .timeout = 120);

static struct arrived mail[EVENTS_MAX];

static bool
outbox_is_empty(const struct pool *p, int limit_ms)
{
	return pool_sql_becomes(p, "SELECT count(*) FROM orders.outbox", "0", limit_ms);
}

Test(topic, is_resolved_by_CreateTopic)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	struct peer_request first;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 1, .sns = sns.port });
	for (int i = 0; i < 3; i++)
		(void)place_order(&p, 9, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	first = peer_request(&sns, "/", 0);
	cr_expect(strstr(first.body, "Action=CreateTopic&") && strstr(first.body, text("&Name=%s", p.topic)),
		  "%s", first.body);
	for (int i = 1; i < peer_count(&sns, "/"); i++)
		cr_expect(strstr(peer_request(&sns, "/", i).body, "Action=Publish"), "%s",
			  peer_request(&sns, "/", i).body);
	cr_expect(events_wait(&p, 0, 3, 10000, mail) == 3);
	cr_expect(pool_stop(&p));
}

Test(topic, is_the_one_of_the_ARN_where_one_is_set)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	char *topic = text("arn-%d", (int)getpid());

	events_subscribe(topic, topic);
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){
		.workers = 1,
		.sns = sns.port,
		.settings = { text("SNS_TOPIC_ARN=arn:aws:sns:us-east-1:000000000000:%s", topic) } });
	(void)place_order(&p, 9, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	for (int i = 0; i < peer_count(&sns, "/"); i++)
		cr_expect(strstr(peer_request(&sns, "/", i).body, "Action=CreateTopic") == NULL);
	cr_expect(events_wait(&p, 0, 0, 0, mail) == 0, "the name is set too, and the ARN wins");
	(void)strcpy(p.queue, topic);
	cr_expect(events_wait(&p, 0, 1, 10000, mail) == 1);
	cr_expect(pool_stop(&p));
}

Test(topic, is_found_at_the_endpoint_for_SNS_where_one_is_set)
{
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 1,
		.sns = free_port(),
		.settings = { text("AWS_ENDPOINT_URL_SNS=http://127.0.0.1:%d/", events_port()) } });
	int64_t order_id = place_order(&p, 9, 3, 1);

	cr_expect(events_wait(&p, order_id, 1, 10000, mail) == 1);
	cr_expect(pool_stop(&p));
}

/* The orders' steps while SNS is down; all of their events are owed when it returns. */
static void
owe_events(const struct pool *p, struct peer *sns, int64_t *ids, int n)
{
	peer_set_down(sns, true);
	for (int i = 0; i < n; i++) {
		ids[i] = place_order(p, 9, 3, 1);
		lead_order(p, 9, ids[i], "delivered");
	}
}

/* Each event once, and none before the one that it follows. */
static void
expect_each_once(const struct pool *p, const int64_t *ids, int n, const char *why)
{
	cr_expect(outbox_is_empty(p, 30000), "%s: something is still owed", why);
	for (int i = 0; i < n; i++) {
		size_t arrived = events_wait(p, ids[i], 4, 10000, mail);

		cr_expect(arrived == 4, "%s: %zu events of order %lld", why, arrived, (long long)ids[i]);
		for (size_t e = 0; e < arrived; e++)
			cr_expect(mail[e].version == (int)e + 1, "%s: version %d of order %lld as number %zu",
				  why, mail[e].version, (long long)ids[i], e + 1);
	}
	cr_expect(events_wait(p, 0, 0, 0, mail) == 4 * (size_t)n, "%s: and nothing else", why);
}

/* How often the parameter of a batch's entries has this value. */
static int
count_groups(const struct peer_request *r, int64_t order_id)
{
	char *group = text("MessageGroupId=%lld&", (long long)order_id);
	int n = 0;

	for (const char *at = strstr(r->body, group); at; at = strstr(at + 1, group))
		n++;
	return n;
}

/* Batches go, of each of which SNS takes every other entry. */
Test(topic, gets_the_events_of_an_order_in_their_order_although_batches_are_taken_in_part)
{
	static const char *const names[] = { "a standard topic", "a FIFO topic" };

	for (size_t t = 0; t < 2; t++) {
		struct peer sns = peer_start(NULL);
		struct pool p;
		char *topic = text("part-%d%s", (int)getpid(), t ? ".fifo" : "");
		int64_t ids[6];
		int batches = 0;

		events_subscribe(topic, topic);
		PEER_ON(&sns, "/", .act = PEER_CALL, .handle = sns_answers_in_part, .forward = events_port());
		p = pool_start(&(const struct pool_options){
			.workers = 3,
			.sns = sns.port,
			.settings = { text("SNS_TOPIC_ARN=arn:aws:sns:us-east-1:000000000000:%s", topic) } });
		(void)strcpy(p.queue, topic);
		owe_events(&p, &sns, ids, 6);
		peer_set_down(&sns, false);
		expect_each_once(&p, ids, 6, names[t]);
		for (int i = 0; i < peer_count(&sns, "/"); i++) {
			struct peer_request r = peer_request(&sns, "/", i);

			batches += strstr(r.body, "Action=PublishBatch") != NULL;
			for (int o = 0; t && o < 6; o++)
				cr_expect(count_groups(&r, ids[o]) <= 1,
					  "two events of an order in one request: %s", r.body);
		}
		cr_expect(batches > 0, "%s: there was no batch", names[t]);
		cr_expect(pool_stop(&p));
	}
}

/* SNS has taken them, but nobody hears of it: they go again, under the same deduplication id. */
Test(topic, that_is_a_FIFO_one_passes_nothing_on_twice)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	char *topic = text("once-%d.fifo", (int)getpid());
	int64_t ids[3];
	int asked;

	events_subscribe(topic, topic);
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){
		.workers = 1, .sns = sns.port, .settings = { text("SNS_TOPIC_NAME=%s", topic) } });
	(void)strcpy(p.queue, topic);
	asked = peer_count(&sns, "/");
	PEER_ON(&sns, "/", .act = PEER_SWALLOW, .forward = events_port(), .times = 3);
	owe_events(&p, &sns, ids, 3);
	peer_set_down(&sns, false);
	cr_assert(peer_waits_for(&sns, "/", asked + 3, 20000));
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	expect_each_once(&p, ids, 3, "swallowed");
	cr_expect(pool_stop(&p));
}

#define POISON "poison@example.com"

/* SNS will never take this order's first event, nor a batch with it. */
static bool
refuse_poison(int fd, const struct peer_request *r, int forward)
{
	static const char refusal[] =
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n<ErrorResponse><Error>"
		"<Type>Sender</Type><Code>InvalidParameter</Code><Message>Invalid parameter: Message too long</Message>"
		"</Error></ErrorResponse>";

	if (strstr(r->body, "poison%40") && strstr(r->body, "Subject=order.created"))
		(void)send(fd, refusal, sizeof refusal - 1, MSG_NOSIGNAL);
	else
		(void)peer_forward(fd, r, forward);
	return false;
}

static int64_t
place_poison(const struct pool *p, int64_t user)
{
	struct answer a = ASK(p, .target = ORDERS, .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}",
			      .token = token_of_claims(
				      text("{\"sub\":\"%lld\",\"email\":\"" POISON "\"}", (long long)user)));

	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	return order_id_of(&a);
}

/* Alone and in batches, on topics of both kinds. */
Test(topic, that_will_never_take_a_message_has_it_parked_and_gets_all_others)
{
	for (int t = 0; t < 4; t++) {
		bool fifo = t & 1, batch = t & 2;
		struct peer sns = peer_start(NULL);
		struct pool p;
		char *topic = text("parked-%d-%d%s", (int)getpid(), t, fifo ? ".fifo" : "");
		int64_t poisoned, others[3];

		events_subscribe(topic, topic);
		PEER_ON(&sns, "/", .act = PEER_CALL, .handle = refuse_poison, .forward = events_port());
		p = pool_start(&(const struct pool_options){
			.workers = 2, .sns = sns.port, .settings = { text("SNS_TOPIC_NAME=%s", topic) } });
		(void)strcpy(p.queue, topic);
		peer_set_down(&sns, batch);
		poisoned = place_poison(&p, 9);
		cr_assert(change_order(&p, 9, poisoned, "confirmed").status == 200);
		for (int i = 0; i < 3; i++) {
			others[i] = place_order(&p, 9, 3, 1);
			lead_order(&p, 9, others[i], "delivered");
		}
		peer_set_down(&sns, false);
		cr_expect(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox WHERE parked_at IS NULL",
					   "0", 20000),
			  "row %d: something waits behind it", t);
		cr_expect_str_eq(
			pool_sql(&p,
				 "SELECT string_agg(order_id || ' ' || version || ' ' || last_error, ', ') "
				 "FROM orders.outbox"),
			text("%lld 1 InvalidParameter: Invalid parameter: Message too long",
			     (long long)poisoned));
		cr_expect(events_wait(&p, poisoned, 1, 10000, mail) == 1 && mail[0].version == 2, "row %d",
			  t);
		cr_assert(change_order(&p, 9, poisoned, "shipped").status == 200);
		cr_expect(events_wait(&p, poisoned, 2, 10000, mail) == 2 && mail[1].version == 3,
			  "row %d: what comes later", t);
		for (int i = 0; i < 3; i++)
			cr_expect(events_wait(&p, others[i], 4, 10000, mail) == 4, "row %d", t);
		cr_expect(pool_log_wait(&p, "\"event\":\"sns.parked\"", "Message too long", 5000) != NULL);
		cr_expect(pool_stop(&p));
	}
}

#define REFUSAL(code, message, fields)                                                                       \
	"HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\n" fields                                        \
	"Connection: close\r\n\r\n<ErrorResponse><Error><Type>Sender</Type><Code>" code                      \
	"</Code><Message>" message "</Message></Error><RequestId>1</RequestId></ErrorResponse>"

/* What only an operator can put right is said as what it is, parks nothing, and is over when it is over. */
Test(topic, that_refuses_tells_the_operator_why)
{
	static const struct {
		const char *bytes, *event, *text, *code;
	} rows[] = {
		{ REFUSAL("RequestTimeTooSkewed", "The difference is too large.",
			  "Date: Tue, 24 Feb 2026 13:46:26 GMT\r\n"),
		  "sns.clock", "\"aws_time\":\"2026-02-24T13:46:26.000000Z\"", "RequestTimeTooSkewed" },
		{ REFUSAL("SignatureDoesNotMatch",
			  "Signature expired: 20260224T134626Z is now earlier than 20260224T140000Z", ""),
		  "sns.clock", "\"local_time\":\"20", "Signature expired" },
		{ REFUSAL("SignatureDoesNotMatch", "It does not match.",
			  "Date: Tue, 24 Feb 2026 13:46:26 GMT\r\n"),
		  "sns.clock", "\"aws_time\":\"2026-02-24T13:46:26.000000Z\"", "SignatureDoesNotMatch" },
		{ REFUSAL("SignatureDoesNotMatch", "It does not match.", ""), "sns.refused",
		  "the keys are not valid", "SignatureDoesNotMatch" },
		{ REFUSAL("AuthorizationError", "User: x is not authorized to perform: SNS:Publish", ""),
		  "sns.refused", "needs sns:Publish", "not authorized to perform" },
		{ REFUSAL("KMSAccessDenied", "No access.", ""), "sns.refused", "kms:GenerateDataKey",
		  "KMSAccessDenied" },
		{ REFUSAL("InvalidParameter", "Invalid parameter: TopicArn Reason: Another region", ""),
		  "sns.refused", "compare SNS_TOPIC_ARN and AWS_REGION", "Another region" },
	};
	struct peer sns = peer_start(NULL);
	struct pool p;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 1, .sns = sns.port, .topic_arn = true });
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int asked = peer_count(&sns, "/");
		size_t told = strlen(pool_log(&p));
		int64_t order_id;
		const char *log;

		PEER_ON(&sns, "/", .act = PEER_CLOSE, .bytes = rows[i].bytes);
		order_id = place_order(&p, 9, 3, 1);
		cr_assert(peer_waits_for(&sns, "/", asked + 1, 10000), "%s", rows[i].code);
		cr_assert(
			pool_sql_becomes(
				&p,
				text("SELECT last_error LIKE '%%%s%%' FROM orders.outbox WHERE order_id = %lld",
				     rows[i].code, (long long)order_id),
				"t", 10000),
			"%s", rows[i].code);
		log = pool_log(&p) + told;
		log = strstr(log, text("\"event\":\"%s\"", rows[i].event));
		cr_assert(log != NULL, "%s: %s", rows[i].code, pool_log(&p) + told);
		log = text("%.*s", (int)strcspn(log, "\n"), log);
		cr_expect(strstr(log, rows[i].text) && strstr(log, rows[i].code), "%s: %s", rows[i].code,
			  log);
		PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
		cr_expect(events_wait(&p, order_id, 1, 15000, mail) == 1, "%s: it never came", rows[i].code);
	}
	cr_expect(outbox_is_empty(&p, 10000));
	cr_expect(pool_stop(&p));
}

/* What subscribers see in their queue, whatever SNS and the workers go through. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/moody.h"
#include "support/peer.h"
#include "support/relay.h"
#include "support/server.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct arrived mail[EVENTS_MAX];

static bool
outbox_is_empty(const struct pool *p, int limit_ms)
{
	return pool_sql_becomes(p, "SELECT count(*) FROM orders.outbox", "0", limit_ms);
}

Test(events, tell_of_a_new_order)
{
	struct pool *p = pool_shared();
	int64_t user = new_user();
	struct answer a = ASK(
		p, .target = ORDERS, .token = token_of(user),
		.body = "{\"items\":[{\"product_id\":3,\"quantity\":2},{\"product_id\":16,\"quantity\":1},{\"product_id\":24,\"quantity\":3}]}");

	cr_assert(a.status == 201);
	cr_assert(events_wait(p, order_id_of(&a), 1, 10000, mail) == 1);
	EXPECT_TEXT(
		mail[0].message,
		text("{\"event_id\":\"<uuid>\",\"event_type\":\"order.created\",\"timestamp\":\"%s\",\"data\":{\"order_id\":%lld,\"user_id\":%lld,"
		     "\"user_email\":\"user%lld@example.com\",\"total_amount\":95.75,\"items\":["
		     "{\"product_id\":3,\"product_name\":\"USB-C Hub\",\"quantity\":2,\"price\":45.50},"
		     "{\"product_id\":16,\"product_name\":\"Jalapeño Salsa 🌶\",\"quantity\":1,\"price\":4.75},"
		     "{\"product_id\":24,\"product_name\":\"Free Sample\",\"quantity\":3,\"price\":0.00}],\"status\":\"pending\",\"version\":1}}",
		     json_get(a.body, "created_at"), (long long)order_id_of(&a), (long long)user,
		     (long long)user));
}

Test(events, tell_of_every_step_in_order)
{
	static const char *const steps[] = { "pending", "confirmed", "shipped", "delivered" };
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	const char *changed[4];

	for (int i = 1; i < 4; i++)
		changed[i] = json_get(change_order(p, user, order_id, steps[i]).body, "updated_at");
	cr_assert(events_wait(p, order_id, 4, 10000, mail) == 4);
	for (int i = 1; i < 4; i++) {
		EXPECT_TEXT(
			mail[i].message,
			text("{\"event_id\":\"<uuid>\",\"event_type\":\"order.status.updated\",\"timestamp\":\"%s\",\"data\":{\"order_id\":%lld,"
			     "\"user_id\":%lld,\"user_email\":\"user%lld@example.com\",\"old_status\":\"%s\",\"new_status\":\"%s\","
			     "\"updated_by\":\"%lld\",\"version\":%d}}",
			     changed[i], (long long)order_id, (long long)user, (long long)user, steps[i - 1],
			     steps[i], (long long)user, i + 1));
		for (int j = 0; j < i; j++)
			cr_expect(strcmp(json_get(mail[i].message, "event_id"),
					 json_get(mail[j].message, "event_id")) != 0,
				  "one id twice");
	}
}

Test(events, bear_their_type_as_subject_and_attribute_and_the_requests_id_and_trace)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id;
	static const char *const types[] = { "order.created", "order.status.updated" };
	struct answer a = ASK(p, .target = ORDERS, .token = token_of(user),
			      .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}",
			      .fields = "X-Request-ID: first-1\r\ntraceparent: " TRACEPARENT "\r\n");

	cr_assert(a.status == 201);
	order_id = order_id_of(&a);
	(void)ASK(p, .method = "PATCH", .target = status_target(order_id), .token = token_of(user),
		  .body = "{\"status\":\"cancelled\"}",
		  .fields = "X-Request-ID: second-2\r\ntraceparent: " TRACEPARENT "\r\n");
	cr_assert(events_wait(p, order_id, 2, 10000, mail) == 2);
	for (int i = 0; i < 2; i++) {
		struct json_object *e = json_read(mail[i].body);

		EXPECT_TEXT(json_at(e, "Type"), "Notification");
		EXPECT_TEXT(json_at(e, "TopicArn"), text("arn:aws:sns:us-east-1:000000000000:%s", p->topic));
		EXPECT_TEXT(json_at(e, "Subject"), types[i]);
		EXPECT_TEXT(json_get(mail[i].message, "event_type"), types[i]);
		EXPECT_TEXT(json_at(e, "MessageAttributes.event_type.Type"), "String");
		EXPECT_TEXT(json_at(e, "MessageAttributes.event_type.Value"), types[i]);
		EXPECT_TEXT(json_at(e, "MessageAttributes.request_id.Value"), i ? "second-2" : "first-1");
		EXPECT_TEXT(json_at(e, "MessageAttributes.traceparent.Value"), TRACEPARENT);
	}
}

Test(events, go_to_the_address_that_the_order_was_placed_with)
{
	struct pool *p = pool_shared();
	int64_t user = new_user();
	static const struct {
		const char *claims, *address;
	} rows[] = {
		{ ",\"email\":\"first@example.com\"", "first@example.com" },
		{ "", "" },
		{ ",\"email\":\"\"", "" },
		{ ",\"email\":\"jos\\u00e9 \\\"x\\\" <j@example.com>\"",
		  "jos\xc3\xa9 \"x\" <j@example.com>" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = ASK(p, .target = ORDERS,
				      .token = token_of_claims(
					      text("{\"sub\":\"%lld\"%s}", (long long)user, rows[i].claims)),
				      .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}");
		int64_t order_id = order_id_of(&a);

		cr_assert(a.status == 201, "%s: %d %s", rows[i].claims, a.status, a.body);
		(void)ASK(p, .method = "PATCH", .target = status_target(order_id),
			  .body = "{\"status\":\"confirmed\"}",
			  .token = token_of_claims(text("{\"sub\":\"%lld\",\"email\":\"later@example.com\"}",
							(long long)user)));
		cr_assert(events_wait(p, order_id, 2, 10000, mail) == 2, "%s", rows[i].claims);
		EXPECT_TEXT(json_get(mail[0].message, "data.user_email"), rows[i].address);
		EXPECT_TEXT(json_get(mail[1].message, "data.user_email"), rows[i].address);
	}
}

Test(events, are_not_held_back_when_the_next_change_races_with_publishing)
{
	struct pool p = pool_start(&(const struct pool_options){ .workers = 3 });

	for (int round = 0; round < 40; round++) {
		int64_t order_id = place_order(&p, 9, 3, 1);

		cr_assert(change_order(&p, 9, order_id, "confirmed").status == 200);
	}
	cr_expect(outbox_is_empty(&p, 4000), "%s are still waiting",
		  pool_sql(&p, "SELECT count(*) FROM orders.outbox"));
	cr_expect(events_wait(&p, 0, 80, 5000, mail) == 80);
	cr_expect(pool_stop(&p));
}

Test(events, say_who_made_the_change)
{
	struct pool *p = pool_shared();
	int64_t owner = new_user(), staff = new_user(), order_id = place_order(p, owner, 3, 1);
	struct answer a = ASK(p, .method = "PATCH", .target = status_target(order_id),
			      .token = token_of_staff(staff), .body = "{\"status\":\"confirmed\"}");

	cr_assert(a.status == 200);
	cr_assert(events_wait(p, order_id, 2, 10000, mail) == 2);
	EXPECT_TEXT(json_get(mail[1].message, "data.updated_by"), text("%lld", (long long)staff));
	EXPECT_TEXT(json_get(mail[1].message, "data.user_id"), text("%lld", (long long)owner));
	EXPECT_TEXT(json_get(mail[1].message, "data.user_email"),
		    text("user%lld@example.com", (long long)owner));
}

Test(events, are_not_made_by_what_changes_nothing)
{
	struct pool p = pool_start(&(const struct pool_options){ .workers = 1 });
	int64_t order_id = place_order(&p, 9, 3, 1);

	(void)change_order(&p, 9, order_id, "delivered");
	(void)change_order(&p, 9, order_id, "done");
	(void)change_order(&p, 8, order_id, "confirmed");
	(void)ASK(&p, .target = ORDERS, .token = token_of(9),
		  .body = "{\"items\":[{\"product_id\":27,\"quantity\":1}]}");
	(void)ASK(&p, .target = order_target(order_id), .token = token_of(9));
	(void)change_order(&p, 9, order_id, "cancelled");
	cr_expect(outbox_is_empty(&p, 10000));
	cr_expect(events_wait(&p, 0, 2, 10000, mail) == 2, "created and cancelled");
	cr_expect(events_wait(&p, 0, 0, 0, mail) == 2, "and nothing else");
	cr_expect(pool_stop(&p));
}

/* Orders and changes while SNS misbehaves: quick, and all of their events arrive in order once it is well. */
static void
expect_undelayed(const struct pool *p, int64_t ids[3])
{
	for (int i = 0; i < 3; i++) {
		int64_t started = now_ms();

		ids[i] = place_order(p, 9, 3, 1);
		cr_expect(now_ms() - started < 1000, "an order took %lld ms",
			  (long long)(now_ms() - started));
		started = now_ms();
		lead_order(p, 9, ids[i], "delivered");
		cr_expect(now_ms() - started < 3000, "three steps took %lld ms",
			  (long long)(now_ms() - started));
	}
}

static void
expect_all_in_order(const struct pool *p, const int64_t ids[3], int limit_ms)
{
	cr_expect(outbox_is_empty(p, limit_ms), "something is still owed");
	for (int i = 0; i < 3; i++) {
		size_t n = events_wait(p, ids[i], 4, 10000, mail), more;
		int version = 1;

		while ((more = events_wait(p, ids[i], 0, 0, mail)) > n) /* repeats */
			n = more;
		for (size_t e = 0; e < n; e++) { /* a repeat may come, but nothing may be overtaken */
			cr_expect(mail[e].version <= version, "version %d after %d", mail[e].version,
				  version - 1);
			version += mail[e].version == version;
		}
		cr_expect(version == 5, "version %d of order %lld never came", version, (long long)ids[i]);
	}
}

Test(events, arrive_when_SNS_is_back_after_it_was_down, .timeout = 60)
{
	struct relay sns = relay_start(events_port());
	struct pool p = pool_start(&(const struct pool_options){ .workers = 3, .sns = sns.port });
	int64_t ids[3];

	relay_set(&sns, RELAY_DOWN);
	expect_undelayed(&p, ids);
	cr_expect(pool_log_wait(&p, "\"event\":\"sns.unavailable\"", "", 10000) != NULL);
	cr_expect(events_wait(&p, 0, 0, 0, mail) == 0);
	relay_set(&sns, RELAY_UP);
	expect_all_in_order(&p, ids, 20000);
	cr_expect(pool_stop(&p));
}

Test(events, arrive_when_SNS_was_down_since_the_start, .timeout = 60)
{
	struct relay sns = relay_start(events_port());
	struct pool p;
	int64_t ids[3];

	relay_set(&sns, RELAY_DOWN);
	p = pool_start(&(const struct pool_options){ .workers = 3, .sns = sns.port });
	expect_undelayed(&p, ids);
	relay_set(&sns, RELAY_UP);
	expect_all_in_order(&p, ids, 20000);
	cr_expect(pool_stop(&p));
}

Test(events, do_not_delay_requests_when_SNS_hangs, .timeout = 60)
{
	struct relay sns = relay_start(events_port());
	struct pool p = pool_start(&(const struct pool_options){ .workers = 3, .sns = sns.port });
	int64_t ids[3];

	(void)place_order(&p, 8, 3, 1); /* the topic is known, a connection is kept */
	cr_assert(outbox_is_empty(&p, 10000));
	relay_set(&sns, RELAY_FROZEN);
	expect_undelayed(&p, ids);
	relay_set(&sns, RELAY_UP);
	expect_all_in_order(&p, ids, 20000);
	cr_expect(pool_stop(&p));
}

Test(events, have_the_answer_on_its_way_before_they_are)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	struct answer a;
	int64_t order_id;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port(), .delay_ms = 1200);
	p = pool_start(&(const struct pool_options){ .workers = 1, .sns = sns.port });
	a = ASK(&p, .target = ORDERS, .token = token_of(9),
		.body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}");
	cr_assert(a.status == 201);
	cr_expect(a.ms < 1000, "it waited for SNS: %lld ms", (long long)a.ms);
	order_id = order_id_of(&a);
	cr_expect(events_wait(&p, order_id, 1, 20000, mail) >= 1);
	cr_expect(pool_stop(&p));
}

#define SNS_ERROR(status, code)                                                                              \
	"HTTP/1.1 " status "\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n<ErrorResponse "          \
	"xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>" code           \
	"</Code><Message>No.</Message></Error><RequestId>1</RequestId></ErrorResponse>"

Test(events, survive_every_way_in_which_SNS_refuses, .timeout = 90)
{
	static const struct {
		struct peer_rule rule;
		const char *reason;
	} rows[] = {
		{ { .act = PEER_CLOSE, .bytes = SNS_ERROR("500 Internal Server Error", "InternalError") },
		  "500" },
		{ { .act = PEER_CLOSE, .bytes = SNS_ERROR("503 Service Unavailable", "ServiceUnavailable") },
		  "503" },
		{ { .act = PEER_CLOSE, .bytes = SNS_ERROR("400 Bad Request", "Throttling") }, "throttling" },
		{ { .act = PEER_CLOSE, .bytes = SNS_ERROR("403 Forbidden", "AuthorizationError") },
		  "no permission" },
		{ { .act = PEER_CLOSE, .bytes = SNS_ERROR("403 Forbidden", "InvalidClientTokenId") },
		  "bad credentials" },
		{ { .act = PEER_CLOSE, .bytes = SNS_ERROR("403 Forbidden", "ExpiredToken") },
		  "expired credentials" },
		{ { .act = PEER_CLOSE, .bytes = "HTTP/1.1 200 OK\r\n\r\n<html>a captive portal</html>" },
		  "200 that is none" },
		{ { .act = PEER_CLOSE,
		    .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<PublishResponse" },
		  "an answer cut short" },
		{ { .act = PEER_RESET }, "a reset" },
		{ { .act = PEER_CLOSE, .bytes = "220 mail.example ESMTP\r\n" }, "another protocol" },
	};
	struct peer sns = peer_start(NULL);
	struct pool p;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 1, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t order_id, started = now_ms();
		int asked = peer_count(&sns, "/");
		struct peer_rule rule = rows[i].rule;

		rule.times = 1;
		peer_on(&sns, "/", &rule);
		order_id = place_order(&p, 9, 3, 1);
		cr_expect(now_ms() - started < 1000, "%s: %lld ms", rows[i].reason,
			  (long long)(now_ms() - started));
		cr_assert(peer_waits_for(&sns, "/", asked + 1, 10000), "%s", rows[i].reason);
		PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
		cr_expect(events_wait(&p, order_id, 1, 15000, mail) == 1, "%s: it never came",
			  rows[i].reason);
		cr_expect(outbox_is_empty(&p, 10000), "%s", rows[i].reason);
	}
	cr_expect(pool_stop(&p));
}

Test(events, arrive_although_the_worker_was_killed_between_commit_and_publish, .timeout = 60)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	pid_t pids[POOL_PIDS];
	int64_t order_id, committed;
	size_t n;

	NEEDS(POOL_IS_FULL);
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 2, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	PEER_ON(&sns, "/", .act = PEER_HANG);
	order_id = place_order(&p, 9, 3, 1);
	committed = now_ms();
	cr_assert(peer_waits_for(&sns, "/", 3, 5000), "it is being published");
	for (int i = pool_pids(&p, "orders.fcgi", pids); i > 0; i--)
		(void)kill(pids[i - 1], SIGKILL);
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	cr_expect(pool_has_workers(&p, 2, 10000));
	n = events_wait(&p, order_id, 1, 20000, mail);
	cr_expect(n == 1, "%zu events", n);
	cr_expect(now_ms() - committed < 15000, "%lld ms after the commit",
		  (long long)(now_ms() - committed));
	cr_expect(outbox_is_empty(&p, 10000));
	cr_expect(pool_stop(&p));
}

Test(events, are_the_same_in_every_redelivery, .timeout = 60)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	int64_t order_id;
	size_t n;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 1, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	PEER_ON(&sns, "/", .act = PEER_SWALLOW, .forward = events_port(),
		.times = 1); /* taken, but nobody hears of it */
	order_id = place_order(&p, 9, 3, 1);
	cr_assert(peer_waits_for(&sns, "/", 3, 5000));
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	n = events_wait(&p, order_id, 2, 20000, mail);
	cr_assert(n == 2, "%zu events", n);
	cr_expect_str_eq(mail[0].message, mail[1].message);
	cr_expect(outbox_is_empty(&p, 10000));
	cr_expect(pool_stop(&p));
}

/* Which entry of a recorded PublishBatch is about this order; -1: none. */
static int
entry_of(const struct peer_request *r, int64_t order_id)
{
	char *wanted = text("%%22order_id%%22%%3A%lld%%2C", (long long)order_id);

	for (int n = 1; n <= 10; n++) {
		char *message = strstr(r->body, text("member.%d.Message=", n));
		size_t len = message ? strcspn(message, "&") : 0;

		if (message && strstr(text("%.*s", (int)len, message), wanted))
			return n - 1;
	}
	return -1;
}

/* One worker gathers while others wait, and their requests are long gone when it sends. */
Test(events, that_were_gathered_bear_the_reason_and_note_of_their_own_change)
{
	static const char *const reasons[] = {
		"customer", "declined", "fraud", "inventory", "staff", "other"
	};
	struct pool p = pool_start(&(const struct pool_options){ .workers = 1 });
	int64_t ids[6];
	struct exchange x[6];

	for (int i = 0; i < 6; i++)
		ids[i] = place_order(&p, 9, 3, 1);
	for (int i = 0; i < 6; i++)
		x[i] = ask_send(p.port, &(const struct ask){
						.method = "PATCH",
						.target = status_target(ids[i]),
						.token = token_of(9),
						.body = text("{\"status\":\"cancelled\",\"reason\":\"%s\","
							     "\"note\":\"%0200d\"}",
							     reasons[i], i) });
	for (int i = 0; i < 6; i++)
		cr_assert(ask_receive(&x[i], 10000).status == 200);
	for (int i = 0; i < 6; i++) {
		cr_assert(events_wait(&p, ids[i], 2, 15000, mail) == 2);
		EXPECT_TEXT(json_get(mail[1].message, "data.reason"), reasons[i]);
		EXPECT_TEXT(json_get(mail[1].message, "data.note"), text("%0200d", i));
	}
	cr_expect(pool_stop(&p));
}

Test(events, are_judged_one_by_one_when_a_batch_is_taken_in_part, .timeout = 60)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	int64_t ids[3];
	struct peer_request batch;
	int asked;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 1, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	peer_set_down(&sns, true);
	for (int i = 0; i < 3; i++)
		ids[i] = place_order(&p, 9, 3, 1);
	asked = peer_count(&sns, "/");
	/* Entry 0 is taken (which we only say), 1 is to be tried again, 2 never. */
	PEER_ON(&sns, "/", .act = PEER_CLOSE, .times = 1,
		.bytes =
			"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n"
			"<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>"
			"<Successful><member><Id>0</Id><MessageId>5e3a1b4c-0000-4000-8000-000000000001</MessageId></member></Successful>"
			"<Failed><member><Id>1</Id><Code>InternalError</Code><Message>Try again.</Message><SenderFault>false</SenderFault></member>"
			"<member><Id>2</Id><Code>InvalidParameter</Code><Message>Never.</Message><SenderFault>true</SenderFault></member></Failed>"
			"</PublishBatchResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishBatchResponse>");
	peer_set_down(&sns, false);
	cr_assert(peer_waits_for(&sns, "/", asked + 1, 15000));
	batch = peer_request(&sns, "/", asked);
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	cr_assert(strstr(batch.body, "Action=PublishBatch"), "%.200s", batch.body);
	for (int i = 0; i < 3; i++) {
		int entry = entry_of(&batch, ids[i]);

		cr_assert(entry >= 0, "order %lld is not in the batch", (long long)ids[i]);
		if (entry == 1)
			cr_expect(events_wait(&p, ids[i], 1, 15000, mail) == 1, "what failed is tried again");
		if (entry == 2)
			cr_expect(pool_sql_becomes(
				&p,
				text("SELECT parked_at IS NOT NULL AND last_error LIKE '%%InvalidParameter%%' "
				     "FROM orders.outbox WHERE order_id = %lld",
				     (long long)ids[i]),
				"t", 10000));
		if (entry == 2) { /* and does not hold up what comes after it */
			cr_assert(change_order(&p, 9, ids[i], "confirmed").status == 200);
			cr_expect(events_wait(&p, ids[i], 1, 15000, mail) == 1 && mail[0].version == 2);
		}
	}
	cr_expect(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox WHERE parked_at IS NULL", "0",
				   10000));
	for (int i = 0; i < 3; i++)
		if (entry_of(&batch, ids[i]) == 0)
			cr_expect(events_wait(&p, ids[i], 0, 0, mail) == 0,
				  "what was taken is not sent again");
	cr_expect(pool_stop(&p));
}

#define CHILLI 16

/* Others are sent, too: then it is clear that SNS refuses this one alone. */
static void
hurry(const struct pool *p, int64_t order_id)
{
	(void)place_order(p, 9, 3, 1);
	(void)pool_sql(p, text("UPDATE orders.outbox SET next_attempt_at = now() WHERE order_id = %lld",
			       (long long)order_id));
}

static bool
is_sent_again(void *arg)
{
	const struct pool *p = arg;
	struct exchange x[6];

	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		x[i] = ask_send(p->port, &(const struct ask){
						 .target = ORDERS,
						 .token = token_of(9),
						 .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}" });
	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		cr_expect_eq(ask_receive(&x[i], 10000).status, 201);
	return strcmp(pool_sql(p, "SELECT count(*) FROM orders.outbox WHERE user_id = 8"), "0") == 0;
}

/* All the time somebody sends what he has made himself. */
Test(events, that_were_left_over_are_swept_beside_a_slow_SNS, .timeout = 60)
{
	struct peer sns = peer_start(NULL);
	struct pool p;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port(), .delay_ms = 400);
	p = pool_start(&(const struct pool_options){ .workers = 4, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	(void)pool_sql(
		&p,
		"INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at) "
		"SELECT user_id, id, 1, 'left', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', now() "
		"FROM orders.orders WHERE user_id = 8");
	cr_expect(wait_until(6000, is_sent_again, &p), "it starves");
	cr_expect(pool_stop(&p));
}

Test(events, are_not_held_up_by_one_that_is_refused_without_a_reason, .timeout = 60)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	int64_t ids[12], blocked;
	const char *parked;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 4, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	peer_set_down(&sns, true);
	blocked = place_order(&p, 9, CHILLI, 1);
	for (int i = 0; i < 12; i++)
		ids[i] = place_order(&p, 9, 3, 1);
	PEER_ON(&sns, "/", .act = PEER_CALL, .handle = sns_is_behind_a_censor, .forward = events_port());
	peer_set_down(&sns, false);
	for (int i = 0; i < 12; i++)
		cr_expect(events_wait(&p, ids[i], 1, 15000, mail) == 1, "%d was held up", i);
	parked = text("SELECT parked_at IS NOT NULL AND last_error = 'not an answer of SNS' "
		      "FROM orders.outbox WHERE order_id = %lld",
		      (long long)blocked);
	cr_expect_str_eq(pool_sql(&p, parked), "f", "not at once");
	for (int i = 0; i < 12 && strcmp(pool_sql(&p, parked), "t") != 0; i++) {
		hurry(&p, blocked);
		(void)pool_sql_becomes(&p,
				       text("SELECT count(*) FROM orders.outbox WHERE order_id <> %lld "
					    "OR parked_at IS NULL AND next_attempt_at <= now()",
					    (long long)blocked),
				       "0", 3000);
	}
	cr_expect_str_eq(pool_sql(&p, parked), "t", "but in the end");
	cr_assert(change_order(&p, 9, blocked, "confirmed").status == 200);
	cr_expect(events_wait(&p, blocked, 1, 15000, mail) == 1 && mail[0].version == 2,
		  "and the next goes on");
	cr_expect(pool_stop(&p));
}

/* Then it is SNS that is not to be tried, and no event is to blame. */
Test(events, wait_for_SNS_while_it_refuses_all_of_them_without_a_reason, .timeout = 60)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	int64_t ids[3];
	int asked;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 2, .sns = sns.port });
	(void)place_order(&p, 8, 3, 1);
	cr_assert(outbox_is_empty(&p, 10000));
	asked = peer_count(&sns, "/");
	PEER_ON(&sns, "/", .act = PEER_CLOSE,
		.bytes = "HTTP/1.1 403 Forbidden\r\n\r\n<html>Not today.</html>");
	expect_undelayed(&p, ids);
	cr_assert(peer_waits_for(&sns, "/", asked + 15, 30000));
	cr_expect_str_eq(pool_sql(&p, "SELECT count(*) FROM orders.outbox WHERE parked_at IS NOT NULL"), "0");
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	expect_all_in_order(&p, ids, 20000);
	cr_expect(pool_stop(&p));
}

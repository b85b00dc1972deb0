/* Events that are owed to SNS. */
#include "db.h"

TestSuite(outbox, .init = open_db, .fini = close_db);

#define DUE "UPDATE orders.outbox SET next_attempt_at = now() - interval '1 second'"

struct claim {
	struct event *events;
	int *attempts;
	size_t n;
};

static struct claim
claim(int max, int lease_ms)
{
	struct claim c = { .n = 99 };

	cr_assert_eq(store_claim_due(db.pg, db.ctx, max, lease_ms, &c.events, &c.attempts, &c.n), RC_OK);
	return c;
}

static void
settle(const struct claim *c, struct failure failure)
{
	struct failure failures[20];

	for (size_t i = 0; i < c->n; i++)
		failures[i] = failure;
	cr_assert_eq(store_settle_events(db.pg, db.ctx, c->events, failures, c->n), RC_OK);
}

static const struct failure taken = { NULL, 0 };

Test(outbox, holds_back_what_its_creator_has_leased)
{
	int64_t id = create(9, 60000);

	cr_expect_eq(claim(10, 60000).n, 0);
	cr_expect_str_eq(
		sql("SELECT count(*) FROM orders.outbox WHERE next_attempt_at BETWEEN now() + interval '50 s' AND now() + interval '61 s'"),
		"1");
	(void)sql(DUE); /* the lease is over */
	cr_expect_eq(claim(10, 60000).events[0].order_id, id);
}

Test(outbox, gives_an_event_with_all_that_it_says)
{
	struct item items[] = {
		{ .product_id = 7,
		  .product_name = "\"quoted\", {x}",
		  .price = { 1 },
		  .subtotal = { 3 },
		  .quantity = 3 },
		{ .product_id = INT64_MAX,
		  .product_name = "USB-C Hub",
		  .price = { 4550 },
		  .subtotal = { 9100 },
		  .quantity = 2 },
	};
	struct order o = {
		.user_id = 9, .email = "u\"'\\@b", .version = 1, .total = { 9103 }, .n = 2, .items = items
	};
	struct change c = change_by(9, "key", "x"), step = change_by(1, "step", "x");
	struct changed made;
	struct claim got;
	const struct event *e;

	c.lease_ms = 0;
	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	got = claim(10, 60000);
	cr_assert_eq(got.n, 1);
	e = &got.events[0];
	cr_expect_eq(got.attempts[0], 1);
	cr_expect_str_eq(e->id, c.event_id);
	cr_expect(e->user_id == 9 && e->order_id == made.order.id && e->version == 1 && e->changed_by == 9);
	cr_expect_eq(e->at_us, made.order.created_us);
	cr_expect_str_eq(e->request_id, "request-1");
	cr_expect_str_eq(e->traceparent, TRACEPARENT);
	cr_expect_str_eq(e->email, "u\"'\\@b");
	cr_expect_eq(e->status, STATUS_PENDING);
	expect_money(e->total, 9103, "total");
	cr_assert_eq(e->n, 2);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(e->items[i].product_id, items[i].product_id);
		cr_expect_str_eq(e->items[i].product_name, items[i].product_name);
		cr_expect_eq(e->items[i].price.cents, items[i].price.cents);
		cr_expect_eq(e->items[i].quantity, items[i].quantity);
	}
	settle(&got, taken);

	step.lease_ms = 0;
	cr_assert_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made),
		     RC_OK);
	got = claim(10, 60000);
	cr_assert_eq(got.n, 1);
	e = &got.events[0];
	cr_expect_str_eq(e->id, step.event_id);
	cr_expect(e->user_id == 9 && e->version == 2 && e->changed_by == 1 && e->n == 0);
	cr_expect(e->old_status == STATUS_PENDING && e->status == STATUS_CONFIRMED);
	cr_expect_eq(e->at_us, made.order.updated_us);
	cr_expect_str_eq(e->email, "u\"'\\@b");
}

Test(outbox, tells_of_an_old_change_what_it_was)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct claim got = claim(10, 60000);

	settle(&got, taken);
	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 60000, &made), RC_OK);
	cr_assert_eq(lead(9, id, STATUS_SHIPPED, 60000, &made), RC_OK);
	(void)sql(DUE);
	got = claim(10, 60000);
	cr_assert_eq(got.n, 1);
	cr_expect_eq(got.events[0].status, STATUS_CONFIRMED, "not the status that the order has by now");
}

Test(outbox, leases_what_is_claimed)
{
	struct claim first, again;

	(void)create(9, 0);
	first = claim(10, 60000);
	cr_assert_eq(first.n, 1);
	cr_expect_eq(claim(10, 60000).n, 0, "it is somebody's");
	(void)sql(DUE);
	again = claim(10, 60000);
	cr_assert_eq(again.n, 1, "who has died");
	cr_expect_eq(again.attempts[0], 2);
	cr_expect_str_eq(again.events[0].id, first.events[0].id, "the same in every redelivery");
}

Test(outbox, gives_the_oldest_first_and_no_more_than_wanted)
{
	int64_t ids[5];
	struct claim got;

	for (size_t i = 0; i < ROWS(ids); i++) {
		ids[i] = create(9 + (int64_t)i % 2, 0);
		(void)sql(
			"UPDATE orders.outbox SET next_attempt_at = now() - interval '%zu s' WHERE order_id = %lld",
			i * 7 % 5 + 1, (long long)ids[i]);
	}
	got = claim(3, 60000); /* ages 1, 3, 5, 2, 4 s */
	cr_assert_eq(got.n, 3);
	cr_expect(got.events[0].order_id == ids[2] && got.events[1].order_id == ids[4] &&
		  got.events[2].order_id == ids[1]);
	got = claim(3, 60000);
	cr_assert_eq(got.n, 2);
	cr_expect(got.events[0].order_id == ids[3] && got.events[1].order_id == ids[0]);
}

Test(outbox, gives_only_the_head_of_an_order)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct claim got;

	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 0, &made), RC_OK);
	cr_expect(made.event_waits, "its predecessor is owed");
	cr_assert_eq(lead(9, id, STATUS_SHIPPED, 0, &made), RC_OK);
	cr_expect(made.event_waits);
	for (int version = 1; version <= 3; version++) {
		(void)sql(DUE);
		got = claim(10, 60000);
		cr_assert_eq(got.n, 1, "version %d", version);
		cr_expect_eq(got.events[0].version, version);
		cr_expect_eq(got.attempts[0], 1, "who was put off has not been tried");
		cr_expect_eq(claim(10, 60000).n, 0);
		settle(&got, taken);
	}
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "0");
}

Test(outbox, wakes_the_successor_of_what_was_sent)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct claim got;

	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 60000, &made), RC_OK);
	got = claim(10, 60000);
	cr_assert_eq(got.n, 1);
	settle(&got, taken);
	got = claim(10, 60000); /* at once, not when a lease is over */
	cr_assert_eq(got.n, 1);
	cr_expect_eq(got.events[0].version, 2);
}

Test(outbox, does_not_wait_for_what_was_sent_already)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct claim got = claim(10, 60000);

	settle(&got, taken);
	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 60000, &made), RC_OK);
	cr_expect_not(made.event_waits, "it is the caller's own to send");
	cr_expect_eq(claim(10, 60000).n, 0);
}

Test(outbox, puts_a_failure_off)
{
	struct claim got;

	(void)create(9, 0);
	got = claim(10, 60000);
	settle(&got, (struct failure){ "Throttled: \"slower\", {please}\\", 30000 });
	cr_expect_eq(claim(10, 60000).n, 0);
	cr_expect_str_eq(sql("SELECT last_error FROM orders.outbox"), "Throttled: \"slower\", {please}\\");
	cr_expect_str_eq(
		sql("SELECT next_attempt_at BETWEEN now() + interval '25 s' AND now() + interval '30 s' FROM orders.outbox"),
		"t");
	(void)sql(DUE);
	got = claim(10, 60000);
	cr_assert_eq(got.n, 1);
	cr_expect_eq(got.attempts[0], 2);
	settle(&got, (struct failure){ "again", 0 });
	cr_expect_eq(claim(10, 60000).n, 1, "no delay is none");
}

Test(outbox, parks_what_will_never_be_taken_and_lets_the_next_go_on)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct claim got;

	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 60000, &made), RC_OK);
	got = claim(10, 60000);
	settle(&got, (struct failure){ "InvalidParameter: too long", -1 });
	cr_expect_str_eq(
		sql("SELECT concat_ws(' ', version, parked_at IS NOT NULL, last_error) FROM orders.outbox WHERE version = 1"),
		"1 t InvalidParameter: too long");
	got = claim(10, 60000);
	cr_assert_eq(got.n, 1);
	cr_expect_eq(got.events[0].version, 2);
	settle(&got, taken);
	(void)sql(DUE);
	cr_expect_eq(claim(10, 60000).n, 0, "parked is parked");
	cr_assert_eq(lead(9, id, STATUS_SHIPPED, 60000, &made), RC_OK);
	cr_expect_not(made.event_waits, "nobody waits for what is parked");
}

Test(outbox, settles_some_and_puts_the_others_off)
{
	struct failure failures[] = {
		{ NULL, 0 }, { "later", 60000 }, { "never", -1 }, { NULL, 0 }, { "later", 60000 }
	};
	struct claim got;

	for (int i = 0; i < 5; i++)
		(void)create(9 + i, 0);
	got = claim(10, 60000);
	cr_assert_eq(got.n, 5);
	cr_assert_eq(store_settle_events(db.pg, db.ctx, got.events, failures, 5), RC_OK);
	cr_expect_str_eq(
		sql("SELECT string_agg(concat_ws(' ', user_id, last_error, parked_at IS NOT NULL), ', ' ORDER BY user_id) FROM orders.outbox"),
		"10 later f, 11 never t, 13 later f");
	cr_expect_eq(store_settle_events(db.pg, db.ctx, got.events, failures, 0), RC_OK,
		     "nothing to settle is no call");
	cr_expect_eq(store_settle_events(db.pg, db.ctx, got.events, failures, 5), RC_OK,
		     "what is gone is settled");
}

Test(outbox, leaves_the_next_lease_alone_when_it_settles_late)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct claim first, second;

	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 0, &made), RC_OK);
	first = claim(10, 60000);
	cr_assert(first.n == 1 && first.events[0].version == 1);
	cr_assert_eq(store_settle_events(db.pg, db.ctx, first.events, &taken, 1), RC_OK);
	second = claim(10, 60000);
	cr_assert(second.n == 1 && second.events[0].version == 2);
	cr_assert_eq(store_settle_events(db.pg, db.ctx, first.events, &taken, 1), RC_OK,
		     "by somebody else, late");
	cr_assert_eq(store_settle_events(db.pg, db.ctx, first.events,
					 &(const struct failure){ .error = "never", .retry_ms = -1 }, 1),
		     RC_OK, "who could not send it");
	cr_expect_eq(claim(10, 60000).n, 0, "the second one is being sent");
}

static struct outcome
settle_reversed(struct pg *pg, const void *arg)
{
	const struct event *const *events = arg;
	const struct event reversed[] = { *events[1], *events[0] };
	const struct failure failures[] = { { events[2] ? "later" : NULL, 0 },
					    { events[2] ? "later" : NULL, 0 } };

	return (struct outcome){ .rc = store_settle_events(pg, db.ctx, reversed, failures, 2) };
}

/* Else two that settle the same events, since the lease of one was over, would wait for each other. */
Test(outbox, settles_in_the_order_of_the_keys)
{
	struct claim got;

	(void)create(9, 0);
	(void)create(9, 0);
	got = claim(10, 60000);
	cr_assert(got.n == 2 && got.events[0].order_id < got.events[1].order_id);
	for (int taken_too = 0; taken_too < 2; taken_too++) {
		const struct event *const events[] = { &got.events[0], &got.events[1],
						       taken_too ? NULL : &got.events[0] };
		struct job job;

		(void)sql("BEGIN");
		(void)sql("SELECT 1 FROM orders.outbox WHERE order_id = %lld FOR UPDATE",
			  (long long)got.events[0].order_id);
		job = start_job(settle_reversed, events);
		cr_assert(becomes(WAITING, "1"));
		cr_expect_str_eq(sqlstate(db.watch,
					  talloc_asprintf(db.ctx,
							  "SELECT 1 FROM orders.outbox WHERE order_id = %lld "
							  "FOR UPDATE NOWAIT",
							  (long long)got.events[1].order_id)),
				 "", "the second waits for the first");
		(void)sql("COMMIT");
		cr_expect_eq(end_job(job).rc, RC_OK);
	}
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "0");
}

Test(outbox, keeps_an_error_of_any_length)
{
	char error[5000];
	struct claim got;

	memset(error, '"', sizeof error - 1);
	error[sizeof error - 1] = '\0';
	(void)create(9, 0);
	got = claim(10, 60000);
	settle(&got, (struct failure){ error, 1000 });
	cr_expect_str_eq(sql("SELECT length(last_error) FROM orders.outbox"), "4999");
}

static struct outcome
claim_all(struct pg *pg, const void *arg)
{
	struct outcome o = { .rc = RC_OK };
	const int *fd = arg;

	for (;;) {
		struct event *events;
		int *attempts;
		size_t n;

		if ((o.rc = store_claim_due(pg, db.ctx, 7, 60000, &events, &attempts, &n)) || n == 0)
			return o;
		for (size_t i = 0; i < n; i++)
			if (write(*fd, &events[i].order_id, sizeof events[i].order_id) !=
			    sizeof events[i].order_id)
				o.rc = RC_INTERNAL;
		o.order_id += (int64_t)n;
	}
}

Test(outbox, gives_each_event_to_one_of_many)
{
	enum { EVENTS = 200 };
	static bool seen[10000];
	struct job jobs[6];
	int64_t id, sum = 0;
	int ends[2];

	for (int i = 0; i < EVENTS; i++)
		(void)create(9 + i % 3, 0);
	cr_assert_eq(pipe(ends), 0);
	for (size_t i = 0; i < ROWS(jobs); i++)
		jobs[i] = start_job(claim_all, &ends[1]);
	for (size_t i = 0; i < ROWS(jobs); i++) {
		struct outcome o = end_job(jobs[i]);

		cr_expect_eq(o.rc, RC_OK);
		sum += o.order_id;
	}
	(void)close(ends[1]);
	while (read(ends[0], &id, sizeof id) == sizeof id) {
		cr_assert(id > 0 && id < 10000);
		cr_expect_not(seen[id], "order %lld came twice", (long long)id);
		seen[id] = true;
	}
	/* Who skips what others are locking may end before all is claimed: the rest is there for the next sweep. */
	cr_expect_eq(sum + (int64_t)claim(1000, 60000).n, EVENTS);
}

/* Orders from the one to the other, of so many users, whose events wait; foreign keys are not looked at. */
static void
fill(int from, int to, int users)
{
	(void)query(
		db.su,
		talloc_asprintf(
			db.ctx,
			"SET session_replication_role = replica; "
			"INSERT INTO orders.orders (user_id, id, email, status, version, total_amount, created_at, updated_at) OVERRIDING SYSTEM VALUE "
			"SELECT 1 + i %% %d, i, 'user@example.com', 'pending', 1, 1, now(), now() FROM generate_series(%d, %d) AS i; "
			"INSERT INTO orders.order_items (user_id, order_id, line, product_id, product_name, product_price, quantity, subtotal, created_at) "
			"SELECT user_id, id, 1, 1, 'x', 1, 1, 1, now() FROM orders.orders WHERE id BETWEEN %d AND %d; "
			"INSERT INTO orders.order_changes (user_id, order_id, version, new_status, changed_at, changed_by, event_id, idempotency_key, request_digest) "
			"SELECT user_id, id, 1, 'pending', now(), user_id, gen_random_uuid(), 'k' || id, decode(repeat('00', 32), 'hex') FROM orders.orders WHERE id BETWEEN %d AND %d; "
			"INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at) "
			"SELECT user_id, id, 1, 'r', 't', now() - id * interval '1 ms' FROM orders.orders WHERE id BETWEEN %d AND %d; "
			"RESET session_replication_role",
			users, from, to, from, to, from, to, from, to));
}

/* In this session's tables since it last reported them: "sequential scans, rows fetched by index". */
static void
touched(int *scans, int *rows)
{
	*scans = atoi(sql("SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE schemaname = 'orders'"));
	*rows = atoi(
		sql("SELECT sum(idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE schemaname = 'orders'"));
}

static void
expect_index(const char *statement, int limit, const char *why)
{
	int scans, rows, scans_before, rows_before;

	(void)sql("BEGIN");
	touched(&scans_before, &rows_before);
	(void)query(db.su, statement);
	touched(&scans, &rows);
	(void)sql("ROLLBACK");
	cr_expect_eq(scans - scans_before, 0, "%s: %d sequential scans", why, scans - scans_before);
	cr_expect(rows > rows_before && rows - rows_before < limit, "%s: %d rows", why, rows - rows_before);
}

#define DIGEST "decode(repeat('00', 32), 'hex')"
#define CREATE                                                                                               \
	"SELECT * FROM orders.create_order(9, 'a@example.com', 1, '{1}', '{x}', '{1}', '{1}', '{1}', "       \
	"gen_random_uuid()::text, " DIGEST ", gen_random_uuid(), 'r', 't', 0)"

/* All that a worker does with an order, and what an operator does with its events. */
static void
work_through_an_order(void)
{
	const char *id = sql(CREATE);

	(void)sql("SELECT * FROM orders.change_status(9, %s, 9, 'confirmed', '{pending}', 'k%s', " DIGEST
		  ", gen_random_uuid(), 'r', 't', 0, NULL, NULL, NULL)",
		  id, id);
	(void)sql("SELECT * FROM orders.claim_due(10, 1000)");
	(void)sql("SELECT orders.publish_failed('{9}', '{%s}', '{1}', '{1}', '{x}')", id);
	(void)sql("SELECT orders.publish_done('{9}', '{%s}', '{1}')", id);
	(void)sql("SELECT orders.publish_done('{9}', '{%s}', '{2}')", id);
	(void)sql("SELECT * FROM orders.find_owner(%s, 1, 'k1')", id);
	(void)sql("SELECT * FROM orders.get_order(9, %s)", id);
	(void)sql("SELECT * FROM orders.list_orders(9, 0, 20)");
	(void)sql("SELECT * FROM orders.find_replay(9, 9, 'k1', '')");
	(void)sql("SELECT * FROM orders.get_history(9, %s)", id);
	(void)sql("SELECT * FROM orders.outbox_list(true, 20)");
	(void)sql("SELECT * FROM orders.outbox_list(false, 20)");
	(void)sql("SELECT * FROM orders.outbox_events(ARRAY[gen_random_uuid()])");
	(void)sql("SELECT * FROM orders.outbox_retry(ARRAY[gen_random_uuid()])");
	(void)sql("SELECT * FROM orders.outbox_retry_parked(NULL, 10)");
	(void)sql("SELECT * FROM orders.outbox_discard(ARRAY[gen_random_uuid()], 'a', 'b')");
}

static void
work_with_few(int orders, int owed)
{
	(void)sql("ALTER TABLE orders.orders ALTER COLUMN id RESTART WITH 200000");
	if (orders) {
		fill(1, orders, 1000);
		(void)sql("DELETE FROM orders.outbox WHERE order_id <= %d", orders - owed);
		(void)sql(
			"VACUUM (ANALYZE, TRUNCATE false) orders.orders, orders.order_items, orders.order_changes, orders.outbox");
	}
	for (int i = 0; i < 8; i++)
		work_through_an_order();
}

/*
 * Plans that were made and kept before 30,000 events wait, as a worker's are that runs for long: it may be minutes until
 * autovacuum has statistics made that end them. What they went by: so many orders, so many of them still owed; no statistics at
 * all where there was none.
 */
static void
grow(int orders, int owed)
{
	const char *event;

	work_with_few(orders, owed);
	fill(orders + 1, 30000, 1000);
	for (int analyzed = 0; analyzed < 2; analyzed++) {
		expect_index("SELECT count(*) FROM orders.claim_due(10, 1000)", 200, "claim_due");
		expect_index(
			"SELECT orders.publish_done(array_agg(1 + i % 1000), array_agg(i), array_agg(1)) FROM generate_series(20100, 20109) AS i",
			100, "publish_done");
		expect_index("SELECT orders.publish_failed('{101}', '{20100}', '{1}', '{1}', '{x}')", 100,
			     "publish_failed");
		expect_index(CREATE, 20, "create_order");
		expect_index("SELECT * FROM orders.find_owner(5, 1, 'k1')", 20, "find_owner");
		expect_index("SELECT * FROM orders.get_order(6, 5)", 20, "get_order");
		expect_index("SELECT * FROM orders.list_orders(6, 0, 20)", 100, "list_orders");
		expect_index("SELECT * FROM orders.find_replay(6, 6, 'k5', '')", 20, "find_replay");
		expect_index(
			"SELECT * FROM orders.change_status(6, 5, 6, 'confirmed', '{pending}', 'k', decode(repeat('00', 32), 'hex'), gen_random_uuid(), 'r', 't', 0)",
			60, "change_status");
		expect_index("SELECT * FROM orders.get_history(6, 5)", 20, "get_history");
		event = sql("SELECT event_id FROM orders.order_changes WHERE order_id = 25000");
		expect_index("SELECT * FROM orders.outbox_list(false, 20)", 400, "outbox_list");
		expect_index(talloc_asprintf(db.ctx, "SELECT * FROM orders.outbox_events('{%s}')", event), 40,
			     "outbox_events");
		expect_index(talloc_asprintf(db.ctx, "SELECT * FROM orders.outbox_retry('{%s}')", event), 40,
			     "outbox_retry");
		expect_index(talloc_asprintf(db.ctx, "SELECT * FROM orders.outbox_discard('{%s}', 'a', 'b')",
					     event),
			     60, "outbox_discard");
		(void)sql(
			"UPDATE orders.outbox SET parked_at = now() WHERE order_id BETWEEN 29991 AND 30000");
		expect_index("SELECT * FROM orders.outbox_retry_parked(NULL, 10)", 200,
			     "outbox_retry_parked");
		(void)sql("ANALYZE");
	}
}

Test(outbox, finds_by_index_what_came_into_an_empty_database)
{
	grow(0, 0);
}

Test(outbox, finds_by_index_what_came_into_a_small_database)
{
	grow(30, 2);
}

Test(outbox, finds_by_index_what_came_when_nothing_was_owed)
{
	grow(7000, 0);
}

Test(outbox, finds_by_index_what_came_when_little_was_owed)
{
	grow(7000, 20);
}

/* Statistics of one order a user have any index that begins with user_id look as good as another. */
Test(outbox, finds_by_index_what_is_one_users)
{
	work_with_few(30, 2);
	fill(31, 20000, 1);
	expect_index("SELECT count(*) FROM orders.claim_due(10, 1000)", 200, "claim_due");
	expect_index("SELECT * FROM orders.get_history(1, 15000)", 20, "get_history");
	expect_index("SELECT * FROM orders.order_events(1, 15000)", 20, "order_events");
	expect_index("SELECT orders.publish_done('{1}', '{15000}', '{1}')", 20, "publish_done");
	expect_index("SELECT orders.publish_failed('{1}', '{15000}', '{1}', '{1}', '{x}')", 20,
		     "publish_failed");
	expect_index("SELECT * FROM orders.find_replay(1, 1, 'k15000', '')", 20, "find_replay");
}

Test(outbox, is_emptied_of_100_000_in_batches)
{
	int64_t started;
	struct claim got;

	fill(1, 100000, 1000);
	started = clock_ms();
	for (int i = 0; i < 20; i++) {
		got = claim(10, 60000);
		cr_assert_eq(got.n, 10);
		for (size_t j = 1; j < got.n; j++)
			cr_expect_gt(got.events[j - 1].order_id, got.events[j].order_id, "the oldest first");
		settle(&got, taken);
	}
	cr_expect_lt(clock_ms() - started, 10000, "20 batches");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "99800");
}

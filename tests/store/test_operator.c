/* What an operator asks of the outbox and does about it. */
#include "store/operator.h"

#include "db.h"

TestSuite(operator, .init = open_db, .fini = close_db);

static void
stats(int64_t *waiting, int64_t *parked, int64_t *oldest_us)
{
	cr_assert_eq(store_outbox_stats(db.pg, db.ctx, waiting, parked, oldest_us), RC_OK);
}

/* The event of an order's version. */
static const char *
event_of(int64_t order_id, int version)
{
	return sql("SELECT event_id FROM orders.order_changes WHERE order_id = %lld AND version = %d",
		   (long long)order_id, version);
}

static void
park(int64_t order_id, int version)
{
	(void)sql(
		"UPDATE orders.outbox SET parked_at = now(), attempts = 3, last_error = 'too long' WHERE order_id = %lld AND version = %d",
		(long long)order_id, version);
}

static void
sent(int64_t order_id, int version)
{
	(void)sql("SELECT orders.publish_done(ARRAY[9::bigint], ARRAY[%lld::bigint], ARRAY[%d])",
		  (long long)order_id, version);
}

static int64_t
create_confirmed(int64_t user)
{
	int64_t id = create(user, 60000);
	struct changed made;

	cr_assert_eq(lead(user, id, STATUS_CONFIRMED, 60000, &made), RC_OK);
	return id;
}

static void
expect_outcome(enum rc rc, const struct event_outcome *o, const char *id, const char *outcome)
{
	cr_assert_eq(rc, RC_OK);
	cr_expect_str_eq(o->event_id, id);
	cr_expect_str_eq(o->outcome, outcome, "%s: %s", id, o->outcome);
}

static void
expect_retry(const char *id, const char *outcome)
{
	struct event_outcome *o;
	enum rc rc = store_outbox_retry(db.pg, db.ctx, &id, 1, &o);

	expect_outcome(rc, o, id, outcome);
}

static void
expect_discard(const char *id, const char *outcome)
{
	struct event_outcome *o;
	enum rc rc = store_outbox_discard(db.pg, db.ctx, &id, 1, "anna", "nobody \"wants\" it", &o);

	expect_outcome(rc, o, id, outcome);
}

#define UNKNOWN "6f0c2f3e-9d0a-4a51-8b1c-2f8f3e1d0a11"

Test(operator, counts_what_is_owed_and_since_when)
{
	int64_t waiting, parked, oldest_us, first, second;

	stats(&waiting, &parked, &oldest_us);
	cr_expect(waiting == 0 && parked == 0 && oldest_us == 0, "nothing");
	first = create(9, 60000);
	second = create(9, 0);
	/* However often it was put off. */
	(void)sql(
		"UPDATE orders.outbox SET next_attempt_at = now() + interval '1 hour' WHERE order_id = %lld",
		(long long)first);
	stats(&waiting, &parked, &oldest_us);
	cr_expect(waiting == 2 && parked == 0);
	cr_expect_str_eq(
		sql("SELECT (extract(epoch FROM changed_at) * 1000000)::bigint FROM orders.order_changes WHERE order_id = %lld",
		    (long long)first),
		talloc_asprintf(db.ctx, "%lld", (long long)oldest_us));
	park(first, 1);
	stats(&waiting, &parked, &oldest_us);
	cr_expect(waiting == 1 && parked == 1);
	cr_expect_str_eq(
		sql("SELECT (extract(epoch FROM changed_at) * 1000000)::bigint FROM orders.order_changes WHERE order_id = %lld",
		    (long long)second),
		talloc_asprintf(db.ctx, "%lld", (long long)oldest_us), "what is parked does not wait");
}

/* The outbox alone: 200,000 that wait, and before them 30,000 that are parked. */
#define FILL                                                                                                           \
	"SET session_replication_role = replica; "                                                                     \
	"INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at, parked_at) " \
	"SELECT 1 + i %% 1000, i, 1, 'f646c19e-34af-48e2-86a5-f69aba1fe0f4', '" TRACEPARENT "', now(), "               \
	"CASE WHEN i <= 30000 THEN now() END FROM generate_series(1, 230000) AS i; "                                   \
	"RESET session_replication_role"

/* Twice 20,000 rows by an index, whichever that is, and 1,024 pages; the table has 5,143. */
#define LOOKED_MAX 3500

/* What the statement looks at, in pages. A time would say how busy the machine is. */
static long
pages_of(const char *statement)
{
	PGresult *r = PQexec(
		db.su, talloc_asprintf(db.ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) %s", statement));
	const char *plan = PQntuples(r) ? talloc_strdup(db.ctx, PQgetvalue(r, 0, 0)) : "";
	const char *hit = strstr(plan, "\"Shared Hit Blocks\": "),
		   *read = strstr(plan, "\"Shared Read Blocks\": ");

	PQclear(r);
	cr_assert(hit && read, "%s", plan);
	return strtol(strchr(hit, ':') + 1, NULL, 10) + strtol(strchr(read, ':') + 1, NULL, 10);
}

Test(operator, counts_many_without_looking_at_each)
{
	int64_t waiting, parked, oldest_us;
	long table, looked;

	for (int i = 0; i < 8; i++) /* plans of an empty queue, made and kept before it grows */
		(void)sql("SELECT orders.outbox_stats()");
	(void)sql(FILL);
	table = strtol(
		sql("SELECT pg_relation_size('orders.outbox') / current_setting('block_size')::bigint"), NULL,
		10);
	for (int vacuumed = 0; vacuumed < 2; vacuumed++) {
		looked = pages_of("SELECT * FROM orders.outbox_stats()");
		cr_expect(looked > 100 && looked < LOOKED_MAX, "%ld pages of %ld", looked, table);
		(void)sql("VACUUM orders.outbox");
	}
	stats(&waiting, &parked, &oldest_us);
	cr_expect(waiting > 190000 && waiting < 210000, "%lld of 200,000", (long long)waiting);
	cr_expect(parked > 28000 && parked < 32000, "%lld of 30,000", (long long)parked);
	(void)sql("DELETE FROM orders.outbox WHERE parked_at IS NULL AND order_id > 40000");
	stats(&waiting, &parked, &oldest_us);
	cr_expect(waiting == 10000, "exact below 20,000: %lld", (long long)waiting);
}

Test(operator, lists_what_is_owed_the_oldest_first)
{
	struct event_state *e;
	size_t n;
	int64_t ids[4];

	for (int i = 0; i < 4; i++)
		ids[i] = create_confirmed(9);
	park(ids[1], 1);
	park(ids[3], 2);
	sent(ids[0], 1);
	cr_assert_eq(store_outbox_list(db.pg, db.ctx, true, 10, &e, &n), RC_OK);
	cr_assert_eq(n, 2);
	cr_expect(e[0].order_id == ids[1] && e[0].version == 1 && e[1].order_id == ids[3] &&
		  e[1].version == 2);
	cr_expect_str_eq(e[0].state, "parked");
	cr_expect_str_eq(e[0].last_error, "too long");
	cr_expect(e[0].attempts == 3 && e[0].parked_us > 0 && e[0].user_id == 9 && e[0].changed_by == 9);
	cr_assert_eq(store_outbox_list(db.pg, db.ctx, false, 3, &e, &n), RC_OK);
	cr_assert_eq(n, 3, "and no more than wanted");
	cr_expect(e[0].order_id == ids[0] && e[0].version == 2 && e[0].waits_for == 0);
	cr_expect(e[1].order_id == ids[1] && e[1].version == 2 && e[1].waits_for == 0,
		  "nobody waits for what is parked");
	cr_expect(e[2].order_id == ids[2] && e[2].version == 1 && e[2].old_status == STATUS_PENDING);
	cr_expect_str_eq(e[2].state, "waiting");
	cr_assert_eq(store_outbox_list(db.pg, db.ctx, false, 10, &e, &n), RC_OK);
	cr_assert_eq(n, 5);
	cr_expect(e[3].order_id == ids[2] && e[3].version == 2 && e[3].waits_for == 1);
}

Test(operator, finds_an_event_by_its_id_sent_or_not)
{
	int64_t a = create_confirmed(9), b = create_confirmed(9);
	const char *const ids[] = { event_of(b, 2), UNKNOWN, event_of(a, 1), event_of(a, 2) };
	struct event_state *e;
	size_t n;

	sent(a, 1);
	park(b, 2);
	cr_assert_eq(store_outbox_events(db.pg, db.ctx, ids, ROWS(ids), &e, &n), RC_OK);
	cr_assert_eq(n, 3, "in this order, without the one that there is not");
	cr_expect_str_eq(e[0].event_id, ids[0]);
	cr_expect_str_eq(e[0].state, "parked");
	cr_expect_str_eq(e[0].request_id, "request-1");
	cr_expect_str_eq(e[1].event_id, ids[2]);
	cr_expect_str_eq(e[1].state, "sent");
	cr_expect(e[1].order_id == a && e[1].version == 1 && !e[1].request_id && !e[1].next_attempt_us);
	cr_expect_str_eq(e[2].state, "waiting");
	cr_assert_eq(store_outbox_events(db.pg, db.ctx, ids, 0, &e, &n), RC_OK);
	cr_expect_eq(n, 0);
}

Test(operator, tells_what_became_of_an_orders_events)
{
	int64_t id = create_confirmed(9);
	struct changed made;
	struct event_state *e;
	size_t n;

	cr_assert_eq(lead(9, id, STATUS_CANCELLED, 60000, &made), RC_OK);
	sent(id, 1);
	expect_discard(event_of(id, 2), "discarded");
	(void)sql("UPDATE orders.order_changes SET reason = 'fraud', note = 'seen before' WHERE version = 3");
	cr_assert_eq(store_order_events(db.pg, db.ctx, 9, id, &e, &n), RC_OK);
	cr_assert_eq(n, 3);
	cr_expect_str_eq(e[0].state, "sent");
	cr_expect_str_eq(e[1].state, "discarded");
	cr_expect_str_eq(e[1].discarded_by, "anna");
	cr_expect_str_eq(e[1].discard_reason, "nobody \"wants\" it");
	cr_expect(e[1].discarded_us > e[1].changed_us && e[0].discarded_us == 0);
	cr_expect_str_eq(e[2].state, "waiting");
	cr_expect_str_eq(e[2].reason, "fraud");
	cr_expect_str_eq(e[2].note, "seen before");
	cr_expect(e[2].old_status == STATUS_CONFIRMED && e[2].new_status == STATUS_CANCELLED && !e[0].reason);
	(void)sql("UPDATE orders.order_changes SET idempotency_key = ' adopted-1' WHERE version = 1");
	cr_assert_eq(store_order_events(db.pg, db.ctx, 9, id, &e, &n), RC_OK);
	cr_expect_str_eq(e[0].state, "none", "nothing was sent of what was taken over");
	cr_assert_eq(store_order_events(db.pg, db.ctx, 8, id, &e, &n), RC_OK);
	cr_expect_eq(n, 0, "another one's");
}

enum act { RETRY, DISCARD };

struct pair {
	const char *ids[2];
	enum act act;
};

static struct outcome
act_on(struct pg *pg, const void *arg)
{
	const struct pair *p = arg;
	struct event_outcome *o;

	return (struct outcome){ .rc = p->act == DISCARD ? store_outbox_discard(pg, db.ctx, p->ids, 2, "anna",
										"nobody wants it", &o)
							 : store_outbox_retry(pg, db.ctx, p->ids, 2, &o) };
}

/* As whoever settles what was sent: or they would wait for each other crosswise. */
Test(operator, locks_what_is_owed_in_the_order_of_the_keys)
{
	static const enum act acts[] = { RETRY, DISCARD };
	int64_t first = create(9, 60000), second = create(9, 60000);

	for (size_t i = 0; i < ROWS(acts); i++) {
		struct pair reversed = { { event_of(second, 1), event_of(first, 1) }, acts[i] };
		struct job job;

		(void)sql("BEGIN");
		(void)sql("SELECT 1 FROM orders.outbox WHERE order_id = %lld FOR UPDATE", (long long)first);
		job = start_job(act_on, &reversed);
		cr_assert(becomes(WAITING, "1"));
		cr_expect_str_eq(sqlstate(db.watch,
					  talloc_asprintf(db.ctx,
							  "SELECT 1 FROM orders.outbox WHERE order_id = %lld "
							  "FOR UPDATE NOWAIT",
							  (long long)second)),
				 "", "the second waits for the first");
		(void)sql("COMMIT");
		cr_expect_eq(end_job(job).rc, RC_OK);
	}
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "0");
}

Test(operator, has_an_event_tried_again)
{
	int64_t id = create_confirmed(9);
	const char *first = event_of(id, 1), *second = event_of(id, 2);
	struct event *events;
	int *attempts;
	size_t n;

	park(id, 1);
	expect_retry(first, "retried");
	expect_retry(first, "retried");
	cr_expect_str_eq(
		sql("SELECT concat_ws(' ', parked_at IS NULL, attempts, last_error, next_attempt_at <= now()) FROM orders.outbox WHERE version = 1"),
		"t 3 too long t");
	expect_retry(second, "retried");
	cr_assert_eq(store_claim_due(db.pg, db.ctx, 10, 60000, &events, &attempts, &n), RC_OK);
	cr_assert_eq(n, 1, "the other one still waits for it");
	cr_expect(events[0].version == 1 && attempts[0] == 4);
	sent(id, 1);
	expect_retry(first, "sent");
	expect_retry(UNKNOWN, "unknown");
	expect_discard(second, "discarded");
	expect_retry(second, "discarded_before");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "0");
}

Test(operator, has_all_that_is_parked_tried_once)
{
	int64_t before_us = 0, retried, ids[5];

	for (int i = 0; i < 5; i++) {
		ids[i] = create(9, 60000);
		if (i != 2)
			park(ids[i], 1);
	}
	cr_assert_eq(store_outbox_retry_parked(db.pg, db.ctx, &before_us, 3, &retried), RC_OK);
	cr_expect(retried == 3 && before_us > 0);
	cr_expect_str_eq(sql("SELECT order_id FROM orders.outbox WHERE parked_at IS NOT NULL"),
			 talloc_asprintf(db.ctx, "%lld", (long long)ids[4]), "the oldest first");
	park(ids[0], 1); /* again, meanwhile */
	cr_assert_eq(store_outbox_retry_parked(db.pg, db.ctx, &before_us, 3, &retried), RC_OK);
	cr_expect(retried == 1 && before_us > 0);
	cr_assert_eq(store_outbox_retry_parked(db.pg, db.ctx, &before_us, 3, &retried), RC_OK);
	cr_expect(retried == 0 && before_us == 0, "there is none");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox WHERE parked_at IS NOT NULL"), "1");
}

/* order_id: how many; event_waits: there may be more. */
static struct outcome
retry_parked(struct pg *pg, const void *arg)
{
	int64_t before_us = 0, retried = -1;

	(void)arg;
	return (struct outcome){ .rc = store_outbox_retry_parked(pg, db.ctx, &before_us, 3, &retried),
				 .order_id = retried,
				 .event_waits = before_us > 0 };
}

/* What somebody else retries or discards meanwhile is his: it may be on its way already. */
Test(operator, has_nothing_tried_that_is_not_parked_any_more)
{
	int64_t retried_too = create(9, 60000), discarded = create(9, 60000), left = create(9, 60000);
	struct outcome o;
	struct job job;

	park(retried_too, 1);
	park(discarded, 1);
	park(left, 1);
	(void)sql("BEGIN");
	(void)sql(
		"UPDATE orders.outbox SET parked_at = NULL, next_attempt_at = '2100-01-01' WHERE order_id = %lld",
		(long long)retried_too);
	(void)sql("DELETE FROM orders.outbox WHERE order_id = %lld", (long long)discarded);
	job = start_job(retry_parked, NULL);
	cr_assert(becomes(WAITING, "1"));
	(void)sql("COMMIT");
	o = end_job(job);
	cr_expect(o.rc == RC_OK && o.order_id == 1, "%d, %lld retried", o.rc, (long long)o.order_id);
	cr_expect(o.event_waits, "the next call may find some");
	cr_expect_str_eq(
		sql("SELECT string_agg(concat_ws(' ', order_id, parked_at IS NULL, next_attempt_at > now()), ', ' "
		    "ORDER BY order_id) FROM orders.outbox"),
		talloc_asprintf(db.ctx, "%lld t t, %lld t f", (long long)retried_too, (long long)left));
}

Test(operator, gives_an_event_up_and_lets_the_next_go_on)
{
	int64_t id = create_confirmed(9);
	const char *first = event_of(id, 1);
	struct event *events;
	int *attempts;
	size_t n;

	cr_assert_eq(store_claim_due(db.pg, db.ctx, 10, 60000, &events, &attempts, &n), RC_OK);
	cr_assert_eq(n, 0, "leased, and the other one behind it");
	expect_discard(first, "discarded");
	cr_assert_eq(store_claim_due(db.pg, db.ctx, 10, 60000, &events, &attempts, &n), RC_OK);
	cr_expect(n == 1 && events[0].version == 2);
	expect_discard(first, "discarded_before");
	cr_expect_str_eq(
		sql("SELECT concat_ws(' ', user_id, version, event_id, discarded_by, reason, attempts, last_error) FROM orders.outbox_discards"),
		talloc_asprintf(db.ctx, "9 1 %s anna nobody \"wants\" it 0", first), "once");
	sent(id, 2);
	expect_discard(event_of(id, 2), "sent");
	expect_discard(UNKNOWN, "unknown");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox_discards"), "1");
}

Test(operator, does_many_in_one_call_and_none_where_one_is_wrong)
{
	const char *ids[OUTBOX_BATCH], *bad[2];
	struct event_outcome *o;

	for (size_t i = 0; i < OUTBOX_BATCH; i++)
		ids[i] = i % 10 ? event_of(create(9, 60000), 1) : UNKNOWN;
	cr_assert_eq(store_outbox_retry(db.pg, db.ctx, ids, OUTBOX_BATCH, &o), RC_OK);
	for (size_t i = 0; i < OUTBOX_BATCH; i++)
		expect_outcome(RC_OK, &o[i], ids[i], i % 10 ? "retried" : "unknown");
	cr_expect_neq(store_outbox_discard(db.pg, db.ctx, ids, OUTBOX_BATCH, "anna", "", &o), RC_OK,
		      "no reason");
	bad[0] = ids[1];
	bad[1] = "nonsense";
	cr_expect_neq(store_outbox_discard(db.pg, db.ctx, bad, 2, "anna", "x", &o), RC_OK, "no id");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox_discards"), "0");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "90");
}

Test(operator, looks_at_the_database_and_at_itself)
{
	struct database_facts f;
	int64_t version, now;

	cr_assert_eq(store_database_facts(db.pg, db.ctx, &f), RC_OK);
	now = clock_wall_us();
	cr_expect_str_eq(f.role, "orders_worker");
	cr_expect(f.server_version >= 150000 && !f.standby && f.schema && f.refused == 0 &&
		  f.tables_open == 0);
	cr_expect(f.functions > 15 && f.statement_ms > 0 && f.statement_ms < PG_CALL_MS);
	cr_expect(f.now_us <= now && f.now_us > now - 10000000);
	cr_assert_eq(store_schema_version(db.pg, db.ctx, &version), RC_OK);
	cr_expect_eq(version, STORE_SCHEMA_VERSION);
	(void)sql(
		"REVOKE EXECUTE ON FUNCTION orders.get_order FROM orders_api; GRANT SELECT ON orders.outbox TO orders_worker; "
		"ALTER ROLE orders_worker IN DATABASE %s SET statement_timeout = 0",
		db.name);
	(void)sql(TERMINATE);
	cr_assert_eq(store_database_facts(db.pg, db.ctx, &f), RC_OK);
	cr_expect(f.refused == 1 && f.tables_open == 1 && f.statement_ms == 0);
	(void)sql("DROP SCHEMA orders CASCADE");
	cr_assert_eq(store_database_facts(db.pg, db.ctx, &f), RC_OK);
	cr_expect(!f.schema && f.functions == 0, "it can be asked where nothing is deployed");
	cr_expect_eq(store_schema_version(db.pg, db.ctx, &version), RC_DATABASE);
}

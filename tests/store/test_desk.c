/* The order desk: lists by filter and by page, what they cost, history, reasons, changes on a condition. */
#include "db.h"

TestSuite(desk, .init = open_db, .fini = close_db, .timeout = 120);

#define TIME(us) (INT64_C(1771940786) * 1000000 + (us)) /* 2026-02-24T13:46:26Z */

/* 60 orders of three users, all statuses, three or four at each moment of 18, and none at the next. */
static void
plant(void)
{
	(void)sql(
		"INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at) "
		"SELECT 7 + g %% 3, '', (enum_range(NULL::orders.order_status))[1 + g %% 7 %% 5], 1, 1, t, t FROM ("
		"SELECT g, timestamptz '2026-02-24T13:46:26Z' + 2 * (g * 11 %% 18) * interval '1 us' AS t FROM generate_series(1, 60) AS g) AS s");
	(void)sql(
		"INSERT INTO orders.order_items (user_id, order_id, line, product_id, product_name, product_price, quantity, subtotal, created_at) "
		"SELECT user_id, id, l, l, 'P', 1, 1, 1, created_at FROM orders.orders, generate_series(1, 2) AS l WHERE id %% 4 > 0");
}

/* The ids that s is to give, said in another way: "3 2 1". */
static const char *
expected(const struct selection *s)
{
	char *where = talloc_strdup(db.ctx, "true");

	if (s->user_id)
		where = talloc_asprintf_append(where, " AND user_id = %lld", (long long)s->user_id);
	if (s->by_status)
		where = talloc_asprintf_append(where, " AND status = '%s'", status_name(s->status));
	if (s->from_us != TIME_NONE)
		where = talloc_asprintf_append(where,
					       " AND created_at >= timestamptz 'epoch' + interval '%lld us'",
					       (long long)s->from_us);
	if (s->to_us != TIME_NONE)
		where = talloc_asprintf_append(where,
					       " AND created_at < timestamptz 'epoch' + interval '%lld us'",
					       (long long)s->to_us);
	if (s->after)
		where = talloc_asprintf_append(
			where,
			" AND EXISTS (SELECT FROM orders.orders AS a WHERE a.id = %lld AND (o.created_at < a.created_at "
			"OR o.created_at = a.created_at AND o.id < a.id))",
			(long long)s->after);
	return sql("SELECT string_agg(id::text, ' ') FROM (SELECT id FROM orders.orders AS o WHERE %s "
		   "ORDER BY created_at DESC, id DESC OFFSET %lld LIMIT %d) AS s",
		   where, (long long)s->skip, (int)s->limit);
}

static const char *
listed(const struct selection *s)
{
	char *ids = talloc_strdup(db.ctx, "");
	struct order *orders;
	size_t n;

	cr_assert_eq(store_list_orders(db.pg, db.ctx, s, &orders, &n), RC_OK);
	for (size_t i = 0; i < n; i++) {
		ids = talloc_asprintf_append(ids, "%s%lld", i ? " " : "", (long long)orders[i].id);
		cr_expect_eq(orders[i].n, orders[i].id % 4 ? 2 : 0, "order %lld has %zu items",
			     (long long)orders[i].id, orders[i].n);
	}
	return ids;
}

static void
expect_list(const struct selection *s)
{
	const char *want = expected(s), *got = listed(s);

	cr_expect_str_eq(got, want,
			 "user %lld, status %d, from %lld, to %lld, after %lld, skip %lld, limit %d",
			 (long long)s->user_id, s->by_status ? (int)s->status : -1, (long long)s->from_us,
			 (long long)s->to_us, (long long)s->after, (long long)s->skip, (int)s->limit);
}

Test(desk, lists_are_what_their_filters_say_in_every_combination)
{
	static const int64_t users[] = { 8, 0, 99 };
	static const int64_t froms[] = { TIME_NONE, TIME(7), TIME(8) },
			     tos[] = { TIME_NONE, TIME(20), TIME(21) };

	plant();
	for (size_t u = 0; u < ROWS(users); u++)
		for (int status = -1; status < STATUS_COUNT; status++)
			for (size_t from = 0; from < ROWS(froms); from++)
				for (size_t to = 0; to < ROWS(tos); to++)
					expect_list(PAGE_WITHIN(
						users[u], froms[from], tos[to], .by_status = status >= 0,
						.status = (enum status)(status < 0 ? 0 : status),
						.skip = status == 2, .limit = 10));
}

Test(desk, lists_go_on_after_any_order_without_a_gap_or_a_repeat)
{
	static const enum status any = STATUS_COUNT, statuses[] = { STATUS_COUNT, STATUS_PENDING };

	plant();
	for (int64_t user = 0; user <= 8; user += 8)
		for (size_t s = 0; s < ROWS(statuses); s++) {
			struct selection page = *PAGE_OF(user, .by_status = statuses[s] != any,
							 .status = statuses[s] % STATUS_COUNT, .limit = 4);
			const char *all, *want;
			char *got = talloc_strdup(db.ctx, "");

			page.limit = 100;
			all = expected(&page);
			page.limit = 4;
			for (int pages = 0; pages < 20; pages++) {
				struct order *orders;
				size_t n;

				expect_list(&page);
				cr_assert_eq(store_list_orders(db.pg, db.ctx, &page, &orders, &n), RC_OK);
				for (size_t i = 0; i < n; i++)
					got = talloc_asprintf_append(got, "%s%lld", *got ? " " : "",
								     (long long)orders[i].id);
				if (n < 4)
					break;
				page.after = orders[n - 1].id;
			}
			want = all;
			cr_expect_str_eq(got, want);
		}
}

Test(desk, lists_that_go_on_after_an_order_keep_to_the_time_too)
{
	int64_t id;

	plant();
	for (int64_t us = 3; us < 30; us += 4) {
		id = strtoll(
			sql("SELECT id FROM orders.orders WHERE user_id = 8 AND created_at >= timestamptz "
			    "'2026-02-24T13:46:26Z' + interval '%lld us' ORDER BY created_at LIMIT 1",
			    (long long)us),
			NULL, 10);
		for (int64_t to = us - 2; to <= us + 2; to++) {
			expect_list(PAGE_WITHIN(8, TIME_NONE, TIME(to), .after = id, .limit = 5));
			expect_list(PAGE_WITHIN(0, TIME_NONE, TIME(to), .after = id, .limit = 5));
			expect_list(PAGE_WITHIN(8, TIME(to), TIME_NONE, .after = id, .limit = 50));
			expect_list(
				PAGE_WITHIN(0, TIME(us - 6), TIME(to), .after = id, .skip = 1, .limit = 3));
		}
	}
}

Test(desk, lists_know_who_may_go_on_after_what)
{
	struct order *orders;
	size_t n;
	int64_t mine, theirs;
	struct selection foreign;

	plant();
	mine = strtoll(sql("SELECT max(id) FROM orders.orders WHERE user_id = 8"), NULL, 10);
	theirs = strtoll(sql("SELECT max(id) FROM orders.orders WHERE user_id = 9"), NULL, 10);
	cr_expect_eq(store_list_orders(db.pg, db.ctx, PAGE_OF(8, .after = mine, .limit = 5), &orders, &n),
		     RC_OK);
	cr_expect_eq(store_list_orders(db.pg, db.ctx, PAGE_OF(8, .after = theirs, .limit = 5), &orders, &n),
		     RC_NO_ORDER, "somebody else's");
	cr_expect_eq(store_list_orders(db.pg, db.ctx, PAGE_OF(8, .after = 1000000, .limit = 5), &orders, &n),
		     RC_NO_ORDER, "nobody's");
	cr_expect_eq(store_list_orders(db.pg, db.ctx, PAGE_OF(0, .after = 1000000, .limit = 5), &orders, &n),
		     RC_NO_ORDER, "nobody's");
	expect_list(PAGE_OF(0, .after = theirs, .limit = 5));
	foreign = *PAGE_OF(8, .after = theirs, .limit = 5);
	foreign.after_us = strtoll(
		sql("SELECT (1000000 * extract(epoch FROM created_at))::bigint FROM orders.orders "
		    "WHERE id = %lld",
		    (long long)theirs),
		NULL, 10);
	expect_list(&foreign);
}

/* Blocks that the second call of a function touches; the first one plans. */
static int
blocks(const char *call)
{
	static const char *const kinds[] = { "\"Shared Hit Blocks\": ", "\"Shared Read Blocks\": " };
	int n = 0;

	for (int i = 0; i < 2; i++) {
		const char *plan = sql("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM %s", call);

		n = 0;
		for (size_t k = 0; k < ROWS(kinds); k++)
			n += atoi(strstr(plan, kinds[k]) +
				  strlen(kinds[k])); /* the whole call's comes first */
	}
	return n;
}

#define PAGE_BLOCKS 120 /* ten orders: each a block and its items, and the ways down the indexes */

Test(desk, pages_cost_the_same_however_many_orders_there_are)
{
	static const struct {
		const char *call, *why;
	} rows[] = {
		{ "orders.list_orders(1, NULL, NULL, NULL, NULL, NULL, 0, 10)", "a user's first page" },
		{ "orders.list_orders(1, NULL, NULL, NULL, %d, NULL, 0, 10)", "one far behind" },
		{ "orders.list_orders(1, 'delivered', NULL, NULL, %d, NULL, 0, 10)", "of the usual status" },
		{ "orders.list_orders(1, 'shipped', NULL, NULL, NULL, NULL, 0, 10)", "of a rare status" },
		{ "orders.list_orders(1, 'shipped', NULL, NULL, %d, NULL, 0, 10)",
		  "of a rare status, far behind" },
		{ "orders.list_orders(1, 'pending', NULL, NULL, NULL, NULL, 0, 10)",
		  "of a status that none has" },
		{ "orders.list_orders(1, NULL, '2025-01-08', '2025-01-09', NULL, NULL, 0, 10)", "of a day" },
		{ "orders.list_orders(1, 'shipped', NULL, '2025-01-09', NULL, NULL, 0, 10)", "before a day" },
		{ "orders.list_orders(1, NULL, '2025-01-08', NULL, %d, NULL, 0, 10)",
		  "from a day on, far behind" },
		{ "orders.list_orders(2, NULL, NULL, NULL, NULL, NULL, 0, 10)", "of a user with few orders" },
		{ "orders.list_orders(1, 0, 10)", "as workers of schema version 1 ask" },
		{ "orders.list_all_orders(NULL, NULL, NULL, NULL, 0, 10)", "everybody's first page" },
		{ "orders.list_all_orders(NULL, NULL, NULL, %d, 0, 10)", "one far behind" },
		{ "orders.list_all_orders('delivered', NULL, NULL, %d, 0, 10)", "of the usual status" },
		{ "orders.list_all_orders('shipped', NULL, NULL, NULL, 0, 10)", "of a rare status" },
		{ "orders.list_all_orders('shipped', NULL, NULL, %d, 0, 10)",
		  "of a rare status, far behind" },
		{ "orders.list_all_orders(NULL, '2025-01-08', '2025-01-09', NULL, 0, 10)", "of a day" },
	};
	static const char *const stages[] = {
		"SELECT 1",
		"VACUUM ANALYZE orders.orders",
		"UPDATE orders.orders SET status = 'confirmed' WHERE user_id > 1 AND id % 2 = 0",
	};
	int middle;

	/* One user has a third of them, three in two thousand are shipped. Without statistics; with them; and when they say that a status is
	 * rare which a third of the orders has by now. */
	(void)sql(
		"INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at) "
		"SELECT CASE WHEN g %% 3 = 0 THEN 1 ELSE 2 + g %% 2000 END, '', CASE WHEN g %% 2000 < 3 THEN 'shipped' WHEN g %% 10 = 0 "
		"THEN 'cancelled' ELSE 'delivered' END::orders.order_status, 1, 1, t, t FROM ("
		"SELECT g, timestamptz '2025-01-01' + g * interval '1 minute' AS t FROM generate_series(1, 30000) AS g) AS s");
	middle = atoi(sql(
		"SELECT id FROM orders.orders WHERE user_id = 1 ORDER BY created_at OFFSET 5000 LIMIT 1"));
	for (size_t k = 0; k < ROWS(stages); k++) {
		(void)sql("%s", stages[k]);
		for (size_t i = 0; i < ROWS(rows); i++) {
			const char *hole = strstr(rows[i].call, "%d");
			const char *call = hole ? talloc_asprintf(db.ctx, "%.*s%d%s",
								  (int)(hole - rows[i].call), rows[i].call,
								  middle, hole + 2)
						: rows[i].call;
			int n = blocks(call);

			cr_expect(n > 0 && n <= PAGE_BLOCKS, "%s, stage %zu: %d blocks", rows[i].why, k, n);
		}
	}
	(void)sql("DROP INDEX orders.orders_by_status");
	cr_expect_gt(blocks(rows[0].call), PAGE_BLOCKS, "without its index: the measure shows it");
}

static struct past *
history_of(int64_t user, int64_t order_id, size_t n)
{
	struct past *past;
	size_t found;

	cr_assert_eq(store_get_history(db.pg, db.ctx, user, order_id, &past, &found), RC_OK);
	cr_assert_eq(found, n);
	return past;
}

Test(desk, histories_tell_of_every_change_with_its_reason_and_note)
{
	int64_t id = create(9, 0), before = clock_wall_us();
	struct change staff = change_by(77, NULL, "change");
	struct step step = *STEP(STATUS_CANCELLED, STATUS_BIT(STATUS_CONFIRMED));
	struct changed made;
	struct past *p;

	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 0, &made), RC_OK);
	step.reason = "fraud";
	step.note = "\xc3\xa9 \"quoted\"";
	cr_assert_eq(store_change_status(db.pg, db.ctx, &staff, 9, id, &step, &made), RC_OK);
	p = history_of(9, id, 3);
	for (int32_t i = 0; i < 3; i++)
		cr_expect_eq(p[i].version, i + 1);
	cr_expect(p[0].new_status == STATUS_PENDING && p[0].changed_by == 9 && !p[0].reason && !p[0].note);
	cr_expect(p[1].old_status == STATUS_PENDING && p[1].new_status == STATUS_CONFIRMED &&
		  p[1].changed_by == 9 && !p[1].reason && !p[1].note);
	cr_expect(p[2].old_status == STATUS_CONFIRMED && p[2].new_status == STATUS_CANCELLED &&
		  p[2].changed_by == 77);
	cr_expect_str_eq(p[2].reason, "fraud");
	cr_expect_str_eq(p[2].note, "\xc3\xa9 \"quoted\"");
	cr_expect(p[2].changed_us >= before && p[2].changed_us == made.order.updated_us);
}

Test(desk, histories_of_others_and_of_nobody_are_not_found)
{
	int64_t id = create(9, 0);
	struct past *p;
	size_t n;

	cr_expect_eq(store_get_history(db.pg, db.ctx, 8, id, &p, &n), RC_NO_ORDER);
	cr_expect_eq(store_get_history(db.pg, db.ctx, 9, id + 1, &p, &n), RC_NO_ORDER);
}

Test(desk, events_that_were_left_tell_the_reason_and_the_note)
{
	int64_t id = create(9, 0);
	struct step step = *STEP(STATUS_CANCELLED, STATUS_BIT(STATUS_PENDING));
	struct change c = change_by(9, NULL, "change");
	const struct failure taken[] = { { NULL, 0 }, { NULL, 0 } };
	struct event *events;
	struct changed made;
	int *attempts;
	size_t n;

	c.lease_ms = 0;
	step.reason = "customer";
	step.note = "changed my mind";
	cr_assert_eq(store_change_status(db.pg, db.ctx, &c, 9, id, &step, &made), RC_OK);
	cr_assert_eq(store_claim_due(db.pg, db.ctx, 10, 60000, &events, &attempts, &n), RC_OK);
	cr_assert_eq(n, 1, "the creation is owed first");
	cr_expect(events[0].version == 1 && !events[0].reason && !events[0].note);
	cr_assert_eq(store_settle_events(db.pg, db.ctx, events, taken, n), RC_OK);
	cr_assert_eq(store_claim_due(db.pg, db.ctx, 10, 60000, &events, &attempts, &n), RC_OK);
	cr_assert_eq(n, 1);
	cr_expect_eq(events[0].version, 2);
	cr_expect_str_eq(events[0].reason, "customer");
	cr_expect_str_eq(events[0].note, "changed my mind");
}

Test(desk, changes_on_a_condition_are_judged_after_the_key_and_before_the_status)
{
	static const int32_t versions[] = { 7, 2, 1 };
	static const struct {
		size_t first, n;
		unsigned from;
		enum rc rc;
		const char *why;
	} rows[] = {
		{ 0, 0, STATUS_BIT(STATUS_PENDING), RC_STALE, "none" },
		{ 0, 2, STATUS_BIT(STATUS_PENDING), RC_STALE, "others" },
		{ 0, 2, STATUS_BIT(STATUS_SHIPPED), RC_STALE, "others, and a status that cannot be" },
		{ 0, 3, STATUS_BIT(STATUS_SHIPPED), RC_STATUS_STEP, "this one, but a status that cannot be" },
		{ 0, 3, STATUS_BIT(STATUS_PENDING), RC_OK, "this one among others" },
	};
	int64_t id = create(9, 0);
	struct step step = { .to = STATUS_CONFIRMED, .versions = versions + 2, .n_versions = 1 };
	struct change c = change_by(9, "key", "x");
	struct changed made;

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct step s = { .to = STATUS_CONFIRMED,
					.from = rows[i].from,
					.versions = versions + rows[i].first,
					.n_versions = rows[i].n };

		cr_expect_eq(store_change_status(db.pg, db.ctx, &c, 9, id, &s, &made), rows[i].rc, "%s",
			     rows[i].why);
		if (rows[i].rc != RC_OK)
			cr_expect_eq(made.old_status, STATUS_PENDING, "%s", rows[i].why);
	}
	c = change_by(9, "key", "x");
	cr_expect_eq(store_change_status(db.pg, db.ctx, &c, 9, id, &step, &made), RC_FOUND,
		     "a repeat is not judged again");
	cr_expect_eq(made.order.version, 2);
	c = change_by(9, NULL, "x");
	cr_expect_eq(store_change_status(db.pg, db.ctx, &c, 9, id + 1, &step, &made), RC_NO_ORDER);
}

static struct outcome
change_first_version(struct pg *pg, const void *arg)
{
	static const int32_t first = 1;
	const struct step step = { .to = STATUS_CONFIRMED,
				   .from = STATUS_BIT(STATUS_PENDING),
				   .versions = &first,
				   .n_versions = 1 };
	struct change c = change_by(9, NULL, "change");
	struct changed made = { .old_status = STATUS_COUNT };
	enum rc rc = store_change_status(pg, db.ctx, &c, 9, *(const int64_t *)arg, &step, &made);

	return (struct outcome){ .rc = rc, .old_status = made.old_status };
}

Test(desk, of_simultaneous_changes_of_one_version_one_is_made)
{
	int64_t id = create(9, 0);
	struct job jobs[4];
	int made = 0;

	(void)sql("BEGIN");
	(void)sql("SELECT 1 FROM orders.orders WHERE id = %lld FOR UPDATE", (long long)id);
	for (size_t i = 0; i < ROWS(jobs); i++)
		jobs[i] = start_job(change_first_version, &id);
	cr_expect(becomes(WAITING, "4"));
	(void)sql("COMMIT");
	for (size_t i = 0; i < ROWS(jobs); i++) {
		struct outcome o = end_job(jobs[i]);

		made += o.rc == RC_OK;
		cr_expect(o.rc == RC_OK || (o.rc == RC_STALE && o.old_status == STATUS_CONFIRMED), "%d",
			  o.rc);
	}
	cr_expect_eq(made, 1);
}

/* What a worker of schema version 1 sends, with the columns that it reads. */
Test(desk, workers_of_schema_version_1_are_answered_as_before)
{
	int64_t id = create(9, 0);
	PGconn *conn = PQconnectdb(db.url);

	cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
	cr_expect_str_eq(
		query(conn,
		      "SELECT concat_ws(' ', outcome, user_id, status, version, quantity) FROM orders.list_orders(9, 0, 100)"),
		"found 9 pending 1 2");
	cr_expect_str_eq(
		query(conn,
		      talloc_asprintf(
			      db.ctx,
			      "SELECT concat_ws(' ', outcome, status, version, old_status, event_waits) FROM orders.change_status(9, %lld, 9, "
			      "'confirmed', '{pending}', 'key', sha256(''), gen_random_uuid(), 'r', 't', 60000)",
			      (long long)id)),
		"changed confirmed 2 pending t");
	cr_expect_str_eq(
		query(conn,
		      "SELECT concat_ws(' ', user_id, version, quantity, reason, note) FROM orders.claim_due(10, 60000)"),
		"9 1 2");
	PQfinish(conn);
}

/*
 * The audit is itself to be trusted: it has nothing to say of an undisturbed run, and it notices each thing that could
 * have gone wrong in one. What went wrong is done by hand, to a copy of the database, of what was received or
 * of what the clients remember.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/audit.h"
#include "support/test.h"

#define EXIST "acknowledged orders exist once and are what was acknowledged"
#define TWO_REQUESTS "no order is the answer to two requests"
#define KEYS "no key has two orders"
#define ITEMS "items add up to their order"
#define MADE "acknowledged changes were made"
#define CHAIN "changes are a legal chain from 1 to the order's version and status"
#define OWED "no event is owed any more"
#define DELIVERED "every change has its event delivered"
#define SHARED "no two changes share an event"
#define INVENTED "nothing is delivered that does not exist"
#define SAYS "delivered events say what the database says"
#define ONCE "no event is delivered twice"
#define IN_ORDER "events of an order arrive in order"
#define WRONG "no answer is wrong"

#define NEWEST "(SELECT max(id) FROM orders.orders)"
#define CHANGED "(SELECT max(order_id) FROM orders.order_changes WHERE version = 2)"
/* Without it the schema would not let us. */
#define FORCE "SET session_replication_role = replica; "

/* The lines of what was received; the one at n is the end. */
struct mail {
	char **lines;
	size_t n;
};

static void
lose_one(struct mail *m)
{
	m->lines[0] = m->lines[--m->n];
}

static void
repeat_one(struct mail *m)
{
	m->lines[m->n] = m->lines[0];
	m->n++;
}

static void
reverse(struct mail *m)
{
	for (size_t i = 0; i < m->n / 2; i++) {
		char *line = m->lines[i];

		m->lines[i] = m->lines[m->n - 1 - i];
		m->lines[m->n - 1 - i] = line;
	}
}

/* A digit behind the text of the first line that has it becomes another. */
static void
change_digit(struct mail *m, const char *where)
{
	for (size_t i = 0; i < m->n; i++) {
		char *at = strstr(m->lines[i], where);

		if (!at)
			continue;
		m->lines[i] = text("%s", m->lines[i]);
		at = strstr(m->lines[i], where) + strlen(where);
		*at = *at == '1' ? '2' : '1';
		return;
	}
	give_up("no message has %s", where);
}

static void
change_event_id(struct mail *m)
{
	change_digit(m, "\"event_id\":\"");
}

static void
change_user(struct mail *m)
{
	change_digit(m, "\"user_id\":");
}

static void
change_total(struct mail *m)
{
	change_digit(m, "\"total_amount\":");
}

static void
change_quantity(struct mail *m)
{
	change_digit(m, "\"quantity\":");
}

static void
change_version(struct mail *m)
{
	change_digit(m, "\"version\":");
}

static void
change_status(struct mail *m)
{
	change_digit(m, "\"new_status\":\"");
}

static void
change_subject(struct mail *m)
{
	change_digit(m, "\torder.");
}

static void
make_unreadable(struct mail *m)
{
	m->lines[m->n++] = text("0\torder.created\torder.created\t\\N");
}

static struct load_record *
find_record(struct load *l, enum load_kind kind, bool under_key, int nth)
{
	for (long i = 0; i < load_count(l); i++) {
		struct load_record *r = (struct load_record *)(uintptr_t)load_record(l, i);

		if (r->kind == kind && (r->key != 0) == under_key && r->status == 201 && nth-- == 0)
			return r;
	}
	give_up("the load has too few requests of kind %d", (int)kind);
}

static void
answer_wrongly(struct load *l)
{
	find_record(l, LOAD_CREATE, false, 0)->wrong = true;
}

static void
answer_with_the_order_of_another(struct load *l)
{
	const struct load_record *other = find_record(l, LOAD_CREATE, false, 0);
	struct load_record *r = find_record(l, LOAD_CREATE, false, 1);

	r->order_id = other->order_id;
	r->user = other->user;
	r->lines = other->lines;
	r->total_cents = other->total_cents;
	memcpy(r->items, other->items, sizeof r->items);
}

static void
answer_a_repeat_with_another_order(struct load *l)
{
	find_record(l, LOAD_REPEAT, true, 0)->order_id++;
}

static const struct {
	const char *what; /* has happened */
	const char *sql;
	void (*mail)(struct mail *m);
	void (*client)(struct load *l);
	const char *finds;
} rows[] = {
	{ "an order is lost",
	  FORCE "DELETE FROM orders.order_items WHERE order_id = " NEWEST
		"; DELETE FROM orders.order_changes WHERE order_id = " NEWEST
		"; DELETE FROM orders.orders WHERE id = " NEWEST,
	  NULL, NULL, EXIST },
	{ "a total is another",
	  "UPDATE orders.orders SET total_amount = total_amount + 0.01 WHERE id = " NEWEST, NULL, NULL,
	  EXIST },
	{ "an order is another user's",
	  FORCE "UPDATE orders.order_items SET user_id = user_id + 1 WHERE order_id = " NEWEST
		"; UPDATE orders.order_changes SET user_id = user_id + 1 WHERE order_id = " NEWEST
		"; UPDATE orders.orders SET user_id = user_id + 1 WHERE id = " NEWEST,
	  NULL, NULL, EXIST },
	{ "an id is that of two orders",
	  "INSERT INTO orders.orders OVERRIDING SYSTEM VALUE SELECT 1 AS user_id, id, email, status, version, total_amount, created_at, "
	  "updated_at FROM orders.orders WHERE id = " NEWEST,
	  NULL, NULL, EXIST },
	{ "another product was ordered",
	  "UPDATE orders.order_items SET product_id = product_id + 1 WHERE order_id = " NEWEST
	  " AND line = 1",
	  NULL, NULL, EXIST },
	{ "less was ordered, for as much",
	  "UPDATE orders.order_items SET quantity = 1, product_price = subtotal WHERE (order_id, line) = "
	  "(SELECT order_id, line FROM orders.order_items WHERE quantity > 1 LIMIT 1)",
	  NULL, NULL, EXIST },
	{ "a customer's address is another", "UPDATE orders.orders SET email = '' WHERE id = " NEWEST, NULL,
	  NULL, EXIST },
	{ "a line is lost", "DELETE FROM orders.order_items WHERE order_id = " NEWEST " AND line = 1", NULL,
	  NULL, ITEMS },
	{ "a line is there twice",
	  "INSERT INTO orders.order_items OVERRIDING SYSTEM VALUE SELECT user_id, order_id, 100 AS line, id, product_id, product_name, "
	  "product_price, quantity, subtotal, created_at FROM orders.order_items WHERE order_id = " NEWEST
	  " AND line = 1",
	  NULL, NULL, ITEMS },
	{ "keys are not kept apart",
	  "ALTER TABLE orders.order_changes DROP CONSTRAINT order_changes_key; UPDATE orders.order_changes AS c SET idempotency_key = "
	  "(SELECT min(d.idempotency_key) FROM orders.order_changes AS d WHERE d.user_id = c.user_id)",
	  NULL, NULL, KEYS },
	{ "a key is forgotten",
	  "UPDATE orders.order_changes SET idempotency_key = ' ' || idempotency_key WHERE idempotency_key LIKE 'load-%'",
	  NULL, NULL, KEYS },
	{ "a repeat made a second order", NULL, NULL, answer_a_repeat_with_another_order, KEYS },
	{ "two clients were given one order", NULL, NULL, answer_with_the_order_of_another, TWO_REQUESTS },
	{ "a change is lost",
	  "DELETE FROM orders.order_changes WHERE order_id = " CHANGED
	  " AND version > 1; UPDATE orders.orders AS o SET status = 'pending', version = 1 WHERE NOT EXISTS (SELECT FROM "
	  "orders.order_changes AS c WHERE c.order_id = o.id AND c.version > 1)",
	  NULL, NULL, MADE },
	{ "a version is left out",
	  "UPDATE orders.order_changes SET version = version + 10 WHERE version > 1 AND order_id = " CHANGED
	  "; UPDATE orders.orders SET version = version + 10 WHERE id = " CHANGED,
	  NULL, NULL, CHAIN },
	{ "a status is none that the changes lead to",
	  "UPDATE orders.orders SET status = 'delivered' WHERE status = 'pending'", NULL, NULL, CHAIN },
	{ "an order's version is not that of its last change",
	  "UPDATE orders.orders SET version = version + 1 WHERE id = " NEWEST, NULL, NULL, CHAIN },
	{ "a step is not legal",
	  "UPDATE orders.order_changes SET new_status = 'delivered' WHERE version = 2 AND new_status = 'confirmed'",
	  NULL, NULL, CHAIN },
	{ "a change begins where the one before it did not end",
	  "UPDATE orders.order_changes SET old_status = 'shipped', new_status = 'cancelled' WHERE version = 2",
	  NULL, NULL, CHAIN },
	{ "an order has no creation", FORCE "DELETE FROM orders.order_changes WHERE order_id = " NEWEST, NULL,
	  NULL, CHAIN },
	{ "a change has no order", FORCE "DELETE FROM orders.orders WHERE id = " NEWEST, NULL, NULL, CHAIN },
	{ "an event is owed yet",
	  "INSERT INTO orders.outbox SELECT user_id, order_id, version, '', '', now() FROM orders.order_changes WHERE order_id = " NEWEST
	  " AND version = 1",
	  NULL, NULL, OWED },
	{ "an event is lost", NULL, lose_one, NULL, DELIVERED },
	{ "two changes have one event",
	  "UPDATE orders.order_changes SET event_id = (SELECT event_id FROM orders.order_changes WHERE version = 1 LIMIT 1) WHERE version = 2",
	  NULL, NULL, SHARED },
	{ "an event is nobody's", NULL, change_event_id, NULL, INVENTED },
	{ "an event's change was rolled back",
	  FORCE "DELETE FROM orders.order_changes WHERE order_id = " CHANGED, NULL, NULL, INVENTED },
	{ "a message is no JSON", NULL, make_unreadable, NULL, INVENTED },
	{ "an event names another user", NULL, change_user, NULL, SAYS },
	{ "an event names another total", NULL, change_total, NULL, SAYS },
	{ "an event names another quantity", NULL, change_quantity, NULL, SAYS },
	{ "an event names another version", NULL, change_version, NULL, SAYS },
	{ "an event names another status", NULL, change_status, NULL, SAYS },
	{ "an event has another subject", NULL, change_subject, NULL, SAYS },
	{ "an event came twice", NULL, repeat_one, NULL, ONCE },
	{ "the last event came first", NULL, reverse, NULL, IN_ORDER },
	{ "a client was told something else", NULL, NULL, answer_wrongly, WRONG },
};

static struct mail
read_mail(const char *database)
{
	char *saved, *bytes = read_file(audit_mailbox(database), NULL);
	struct mail m = { calloc(4096, sizeof *m.lines), 0 };

	for (char *line = strtok_r(bytes, "\n", &saved); line && m.n < 4000;
	     line = strtok_r(NULL, "\n", &saved))
		m.lines[m.n++] = line;
	return m;
}

static void
write_mail(const char *database, const struct mail *m)
{
	FILE *f = fopen(audit_mailbox(database), "we");

	for (size_t i = 0; f && i < m->n; i++)
		(void)fprintf(f, "%s\n", m->lines[i]);
	if (!f || fclose(f) != 0)
		give_up("%s cannot be written", audit_mailbox(database));
}

static const char set_aside[] =
	"CREATE SCHEMA aside; CREATE TABLE aside.orders AS TABLE orders.orders; CREATE TABLE aside.order_items AS TABLE "
	"orders.order_items; CREATE TABLE aside.order_changes AS TABLE orders.order_changes";
static const char put_back[] = FORCE
	"TRUNCATE orders.orders, orders.order_items, orders.order_changes, orders.outbox;"
	"INSERT INTO orders.orders OVERRIDING SYSTEM VALUE TABLE aside.orders;"
	"INSERT INTO orders.order_items OVERRIDING SYSTEM VALUE TABLE aside.order_items;"
	"INSERT INTO orders.order_changes TABLE aside.order_changes";

/* What the audit finds once that has happened. */
static struct audit
audit_after(const struct pool *p, struct load *l, size_t row)
{
	const struct load *const loads[] = { l };
	size_t size = (size_t)load_count(l) * sizeof(struct load_record);
	struct load_record *records = malloc(size);
	struct mail m = read_mail(p->database), received = read_mail(p->database);
	struct audit a;

	memcpy(records, load_record(l, 0), size);
	if (rows[row].sql)
		(void)pool_sql(p, rows[row].sql);
	if (rows[row].mail)
		rows[row].mail(&m);
	if (rows[row].client)
		rows[row].client(l);
	write_mail(p->database, &m);
	(void)audit(&a,
		    &(const struct audit_options){
			    .p = p, .loads = loads, .n_loads = 1, .exactly_once = true, .in_order = true });
	if (rows[row].sql)
		(void)pool_sql(p, put_back);
	write_mail(p->database, &received);
	memcpy((void *)(uintptr_t)load_record(l, 0), records, size);
	free(records);
	free(m.lines);
	free(received.lines);
	return a;
}

static bool
is_over(void *l)
{
	return load_is_over(l);
}

Test(audit, finds_nothing_in_an_undisturbed_run_and_everything_that_can_happen_to_one)
{
	struct pool p = pool_start(&(const struct pool_options){ .workers = 3 });
	struct load *l = load_start(&(const struct load_options){ .port = p.port,
								  .clients = 4,
								  .keep_alive = true,
								  .seed = 7,
								  .first_user = 100,
								  .users = 5,
								  .requests = 300,
								  .mix = { [LOAD_CREATE] = 4,
									   [LOAD_REPEAT] = 2,
									   [LOAD_CHANGE] = 4,
									   [LOAD_GET] = 1,
									   [LOAD_LIST] = 1,
									   [LOAD_BAD] = 1 } });
	const struct load *const loads[] = { l };
	struct audit a;
	bool caught[AUDIT_INVARIANTS] = { false };

	cr_assert(wait_until(60000, is_over, l));
	load_stop(l);
	cr_expect(audit(&a, &(const struct audit_options){ .p = &p,
							   .loads = loads,
							   .n_loads = 1,
							   .exactly_once = true,
							   .in_order = true,
							   .limit_ms = 20000 }));
	for (int i = 0; i < a.n; i++)
		cr_expect(a.invariants[i].violations == 0, "%s: %ld", a.invariants[i].name,
			  a.invariants[i].violations);
	cr_expect(a.acked_orders > 50 && a.acked_orders == a.stored_orders, "%ld of %ld", a.acked_orders,
		  a.stored_orders);
	cr_expect(a.acked_changes > 30 && a.acked_changes == a.changes - a.stored_orders, "%ld of %ld",
		  a.acked_changes, a.changes);
	cr_expect(a.delivered == a.changes && a.distinct == a.changes, "%ld of %ld", a.delivered, a.changes);
	cr_assert(pool_stop(&p));

	p.queue[0] = '\0';
	(void)pool_sql(&p, set_aside);
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		a = audit_after(&p, l, row);
		cr_expect(audit_of(&a, rows[row].finds) > 0, "%s: not found", rows[row].what);
		for (int i = 0; i < a.n; i++)
			caught[i] = caught[i] || strcmp(a.invariants[i].name, rows[row].finds) == 0;
	}
	cr_expect(audit(&a, &(const struct audit_options){ .p = &p,
							   .loads = loads,
							   .n_loads = 1,
							   .exactly_once = true,
							   .in_order = true }),
		  "something was not undone");
	for (int i = 0; i < a.n; i++)
		cr_expect(caught[i], "nothing has shown that the audit can find: %s", a.invariants[i].name);
	load_free(l);
}

/* At least once, in any order, is what the service promises; the rest is for rows that can promise more. */
Test(audit, takes_repeats_and_late_comers_unless_it_is_told_not_to)
{
	struct pool p = pool_start(&(const struct pool_options){ .workers = 2 });
	struct load *l = load_start(
		&(const struct load_options){ .port = p.port,
					      .clients = 2,
					      .seed = 8,
					      .requests = 40,
					      .mix = { [LOAD_CREATE] = 1, [LOAD_CHANGE] = 2 } });
	const struct load *const loads[] = { l };
	struct audit_options o = { .p = &p, .loads = loads, .n_loads = 1, .limit_ms = 20000 };
	struct audit a;
	struct mail m;

	cr_assert(wait_until(60000, is_over, l));
	load_stop(l);
	cr_assert(audit(&a, &o));
	p.queue[0] = '\0';
	m = read_mail(p.database);
	reverse(&m);
	repeat_one(&m);
	write_mail(p.database, &m);
	cr_expect(audit(&a, &o));
	o.exactly_once = true;
	cr_expect(!audit(&a, &o) && audit_of(&a, ONCE) == 1 && a.violations == 1);
	o.exactly_once = false;
	o.in_order = true;
	cr_expect(!audit(&a, &o) && audit_of(&a, IN_ORDER) == a.violations);
	cr_expect(pool_stop(&p));
	load_free(l);
	free(m.lines);
}

/* GET /api/v1/orders. */
#include <talloc.h>

#include "api/answer.h"
#include "api/one_order.h"
#include "base/clock.h"
#include "json/order_json.h"
#include "json/param.h"

#define LINK_MAX 1024 /* every value is of a few bytes */

static bool
read_status(struct faults *f, const struct param *p, const struct int_rule *rule, int64_t *out)
{
	enum status status;

	(void)rule;
	if (!param_status(f, p, &status))
		return false;
	*out = (int64_t)status;
	return true;
}

static void
put_status(struct buf *b, int64_t status)
{
	buf_puts(b, status_name((enum status)status));
}

static bool
read_time(struct faults *f, const struct param *p, const struct int_rule *rule, int64_t *out_us)
{
	(void)rule;
	return param_time(f, p, out_us);
}

static void
put_time(struct buf *b, int64_t t_us)
{
	char text[RFC3339_SIZE];

	if (clock_rfc3339(t_us, text))
		b->failed = true;
	else
		buf_put_urlencoded(b, text, RFC3339_SIZE - 1);
}

static bool
read_user(struct faults *f, const struct param *p, const struct int_rule *rule, int64_t *out)
{
	if (p->len != 1 || *p->text != '*')
		return param_int(f, p, rule, out);
	*out = 0;
	return true;
}

static void
put_user(struct buf *b, int64_t id)
{
	if (id)
		buf_put_i64(b, id);
	else
		buf_put_urlencoded(b, "*", 1);
}

/* In the order in which their faults are told. */
enum { SKIP, LIMIT, STATUS, CREATED_FROM, CREATED_TO, AFTER, USER_ID, PARAMS };

/* put: how the next page's query repeats it, as it was understood; NULL: that has its own. */
static const struct {
	const char *name;
	bool (*read)(struct faults *f, const struct param *p, const struct int_rule *rule, int64_t *out);
	void (*put)(struct buf *b, int64_t value);
	struct int_rule rule;
} params[PARAMS] = {
	[SKIP] = { "skip", param_int, NULL, { 0, INT64_MAX, false } },
	[LIMIT] = { "limit", param_int, buf_put_i64, { 1, 100, false } },
	[STATUS] = { "status", read_status, put_status, { 0 } },
	[CREATED_FROM] = { "created_from", read_time, put_time, { 0 } },
	[CREATED_TO] = { "created_to", read_time, put_time, { 0 } },
	[AFTER] = { "after", param_int, NULL, { 1, INT64_MAX, true } },
	[USER_ID] = { "user_id", read_user, put_user, { 1, INT64_MAX, true } },
};

struct listing {
	bool given[PARAMS];
	int64_t values[PARAMS]; /* as struct selection has them */
};

static enum rc
read_query(struct request *r, struct listing *l)
{
	struct faults f;
	enum rc rc;

	faults_init(&f, r->ctx);
	for (size_t i = 0; i < PARAMS; i++) {
		struct param p = { .name = params[i].name };

		if ((rc = http_query(r->in, p.name, &p.text, &p.len)))
			return rc;
		l->given[i] = p.text != NULL;
		if (p.text)
			(void)params[i].read(&f, &p, &params[i].rule, &l->values[i]);
	}
	return faults_close(&f, &r->why);
}

/* Staff may name anybody's order as the one to go on after: where it lies. */
static enum rc
find_position(struct request *r, struct selection *s)
{
	struct order order;
	int64_t owner;
	enum rc rc;

	if ((rc = find_owner(r, s->after, NULL, &owner)) ||
	    (rc = store_get_order(r->app->pg, r->ctx, owner, s->after, &order)))
		return rc;
	s->after_us = order.created_us;
	return RC_OK;
}

static enum rc
fetch_page(struct request *r, struct selection *s, struct order **orders, size_t *n)
{
	enum rc rc = store_list_orders(r->app->pg, r->ctx, s, orders, n);

	if (rc != RC_NO_ORDER || !r->caller.staff || !s->user_id)
		return rc;
	rc = find_position(r, s);
	return rc ? rc : store_list_orders(r->app->pg, r->ctx, s, orders, n);
}

static void
link_next(struct request *r, const struct listing *l, int64_t last)
{
	struct buf b;

	buf_init(&b, r->ctx, LINK_MAX);
	buf_puts(&b, "</api/v1/orders?");
	for (size_t i = 0; i < PARAMS; i++) {
		if (!l->given[i] || !params[i].put)
			continue;
		buf_puts(&b, params[i].name);
		buf_putc(&b, '=');
		params[i].put(&b, l->values[i]);
		buf_putc(&b, '&');
	}
	buf_puts(&b, "after=");
	buf_put_i64(&b, last);
	buf_puts(&b, ">; rel=\"next\"");
	if (b.failed)
		r->out->fields.failed = true;
	else
		http_response_field(r->out, "Link", b.data);
}

enum rc
list_orders(struct request *r)
{
	struct listing l = { .values = { [LIMIT] = 100,
					 [CREATED_FROM] = TIME_NONE,
					 [CREATED_TO] = TIME_NONE,
					 [USER_ID] = r->caller.id } };
	struct selection s;
	struct order *orders;
	struct buf body;
	size_t n;
	enum rc rc;

	if ((rc = read_query(r, &l)))
		return rc;
	if (l.given[USER_ID] && !r->caller.staff)
		return RC_FORBIDDEN;
	r->why.text = talloc_asprintf(r->ctx, "%lld", (long long)l.values[AFTER]);
	if (!r->why.text)
		return RC_NO_MEMORY;
	s = (struct selection){ .user_id = l.values[USER_ID],
				.by_status = l.given[STATUS],
				.status = (enum status)l.values[STATUS],
				.from_us = l.values[CREATED_FROM],
				.to_us = l.values[CREATED_TO],
				.after = l.values[AFTER],
				.after_us = TIME_NONE,
				.skip = l.values[SKIP],
				.limit = (int32_t)l.values[LIMIT] };
	if ((rc = fetch_page(r, &s, &orders, &n)))
		return rc;
	if (n == (size_t)s.limit)
		link_next(r, &l, orders[n - 1].id);
	buf_init(&body, r->ctx, ANSWER_MAX);
	orders_encode(&body, orders, n);
	return answer_list(r, &body);
}

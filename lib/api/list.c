/* GET /api/v1/orders. */
#include <talloc.h>

#include "api/answer.h"
#include "api/one_order.h"
#include "base/clock.h"
#include "json/param.h"

#define LINK_MAX 1024 /* every value is of a few bytes */

static const struct int_rule skip_rule = { 0, INT64_MAX, false };
static const struct int_rule limit_rule = { 1, 100, false };
static const struct int_rule id_rule = { 1, INT64_MAX, true };

static void
read_skip(struct faults *f, const struct param *p, struct selection *s)
{
	(void)param_int(f, p, &skip_rule, &s->skip);
}

static void
read_limit(struct faults *f, const struct param *p, struct selection *s)
{
	int64_t limit;

	if (param_int(f, p, &limit_rule, &limit))
		s->limit = (int32_t)limit;
}

static void
put_limit(struct buf *b, const struct selection *s)
{
	buf_put_i64(b, s->limit);
}

static void
read_status(struct faults *f, const struct param *p, struct selection *s)
{
	s->by_status = param_status(f, p, &s->status);
}

static void
put_status(struct buf *b, const struct selection *s)
{
	buf_puts(b, status_name(s->status));
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

static void
read_from(struct faults *f, const struct param *p, struct selection *s)
{
	(void)param_time(f, p, &s->from_us);
}

static void
put_from(struct buf *b, const struct selection *s)
{
	put_time(b, s->from_us);
}

static void
read_to(struct faults *f, const struct param *p, struct selection *s)
{
	(void)param_time(f, p, &s->to_us);
}

static void
put_to(struct buf *b, const struct selection *s)
{
	put_time(b, s->to_us);
}

static void
read_after(struct faults *f, const struct param *p, struct selection *s)
{
	(void)param_int(f, p, &id_rule, &s->after);
}

static void
read_user(struct faults *f, const struct param *p, struct selection *s)
{
	if (p->len == 1 && *p->text == '*')
		s->user_id = 0;
	else
		(void)param_int(f, p, &id_rule, &s->user_id);
}

static void
put_user(struct buf *b, const struct selection *s)
{
	if (s->user_id)
		buf_put_i64(b, s->user_id);
	else
		buf_put_urlencoded(b, "*", 1);
}

/* In the order in which their faults are told. */
enum { SKIP, LIMIT, STATUS, CREATED_FROM, CREATED_TO, AFTER, USER_ID, PARAMS };

/* put: how the next page's query repeats it, as it was understood; NULL: that has its own. */
static const struct {
	const char *name;
	void (*read)(struct faults *f, const struct param *p, struct selection *s);
	void (*put)(struct buf *b, const struct selection *s);
} params[PARAMS] = {
	[SKIP] = { "skip", read_skip, NULL },
	[LIMIT] = { "limit", read_limit, put_limit },
	[STATUS] = { "status", read_status, put_status },
	[CREATED_FROM] = { "created_from", read_from, put_from },
	[CREATED_TO] = { "created_to", read_to, put_to },
	[AFTER] = { "after", read_after, NULL },
	[USER_ID] = { "user_id", read_user, put_user },
};

struct listing {
	struct selection s;
	bool given[PARAMS];
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
			params[i].read(&f, &p, &l->s);
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
		params[i].put(&b, &l->s);
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
	struct listing l = { .s = { .user_id = r->caller.id,
				    .from_us = TIME_NONE,
				    .to_us = TIME_NONE,
				    .after_us = TIME_NONE,
				    .limit = 100 } };
	struct order *orders;
	size_t n;
	enum rc rc;

	if ((rc = read_query(r, &l)))
		return rc;
	if (l.given[USER_ID] && !r->caller.staff)
		return RC_FORBIDDEN;
	r->why.text = talloc_asprintf(r->ctx, "%lld", (long long)l.s.after);
	if (!r->why.text)
		return RC_NO_MEMORY;
	if ((rc = fetch_page(r, &l.s, &orders, &n)))
		return rc;
	if (n == (size_t)l.s.limit)
		link_next(r, &l, orders[n - 1].id);
	return answer_orders(r, orders, n);
}

#include "support/expect.h"

#include <stdlib.h>
#include <string.h>

static const char *
wrong_fields(const struct answer *a)
{
	const char *id = field(a, "X-Request-ID"), *type = field(a, "Content-Type"),
		   *retry = field(a, "Retry-After");

	if (!id || strlen(id) > 64)
		return "no X-Request-ID";
	if (field_nth(a, "X-Request-ID", 1) || field_nth(a, "Content-Type", 1))
		return "a field came twice";
	if (a->body_len && (!type || strcmp(type, "application/json") != 0))
		return text("Content-Type is %s", type ? type : "absent");
	if (a->status == 401 && differs(field(a, "WWW-Authenticate"), "Bearer"))
		return "a 401 without WWW-Authenticate: Bearer";
	if (a->status != 401 && field(a, "WWW-Authenticate"))
		return "WWW-Authenticate without a 401";
	if ((a->status == 503 || a->status == 504) && (!retry || atoi(retry) < 1))
		return text("Retry-After is %s", retry ? retry : "absent");
	return NULL;
}

const char *
wrong(const struct answer *a, int status, const char *body)
{
	const char *fault;

	if (a->status != status)
		return text("status %d instead of %d: %s%s", a->status, status, a->head, a->body);
	if ((fault = differs(a->body, body)) || (fault = wrong_fields(a)))
		return text("%s\n%s", fault, a->head);
	return NULL;
}

const char *
wrong_detail(const struct answer *a, int status, const char *detail)
{
	return wrong(a, status, text("{\"detail\":\"%s\"}", detail));
}

int64_t
order_id_of(const struct answer *a)
{
	return json_get_i64(a->body, "id");
}

int64_t
place_order(const struct pool *p, int64_t user, int64_t product, int quantity)
{
	struct answer a = ASK(p, .target = "/api/v1/orders", .token = token_of(user),
			      .body = text("{\"items\":[{\"product_id\":%lld,\"quantity\":%d}]}",
					   (long long)product, quantity));

	cr_assert(a.status == 201, "no order was made: %d %s", a.status, a.body);
	return order_id_of(&a);
}

const char *
order_target(int64_t order_id)
{
	return text("/api/v1/orders/%lld", (long long)order_id);
}

const char *
status_target(int64_t order_id)
{
	return text("/api/v1/orders/%lld/status", (long long)order_id);
}

struct answer
change_order(const struct pool *p, int64_t user, int64_t order_id, const char *status)
{
	return ASK(p, .method = "PATCH", .target = status_target(order_id), .token = token_of(user),
		   .body = text("{\"status\":\"%s\"}", status));
}

void
lead_order(const struct pool *p, int64_t user, int64_t order_id, const char *status)
{
	static const char *const path[] = { "confirmed", "shipped", "delivered" };
	struct answer a;

	if (strcmp(status, "pending") == 0)
		return;
	if (strcmp(status, "cancelled") == 0) {
		a = change_order(p, user, order_id, status);
		cr_assert(a.status == 200, "%d %s", a.status, a.body);
		return;
	}
	for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
		a = change_order(p, user, order_id, path[i]);
		cr_assert(a.status == 200, "%d %s", a.status, a.body);
		if (strcmp(path[i], status) == 0)
			return;
	}
}

void
plant_orders(const struct pool *p, int64_t user, const char *from, int n)
{
	(void)pool_sql(
		p,
		text("WITH o AS (INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at) "
		     "SELECT %lld, '', (enum_range(NULL::orders.order_status))[1 + g %% 5], 1, 1, t, t FROM ("
		     "SELECT g, timestamptz '%s' + g * interval '1 minute' AS t FROM generate_series(0, %d - 1) AS g) AS s "
		     "RETURNING user_id, id, created_at) "
		     "INSERT INTO orders.order_items (user_id, order_id, line, product_id, product_name, product_price, quantity, "
		     "subtotal, created_at) SELECT user_id, id, 1, 1, 'P', 1, 1, 1, created_at FROM o",
		     (long long)user, from, n));
}

const char *
ids_of(const struct answer *a)
{
	struct json_object *list = json_read(a->body);
	char *ids = text("%s", "");

	if (a->status != 200 || json_count(list, "") < 0)
		return text("%d %s", a->status, a->body);
	for (int i = 0; i < json_count(list, ""); i++)
		ids = text("%s%s%s", ids, i ? " " : "", json_at(list, text("%d.id", i)));
	return ids;
}

const char *
log_has_any(const struct pool *p, const char *const texts[])
{
	char *log = pool_log(p);

	for (; *texts; texts++)
		if (strstr(log, *texts))
			return *texts;
	return NULL;
}

/*
 * The requests of a load and what the right answers to them are. What is sent follows from the seed and, for changes and
 * repeats, from what was answered before.
 *
 * Wrong is an answer that no fault of a neighbour excuses: an order that is not the one that was asked for, to the cent
 * and the line; an acknowledged order that is not there; a refused token, or a key that is said to be another request's; an
 * error without its detail. Found by strict search in the text, as the service writes it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/load_internal.h"
#include "order/status.h"
#include "support/test.h"

#define RING 4096
#define ORDERS "/api/v1/orders"

/* An order that was acknowledged. */
struct known {
	int64_t id, user, cents;
	enum status status;
	bool busy;     /* a change of it is on its way */
	bool doubtful; /* a change was cut or refused, so it may have been made */
	bool done;     /* not to be changed any more */
};

static const struct load_options *options;
static const struct load_product *products;
static const char *const *tokens;
static size_t products_n;
static unsigned mix_sum;
static uint64_t turn; /* requests so far */
static int64_t
	creates; /* LOAD_CREATE so far: the number of the last one, which is its key where it has one */
static long first_ones; /* to be created before anything else */
static unsigned bad_turn;

static struct known known[RING];
static size_t known_n; /* ever */

/* Keys that were acknowledged, by turns, and keys whose request was refused or cut, first in first out. */
static struct {
	int64_t key, order_id;
} acked_keys[RING];
static size_t acked_keys_n;
static int64_t owed_keys[RING];
static size_t owed_from, owed_to;

/* splitmix64 */
static uint64_t
scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* Below n, out of the seed and two numbers. */
static uint64_t
draw(uint64_t a, uint64_t b, uint64_t n)
{
	return scramble(scramble(scramble(options->seed) ^ a) ^ b) % n;
}

void
requests_init(const struct load_options *o, const struct load_product *sold, size_t n,
	      const char *const *user_tokens)
{
	options = o;
	products = sold;
	products_n = n;
	tokens = user_tokens;
	for (int k = 0; k < LOAD_KINDS; k++)
		mix_sum += (unsigned)o->mix[k];
	if (o->mix[LOAD_GET] && !o->mix[LOAD_CREATE])
		first_ones = 64;
}

__attribute__((format(printf, 2, 3))) static void
put(struct load_request *q, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(q->bytes + q->len, sizeof q->bytes - q->len, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof q->bytes - q->len)
		give_up("load: a request is too long");
	q->len += (size_t)n;
}

/* key 0: none. body NULL: none. */
static void
write_request(struct load_request *q, const char *method, const char *target, int64_t key, const char *body)
{
	q->len = 0;
	put(q, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", method, target, options->port);
	if (q->r.user)
		put(q, "Authorization: Bearer %s\r\n", tokens[q->r.user - options->first_user]);
	if (key)
		put(q, "Idempotency-Key: load-%llu-%lld\r\n", (unsigned long long)options->seed,
		    (long long)key);
	if (body)
		put(q, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	put(q, "%s\r\n%s", options->keep_alive ? "" : "Connection: close\r\n", body ? body : "");
}

static int64_t
user_of(uint64_t a, uint64_t b)
{
	return options->first_user + (int64_t)draw(a, b, (uint64_t)options->users);
}

/* An order whose user and bytes follow from its number. */
static void
make_order(struct load_request *q, int64_t number, bool under_key)
{
	char body[512];
	int len = snprintf(body, sizeof body, "{\"items\":[");

	q->r.user = user_of((uint64_t)number, 1);
	q->r.lines = (uint8_t)(1 + draw((uint64_t)number, 2, LOAD_LINES_MAX));
	q->r.key = under_key ? number : 0;
	q->repeatable = under_key;
	q->expected_cents = 0;
	for (unsigned i = 0; i < q->r.lines; i++) {
		const struct load_product *p = &products[draw((uint64_t)number, 10 + i, products_n)];

		q->r.items[i].product = p->id;
		q->r.items[i].quantity = 1 + (int64_t)draw((uint64_t)number, 20 + i, 5);
		q->expected_cents += p->cents * q->r.items[i].quantity;
		len += snprintf(body + len, sizeof body - (size_t)len,
				"%s{\"product_id\":%lld,\"quantity\":%lld}", i ? "," : "",
				(long long)q->r.items[i].product, (long long)q->r.items[i].quantity);
	}
	(void)snprintf(body + len, sizeof body - (size_t)len, "]}");
	write_request(q, "POST", ORDERS, q->r.key, body);
}

static bool
make_create(struct load_request *q)
{
	q->r.kind = LOAD_CREATE;
	creates++;
	make_order(q, creates, creates % 2 == 1);
	return true;
}

static bool
make_repeat(struct load_request *q)
{
	int64_t key = 0;

	if (creates > 0 && draw(turn, 3, 8) == 0) {
		key = creates - (creates % 2 == 0); /* the newest, most likely on its way yet */
	} else if (owed_from < owed_to) {
		key = owed_keys[owed_from++ % RING];
	} else if (acked_keys_n > 0) {
		size_t i = draw(turn, 4, acked_keys_n < RING ? acked_keys_n : RING);

		key = acked_keys[i].key;
		q->expected_order = acked_keys[i].order_id;
	}
	if (key)
		make_order(q, key, true);
	return key != 0;
}

static bool
make_change(struct load_request *q)
{
	static const char *const names[STATUS_COUNT] = { "pending", "confirmed", "shipped", "delivered",
							 "cancelled" };
	size_t n = known_n < RING ? known_n : RING, i = 0;
	char target[64], body[64];
	struct known *o = NULL;

	for (uint64_t attempt = 0; n > 0 && attempt < 32 && !o; attempt++) {
		i = draw(turn, 100 + attempt, n);
		if (!known[i].busy && !known[i].done)
			o = &known[i];
	}
	if (!o)
		return false;
	o->busy = true;
	q->slot = (int)i;
	q->r.user = o->user;
	q->expected_order = q->r.order_id = o->id;
	q->expected_cents = o->cents;
	q->r.to = (uint8_t)(draw(turn, 5, 8) == 0 ? STATUS_CANCELLED : o->status + 1);
	(void)snprintf(target, sizeof target, ORDERS "/%lld/status", (long long)o->id);
	(void)snprintf(body, sizeof body, "{\"status\":\"%s\"}", names[q->r.to]);
	write_request(q, "PATCH", target, 0, body);
	return true;
}

static bool
make_get(struct load_request *q)
{
	size_t n = known_n < RING ? known_n : RING;
	const struct known *o;
	char target[64];

	if (n == 0)
		return false;
	o = &known[draw(turn, 6, n)];
	q->r.user = o->user;
	q->expected_order = q->r.order_id = o->id;
	q->expected_cents = o->cents;
	q->repeatable = true;
	(void)snprintf(target, sizeof target, ORDERS "/%lld", (long long)o->id);
	write_request(q, "GET", target, 0, NULL);
	return true;
}

static bool
make_list(struct load_request *q)
{
	q->r.kind = LOAD_LIST;
	q->r.user = user_of(turn, 7);
	q->repeatable = true;
	write_request(q, "GET", ORDERS "?limit=20", 0, NULL);
	return true;
}

static bool
make_health(struct load_request *q)
{
	q->repeatable = true;
	write_request(q, "GET", "/health", 0, NULL);
	return true;
}

static bool
make_bad(struct load_request *q)
{
	static const struct {
		const char *method, *target, *body;
		bool stranger; /* the token is refused */
	} rows[] = {
		{ "GET", ORDERS, NULL, true },
		{ "POST", ORDERS, "{\"items\":[]}", false },
		{ "GET", "/api/v1/nothing", NULL, false },
		{ "POST", ORDERS, "{\"items\":[{\"product_id\":999999999,\"quantity\":1}]}", false },
		{ "POST", ORDERS, "{'items':[]}", false },
		{ "PATCH", ORDERS "/1/status", "{\"status\":\"done\"}", false },
		{ "DELETE", ORDERS, NULL, false },
	};
	size_t i = bad_turn++ % (sizeof rows / sizeof *rows);
	char *token;

	q->r.user = user_of(turn, 8);
	q->repeatable = true;
	write_request(q, rows[i].method, rows[i].target, 0, rows[i].body);
	/* In the middle of the claims, so that the signature is not theirs. */
	if (rows[i].stranger && (token = strstr(q->bytes, "Bearer ")) && (token = strchr(token, '.')))
		token[5] = token[5] == 'A' ? 'B' : 'A';
	return true;
}

static bool (*const make[LOAD_KINDS])(struct load_request *) = {
	[LOAD_CREATE] = make_create, [LOAD_REPEAT] = make_repeat, [LOAD_CHANGE] = make_change,
	[LOAD_GET] = make_get,	     [LOAD_LIST] = make_list,	  [LOAD_HEALTH] = make_health,
	[LOAD_BAD] = make_bad,
};

static enum load_kind
draw_kind(void)
{
	int64_t left = (int64_t)draw(turn, 9, mix_sum);
	int k = 0;

	while ((left -= options->mix[k]) >= 0)
		k++;
	return (enum load_kind)k;
}

void
request_make(struct load_request *q)
{
	enum load_kind kind = creates < first_ones ? LOAD_CREATE : draw_kind();

	turn++;
	q->r = (struct load_record){ .kind = (uint8_t)kind };
	q->repeatable = false;
	q->slot = -1;
	q->expected_order = q->expected_cents = 0;
	if (!make[kind](q))
		(void)(kind == LOAD_GET ? make_list : make_create)(q);
}

/* Judging */

/* Moves *at behind the text when it stands there. */
static bool
skip(const char **at, const char *literal)
{
	size_t len = strlen(literal);

	if (strncmp(*at, literal, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool
read_number(const char **at, int64_t *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*out = strtoll(*at, &end, 10);
	*at = end;
	return true;
}

/* "12.34" */
static bool
read_cents(const char **at, int64_t *out)
{
	int64_t whole;
	const char *p = *at;

	if (!skip(&p, "\"") || !read_number(&p, &whole) || p[0] != '.' || p[1] < '0' || p[1] > '9' ||
	    p[2] < '0' || p[2] > '9' || p[3] != '"')
		return false;
	*out = whole * 100 + (p[1] - '0') * 10 + (p[2] - '0');
	*at = p + 4;
	return true;
}

/* {"id":…,"user_id":…,"status":"…","total_amount":"…", */
static bool
read_order(const char **at, int64_t *id, int64_t *user, enum status *status, int64_t *cents)
{
	size_t len;

	if (!skip(at, "{\"id\":") || !read_number(at, id) || !skip(at, ",\"user_id\":") ||
	    !read_number(at, user) || !skip(at, ",\"status\":\""))
		return false;
	len = strcspn(*at, "\"");
	if (!status_parse(*at, len, status))
		return false;
	*at += len;
	return skip(at, "\",\"total_amount\":") && read_cents(at, cents) && skip(at, ",\"created_at\":\"");
}

/* The lines that were asked for, in their order, and no more. */
static bool
has_items(const struct load_request *q, const char *at)
{
	int64_t order_id, product, quantity;
	unsigned n = 0;

	for (; (at = strstr(at, "\"order_id\":")); n++) {
		if (n == q->r.lines || !skip(&at, "\"order_id\":") || !read_number(&at, &order_id) ||
		    order_id != q->r.order_id || !skip(&at, ",\"product_id\":") ||
		    !read_number(&at, &product) || product != q->r.items[n].product ||
		    !(at = strstr(at, "\",\"quantity\":")) || !skip(&at, "\",\"quantity\":") ||
		    !read_number(&at, &quantity) || quantity != q->r.items[n].quantity)
			return false;
	}
	return n == q->r.lines;
}

static bool
is_order(struct load_request *q, const struct load_reply *a)
{
	const char *at = a->body;
	enum status status;
	int64_t user;

	if (!read_order(&at, &q->r.order_id, &user, &status, &q->r.total_cents) || user != q->r.user ||
	    q->r.total_cents != q->expected_cents || a->len < 3 || strcmp(a->body + a->len - 3, "}]}") != 0 ||
	    (q->expected_order && q->r.order_id != q->expected_order))
		return false;
	switch (q->r.kind) {
	case LOAD_CREATE:
	case LOAD_REPEAT:
		return status == STATUS_PENDING && has_items(q, at);
	case LOAD_CHANGE:
		return status == (enum status)q->r.to;
	default:
		return true;
	}
}

/* An array of at most 20 orders, each the user's. */
static bool
is_list(const struct load_request *q, const struct load_reply *a)
{
	const char *at = a->body;
	enum status status;
	int64_t id, user, cents;
	int n = 0;

	if (strcmp(at, "[]") == 0)
		return true;
	while (*at++ == (n ? ',' : '[') && n < 20) {
		if (!read_order(&at, &id, &user, &status, &cents) || user != q->r.user ||
		    !(at = strstr(at, "}]}")))
			return false;
		at += 3;
		n++;
		if (strcmp(at, "]") == 0)
			return true;
	}
	return false;
}

static bool
is_right(struct load_request *q, const struct load_reply *a)
{
	int kind = q->r.kind;

	if (a->status >= 400) {
		if (strncmp(a->body, "{\"detail\":", 10) != 0)
			return false;
		if (kind == LOAD_BAD || a->status >= 500)
			return a->retry_after || (a->status != 503 && a->status != 504);
		if (kind == LOAD_CHANGE)
			return a->status == 400 && strncmp(a->body + 10, "\"Cannot ", 8) == 0 &&
			       known[q->slot].id == q->r.order_id && known[q->slot].doubtful;
		/* What a lying Product Service deserves. */
		return (kind == LOAD_CREATE || kind == LOAD_REPEAT) && (a->status == 400 || a->status == 404);
	}
	switch (kind) {
	case LOAD_CREATE:
	case LOAD_REPEAT:
		return a->status == 201 && is_order(q, a);
	case LOAD_CHANGE:
	case LOAD_GET:
		return a->status == 200 && is_order(q, a);
	case LOAD_LIST:
		return a->status == 200 && is_list(q, a);
	case LOAD_HEALTH:
		return a->status == 200 && strcmp(a->body, "{\"status\":\"healthy\"}") == 0;
	default:
		return false;
	}
}

/* An order that is being changed is not overwritten. */
static void
learn_order(const struct load_request *q)
{
	for (size_t attempt = 0; attempt < RING; attempt++) {
		struct known *o = &known[known_n++ % RING];

		if (!o->busy) {
			*o = (struct known){ .id = q->r.order_id,
					     .user = q->r.user,
					     .cents = q->r.total_cents };
			return;
		}
	}
}

static void
learn_create(const struct load_request *q)
{
	bool good = q->r.status == 201 && !q->r.wrong;

	if (good && q->r.kind == LOAD_CREATE)
		learn_order(q);
	if (good && q->r.key && !q->expected_order) {
		acked_keys[acked_keys_n % RING].key = q->r.key;
		acked_keys[acked_keys_n++ % RING].order_id = q->r.order_id;
	}
	if (q->r.key && (q->r.status == 0 || q->r.status >= 500)) {
		owed_keys[owed_to++ % RING] = q->r.key;
		if (owed_to - owed_from > RING)
			owed_from++;
	}
}

static void
learn_change(const struct load_request *q)
{
	struct known *o = &known[q->slot];

	o->busy = false;
	if (q->r.status == 200 && !q->r.wrong) {
		o->status = (enum status)q->r.to;
		o->done = o->status == STATUS_DELIVERED || o->status == STATUS_CANCELLED;
	} else if (q->r.status == 0 || q->r.status >= 500) {
		o->doubtful = true;
	} else {
		o->done = true;
	}
}

void
request_done(struct load_request *q, const struct load_reply *a)
{
	q->r.status = (int16_t)a->status;
	q->r.replayed = a->replayed;
	q->r.wrong = a->status != 0 && !is_right(q, a);
	if (q->r.kind == LOAD_CREATE || q->r.kind == LOAD_REPEAT)
		learn_create(q);
	if (q->r.kind == LOAD_CHANGE)
		learn_change(q);
}

/* What the contract says of every answer, in one word each; sentences for cr_assert(), NULL when all is well. */
#ifndef SUPPORT_EXPECT_H
#define SUPPORT_EXPECT_H

#include <criterion/criterion.h>

#include "support/events.h"
#include "support/http.h"
#include "support/json.h"
#include "support/pool.h"
#include "support/test.h"
#include "support/token.h"

/* status, and body by differs(), with Content-Type and X-Request-ID as the contract wants them, and what the
 * contract says that this status brings along. */
const char *wrong(const struct answer *a, int status, const char *body);
/* The same for {"detail":"…"}. */
const char *wrong_detail(const struct answer *a, int status, const char *detail);

#define EXPECT(answer, status, body)                                                                         \
	do {                                                                                                 \
		const char *wrong_ = wrong(&(answer), status, body);                                         \
		cr_expect(wrong_ == NULL, "%s", wrong_);                                                     \
	} while (0)
#define EXPECT_DETAIL(answer, status, detail)                                                                \
	do {                                                                                                 \
		const char *wrong_ = wrong_detail(&(answer), status, detail);                                \
		cr_expect(wrong_ == NULL, "%s", wrong_);                                                     \
	} while (0)
/* In a table: reason says which row. */
#define EXPECT_ROW(reason, answer, status, body)                                                             \
	do {                                                                                                 \
		const char *wrong_ = wrong(&(answer), status, body);                                         \
		cr_expect(wrong_ == NULL, "%s: %s", reason, wrong_);                                         \
	} while (0)
#define EXPECT_DETAIL_ROW(reason, answer, status, detail)                                                    \
	do {                                                                                                 \
		const char *wrong_ = wrong_detail(&(answer), status, detail);                                \
		cr_expect(wrong_ == NULL, "%s: %s", reason, wrong_);                                         \
	} while (0)
#define EXPECT_TEXT(actual, pattern)                                                                         \
	do {                                                                                                 \
		const char *wrong_ = differs(actual, pattern);                                               \
		cr_expect(wrong_ == NULL, "%s", wrong_);                                                     \
	} while (0)

/* Places an order of quantity of product for user, asserting the 201; returns its id. */
int64_t place_order(const struct pool *p, int64_t user, int64_t product, int quantity);
/* The answer to PATCH …/status. */
struct answer change_order(const struct pool *p, int64_t user, int64_t order_id, const char *status);
const char *order_target(int64_t order_id);
const char *status_target(int64_t order_id);
/* Leads an order of user's from pending to this status, by PATCHes. */
void lead_order(const struct pool *p, int64_t user, int64_t order_id, const char *status);
int64_t order_id_of(const struct answer *a);

/* Plants n orders of user's with one item each through SQL, created from the moment `from` on, a minute apart, their statuses in turn; what they cost
 * and what they owe is not asked. */
void plant_orders(const struct pool *p, int64_t user, const char *from, int n);
/* The ids of a list, "3 2 1"; what else came, when it is none. */
const char *ids_of(const struct answer *a);

/* The pool's log in full has none of these texts: NULL, or the first that it has. The list ends with NULL. */
const char *log_has_any(const struct pool *p, const char *const texts[]);

#endif

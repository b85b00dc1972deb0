/* Answers; the one map from enum rc to status and sentence. */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include "api/app.h"

/* RC_OK, or RC_NO_MEMORY. */
enum rc answer_order(struct request *r, int status, const struct order *o) MUST_CHECK;
/* The client has this version already. */
enum rc answer_not_modified(struct request *r, const struct order *o) MUST_CHECK;
enum rc answer_history(struct request *r, const struct past *past, size_t n) MUST_CHECK;
enum rc answer_orders(struct request *r, const struct order *orders, size_t n) MUST_CHECK;
enum rc answer_json(struct request *r, int status, const struct buf *body) MUST_CHECK;

/* Adds Idempotent-Replayed. */
void answer_is_replay(struct request *r);

/* Why a request was not served. */
void answer_failure(struct request *r, enum rc rc);

#endif

/* Answers; the one map from enum rc to status and sentence. */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include "api/app.h"

#define ANSWER_MAX (64u << 20) /* 100 orders of 100 items with the longest names */

/* RC_OK, or RC_NO_MEMORY. */
enum rc answer_order(struct request *r, int status, const struct order *o) MUST_CHECK;
/* The client has this version already. */
enum rc answer_not_modified(struct request *r, const struct order *o) MUST_CHECK;
/* A list in JSON, of orders or of what became of one. */
enum rc answer_list(struct request *r, const struct buf *list) MUST_CHECK;
enum rc answer_json(struct request *r, int status, const struct buf *body) MUST_CHECK;
/* type: of the body, as Content-Type says it; NULL: JSON's. */
enum rc answer_body(struct request *r, int status, const char *type, const struct buf *body) MUST_CHECK;

/* Adds Idempotent-Replayed. */
void answer_is_replay(struct request *r);

/* Why a request was not served. */
void answer_failure(struct request *r, enum rc rc);

#endif

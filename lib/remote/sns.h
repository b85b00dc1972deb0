/* AWS SNS, query protocol version 2010-03-31: CreateTopic, Publish, PublishBatch. libcurl signs. */
#ifndef REMOTE_SNS_H
#define REMOTE_SNS_H

#include "base/config.h"
#include "order/order.h"
#include "remote/sns_answer.h"

struct sns;

/* NULL: no memory. config is borrowed. */
struct sns *sns_open(void *ctx, const struct config *config);

/*
 * Publishes the first *n events, at most SNS_BATCH_MAX, or as many of them as one request can carry: *n. The
 * topic comes first if it is not known yet; all of it takes at most 2 s. RC_OK: results tells what became of
 * each. Otherwise nothing is known to have been taken, and *fault says why: RC_SNS_DOWN, RC_SNS_THROTTLED,
 * RC_SNS_REFUSED; RC_NO_MEMORY.
 */
enum rc sns_publish(struct sns *s, void *ctx, const struct event *events, size_t *n,
		    struct sns_fault results[static SNS_BATCH_MAX], struct sns_fault *fault) MUST_CHECK;

/*
 * Are there keys, and the topic? Nothing is changed: a topic that has only a name is looked for among those of the account, and
 * arn is "" where it is not there yet. At most 5 s. The codes of sns_publish(); fault->answered_us is set in any case where SNS answered.
 */
enum rc sns_look(struct sns *s, void *ctx, char arn[static SNS_TEXT_SIZE],
		 struct sns_fault *fault) MUST_CHECK;

#endif

/*
 * Every way in which work can end. What can fail returns enum rc; the particulars that a message
 * needs go into struct why; lib/api/answer.c alone turns both into a status and a sentence.
 */
#ifndef RC_H
#define RC_H

#include <stddef.h>
#include <stdint.h>

enum rc {
	RC_OK = 0,
	RC_FOUND, /* a remembered answer: nothing was done now */
	RC_NO_MEMORY,
	RC_INTERNAL, /* what only a bug or a broken installation brings about */
	RC_RANGE,    /* a number or a size outside what the type or the contract holds */
	RC_SYNTAX,   /* text that is not what it should be */

	RC_NO_PATH, /* HTTP: before anyone is asked who they are */
	RC_NO_METHOD,
	RC_TRAILING_SLASH,
	RC_NOT_AUTHENTICATED,
	RC_BAD_TOKEN,
	RC_BODY_TOO_LARGE,
	RC_MEDIA_TYPE,
	RC_BODY_UNREADABLE, /* not UTF-8, nested too deeply, or cut short */
	RC_INVALID,	    /* why.text: the JSON array of faults for a 422 */
	RC_BAD_KEY,	    /* Idempotency-Key */
	RC_KEY_REUSED,

	RC_PRODUCT_MISSING, /* why.product_id */
	RC_STOCK,	    /* why.product_id, available, requested */
	RC_PRODUCT_TIMEOUT,
	RC_PRODUCT_DOWN,
	RC_PRODUCT_INVALID,
	RC_TOTAL_TOO_LARGE,

	RC_NO_ORDER,	 /* why.text: the order's id as the client wrote it, without leading zeros */
	RC_STATUS_FINAL, /* why.from */
	RC_STATUS_STEP,	 /* why.from, to */
	RC_STALE,	 /* If-Match names other versions than the order's */
	RC_FORBIDDEN,

	RC_DATABASE,  /* unreachable, too slow, or out of resources: worth another try later */
	RC_DUPLICATE, /* a unique constraint refused: somebody committed the same key first */
	RC_NOT_READY,

	RC_SNS_DOWN,	  /* unreachable, 5xx: the pool backs off */
	RC_SNS_THROTTLED, /* the same, but SNS asks for less */
	RC_SNS_REFUSED,	  /* credentials, permissions, topic: an operator has to act */
	RC_SNS_MESSAGE,	  /* this one message will never be taken */
};

/* The particulars of a failure, plain values; which of them are set is said beside each code. */
struct why {
	int64_t product_id;
	int64_t available;
	int64_t requested;
	const char *from;
	const char *to;
	const char *text;
};

#define MUST_CHECK __attribute__((warn_unused_result))

#endif

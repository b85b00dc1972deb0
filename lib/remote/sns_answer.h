/* What SNS answers, XML of the query protocol. Pure: the transfer is sns.c's business. */
#ifndef REMOTE_SNS_ANSWER_H
#define REMOTE_SNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rc.h"

#define SNS_BATCH_MAX 10
#define SNS_TEXT_SIZE 512 /* an ARN has up to 256 bytes of name and some 50 before it */

/* A fault as SNS words it, cut to what fits. */
struct sns_fault {
	enum rc rc; /* RC_OK: none; RC_SNS_DOWN, _THROTTLED, _REFUSED or _MESSAGE; RC_NO_MEMORY: not read */
	char code[64];
	char message[SNS_TEXT_SIZE];
	int64_t answered_us; /* by SNS's clock, µs since 1970; 0: not known */
};

struct sns_answer {
	struct sns_fault fault;			 /* of the request as a whole */
	struct sns_fault entries[SNS_BATCH_MAX]; /* of each message, by the number that is its Id */
	unsigned taken;				 /* a bit for each message of a batch that it says it has */
	char topic_arn[SNS_TEXT_SIZE];
};

/* Reads an answer to any action; answered_us is not in it. https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html */
void sns_answer_read(struct sns_answer *a, long status, const char *xml, size_t len);

/* Looks for the topic of a name in an answer to ListTopics: true with its ARN. next is the token of the page behind, "" when this was
 * the last one, or it cannot be read. */
bool sns_answer_find_topic(const char *xml, size_t len, const char *name, char arn[static SNS_TEXT_SIZE],
			   char next[static SNS_TEXT_SIZE]);

/* What an operator may look at; NULL: nothing that the code tells. */
const char *sns_fault_hint(const struct sns_fault *f);

/* Other keys might do. */
bool sns_fault_blames_keys(const struct sns_fault *f);

/* SNS refuses the signature for its time: because it says so, or because that is likely, as its clock and now_us are apart. */
bool sns_fault_blames_clock(const struct sns_fault *f, int64_t now_us);

#endif

/* What STS answers to AssumeRoleWithWebIdentity, XML of the query protocol. Pure: it knows no transfer. */
#ifndef REMOTE_CREDENTIALS_ANSWER_H
#define REMOTE_CREDENTIALS_ANSWER_H

#include <stddef.h>

#include "rc.h"
#include "json/credentials_json.h"

/* An error as STS words it, cut to what fits; empty when there is none in the answer. */
struct sts_fault {
	char code[64];
	char message[160];
};

/* RC_SNS_REFUSED: no keys in it; RC_NO_MEMORY.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
enum rc sts_answer_read(const char *xml, size_t len, struct aws_session *out,
			struct sts_fault *fault) MUST_CHECK;

#endif

#include "remote/sns_answer.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* From here on the clock may be why a signature is refused: 5 minutes are too much. */
#define SKEW_US (4 * 60 * INT64_C(1000000))

#define KEYS "the keys are not valid, or not any more: where do they come from?"
#define RIGHTS "the role needs sns:Publish on the topic, and sns:CreateTopic where only SNS_TOPIC_NAME is set"
#define NO_TOPIC "there is no such topic in this region and account: compare SNS_TOPIC_ARN and AWS_REGION"
#define KMS_KEY                                                                                              \
	"the topic is encrypted: its key has to be enabled, and the role needs kms:GenerateDataKey* and kms:Decrypt on it"
#define ENDPOINT "SNS does not take this from us here: compare AWS_REGION and AWS_ENDPOINT_URL"

enum { KEYS_TOO = 1, CLOCK_SURELY = 2, CLOCK_MAYBE = 4 };

/* What is held against the message counts in a batch as a fault of one of its entries, or of the batch: each is then sent
 * on its own. Of what is not listed nobody knows what it is held against, so an entry that bears it is not parked for it at once. */
static const struct {
	const char *code;
	enum rc rc;
	unsigned flags;
	const char *hint;
} codes[] = {
	{ "Throttled", RC_SNS_THROTTLED, 0, NULL },
	{ "Throttling", RC_SNS_THROTTLED, 0, NULL },
	{ "ThrottlingException", RC_SNS_THROTTLED, 0, NULL },
	{ "ThrottledException", RC_SNS_THROTTLED, 0, NULL },
	{ "RequestThrottled", RC_SNS_THROTTLED, 0, NULL },
	{ "RequestThrottledException", RC_SNS_THROTTLED, 0, NULL },
	{ "TooManyRequestsException", RC_SNS_THROTTLED, 0, NULL },
	{ "RequestLimitExceeded", RC_SNS_THROTTLED, 0, NULL },
	{ "BandwidthLimitExceeded", RC_SNS_THROTTLED, 0, NULL },
	{ "SlowDown", RC_SNS_THROTTLED, 0, NULL },
	{ "KMSThrottling", RC_SNS_THROTTLED, 0, NULL },
	{ "KMSThrottlingException", RC_SNS_THROTTLED, 0, NULL },
	{ "InternalError", RC_SNS_DOWN, 0, NULL },
	{ "InternalFailure", RC_SNS_DOWN, 0, NULL },
	{ "ServiceUnavailable", RC_SNS_DOWN, 0, NULL },
	{ "RequestTimeout", RC_SNS_DOWN, 0, NULL },
	{ "RequestTimeoutException", RC_SNS_DOWN, 0, NULL },
	{ "ExpiredToken", RC_SNS_REFUSED, KEYS_TOO, KEYS },
	{ "ExpiredTokenException", RC_SNS_REFUSED, KEYS_TOO, KEYS },
	{ "InvalidClientTokenId", RC_SNS_REFUSED, KEYS_TOO, KEYS },
	{ "UnrecognizedClientException", RC_SNS_REFUSED, KEYS_TOO, KEYS },
	{ "InvalidAccessKeyId", RC_SNS_REFUSED, KEYS_TOO, KEYS },
	{ "SignatureDoesNotMatch", RC_SNS_REFUSED, KEYS_TOO | CLOCK_MAYBE, KEYS },
	{ "InvalidSignatureException", RC_SNS_REFUSED, KEYS_TOO | CLOCK_MAYBE, KEYS },
	{ "AuthFailure", RC_SNS_REFUSED, KEYS_TOO | CLOCK_MAYBE, KEYS },
	{ "RequestTimeTooSkewed", RC_SNS_REFUSED, CLOCK_SURELY, NULL },
	{ "RequestExpired", RC_SNS_REFUSED, CLOCK_SURELY, NULL },
	{ "RequestInTheFuture", RC_SNS_REFUSED, CLOCK_SURELY, NULL },
	/* The sessions of a role may have been revoked: newer keys will do. */
	{ "AuthorizationError", RC_SNS_REFUSED, KEYS_TOO, RIGHTS },
	{ "AccessDenied", RC_SNS_REFUSED, KEYS_TOO, RIGHTS },
	{ "AccessDeniedException", RC_SNS_REFUSED, KEYS_TOO, RIGHTS },
	{ "MissingAuthenticationToken", RC_SNS_REFUSED, 0, ENDPOINT },
	{ "IncompleteSignature", RC_SNS_REFUSED, 0, ENDPOINT },
	{ "InvalidSecurity", RC_SNS_REFUSED, 0, ENDPOINT },
	{ "InvalidAction", RC_SNS_REFUSED, 0, ENDPOINT },
	{ "OptInRequired", RC_SNS_REFUSED, 0, "the account has not enabled this region or service" },
	{ "NotFound", RC_SNS_REFUSED, 0, NO_TOPIC },
	{ "TopicLimitExceeded", RC_SNS_REFUSED, 0, "the account has all the topics that it may have" },
	{ "FilterPolicyLimitExceeded", RC_SNS_REFUSED, 0, NULL },
	{ "SubscriptionLimitExceeded", RC_SNS_REFUSED, 0, NULL },
	{ "ConcurrentAccess", RC_SNS_REFUSED, 0, NULL },
	{ "StaleTag", RC_SNS_REFUSED, 0, NULL },
	{ "EndpointDisabled", RC_SNS_REFUSED, 0, NULL },
	{ "PlatformApplicationDisabled", RC_SNS_REFUSED, 0, NULL },
	{ "KMSAccessDenied", RC_SNS_REFUSED, 0, KMS_KEY },
	{ "KMSDisabled", RC_SNS_REFUSED, 0, KMS_KEY },
	{ "KMSInvalidState", RC_SNS_REFUSED, 0, KMS_KEY },
	{ "KMSNotFound", RC_SNS_REFUSED, 0, KMS_KEY },
	{ "KMSOptInRequired", RC_SNS_REFUSED, 0, KMS_KEY },
	{ "InvalidParameter", RC_SNS_MESSAGE, 0, NULL },
	{ "InvalidParameterValue", RC_SNS_MESSAGE, 0, NULL },
	{ "ParameterValueInvalid", RC_SNS_MESSAGE, 0, NULL },
	{ "ValidationException", RC_SNS_MESSAGE, 0, NULL },
	{ "BatchRequestTooLong", RC_SNS_MESSAGE, 0, NULL },
	{ "TooManyEntriesInBatchRequest", RC_SNS_MESSAGE, 0, NULL },
	{ "EmptyBatchRequest", RC_SNS_MESSAGE, 0, NULL },
	{ "BatchEntryIdsNotDistinct", RC_SNS_MESSAGE, 0, NULL },
	{ "InvalidBatchEntryId", RC_SNS_MESSAGE, 0, NULL },
};

#define N_CODES (sizeof codes / sizeof *codes)

enum field { FIELD_NONE, FIELD_CODE, FIELD_MESSAGE, FIELD_ID, FIELD_SENDER_FAULT, FIELD_TOPIC_ARN, FIELDS };

static const char *const field_names[FIELDS] = {
	[FIELD_CODE] = "Code",
	[FIELD_MESSAGE] = "Message",
	[FIELD_ID] = "Id",
	[FIELD_SENDER_FAULT] = "SenderFault",
	[FIELD_TOPIC_ARN] = "TopicArn",
};

/* The leaves of one error or batch entry, as they come. */
struct reader {
	struct sns_answer *answer;
	long status;
	bool begun, is_answer; /* the root element was seen; it is SNS's */
	bool in_failed, in_successful;
	enum field field;
	char text[FIELDS][SNS_TEXT_SIZE];
};

static bool
ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

static void
open_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	(void)attributes;
	if (!r->begun)
		r->is_answer = ends_with(name, "Response");
	r->begun = true;
	r->in_successful = r->in_successful || strcmp(name, "Successful") == 0;
	r->in_failed = r->in_failed || strcmp(name, "Failed") == 0;
	r->field = FIELD_NONE;
	for (int f = FIELD_NONE + 1; f < FIELDS; f++)
		if (strcmp(name, field_names[f]) == 0) {
			r->field = (enum field)f;
			r->text[f][0] = '\0';
		}
}

static void
take_text(void *arg, const XML_Char *s, int len)
{
	struct reader *r = arg;
	char *text = r->text[r->field];
	size_t used = strlen(text), room = SNS_TEXT_SIZE - 1 - used;
	size_t n = (size_t)len < room ? (size_t)len : room;

	if (r->field == FIELD_NONE)
		return;
	memcpy(text + used, s, n);
	text[used + n] = '\0';
}

/* What is cut is cut between two characters: the database, which keeps it, takes no half ones. */
static void
copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	while (!utf8_is_valid(from, len))
		len--;
	memcpy(to, from, len);
	to[len] = '\0';
}

static enum rc
by_status(long status)
{
	return status == 429 ? RC_SNS_THROTTLED : status >= 500 ? RC_SNS_DOWN : RC_SNS_REFUSED;
}

/* Its row, or that many. */
static size_t
find_code(const char *code)
{
	size_t i = 0;

	while (i < N_CODES && strcmp(code, codes[i].code) != 0)
		i++;
	return i;
}

/* A parameter that concerns the topic is no fault of the message. */
static enum rc
classify(const char *code, const char *message, enum rc otherwise)
{
	size_t i = find_code(code);

	if (i == N_CODES)
		return otherwise;
	return codes[i].rc == RC_SNS_MESSAGE && strstr(message, "TopicArn") ? RC_SNS_REFUSED : codes[i].rc;
}

static void
record(const struct reader *r, struct sns_fault *fault, enum rc otherwise)
{
	const char *code = r->text[FIELD_CODE], *message = r->text[FIELD_MESSAGE];

	fault->rc = classify(code, message, otherwise);
	fault->unexplained = fault->rc == RC_SNS_REFUSED && find_code(code) == N_CODES;
	copy(fault->code, sizeof fault->code, code);
	copy(fault->message, sizeof fault->message, message);
}

static void
record_entry(struct reader *r)
{
	char *end;
	unsigned long i = strtoul(r->text[FIELD_ID], &end, 10);
	bool sender = strcmp(r->text[FIELD_SENDER_FAULT], "true") == 0;

	if (end != r->text[FIELD_ID] && !*end && i < SNS_BATCH_MAX) {
		if (r->in_failed)
			record(r, &r->answer->entries[i], sender ? RC_SNS_REFUSED : RC_SNS_DOWN);
		else
			r->answer->taken |= 1u << i;
	}
	memset(r->text, 0, sizeof r->text);
}

static void
close_element(void *arg, const XML_Char *name)
{
	struct reader *r = arg;

	r->field = FIELD_NONE;
	if (strcmp(name, "Failed") == 0)
		r->in_failed = false;
	else if (strcmp(name, "Successful") == 0)
		r->in_successful = false;
	else if ((r->in_failed || r->in_successful) && strcmp(name, "member") == 0)
		record_entry(r);
	else if (strcmp(name, "Error") == 0)
		record(r, &r->answer->fault, by_status(r->status));
	else if (strcmp(name, "TopicArn") == 0)
		copy(r->answer->topic_arn, sizeof r->answer->topic_arn, r->text[FIELD_TOPIC_ARN]);
}

void
sns_answer_read(struct sns_answer *a, long status, const char *xml, size_t len)
{
	struct reader r = { .answer = a, .status = status };
	XML_Parser parser = XML_ParserCreate(NULL);
	bool good, no_memory;

	*a = (struct sns_answer){ 0 };
	if (parser) {
		XML_SetUserData(parser, &r);
		XML_SetElementHandler(parser, open_element, close_element);
		XML_SetCharacterDataHandler(parser, take_text);
	}
	good = parser && XML_Parse(parser, xml, (int)len, 1) == XML_STATUS_OK;
	no_memory = !parser || (!good && XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY);
	good = good && r.is_answer; /* 200 may also be the page of somebody in between */
	XML_ParserFree(parser);
	if (no_memory)
		a->fault = (struct sns_fault){ .rc = RC_NO_MEMORY };
	if (a->fault.rc || (status == 200 && good))
		return;
	a->fault.rc = status == 200 ? RC_SNS_DOWN : by_status(status);
	a->fault.unexplained = a->fault.rc == RC_SNS_REFUSED;
	copy(a->fault.message, sizeof a->fault.message,
	     good ? "no error in the answer" : "not an answer of SNS");
}

const char *
sns_fault_hint(const struct sns_fault *f)
{
	size_t i = find_code(f->code);

	if (f->rc != RC_SNS_REFUSED || i == N_CODES)
		return NULL;
	return codes[i].rc == RC_SNS_MESSAGE && strstr(f->message, "TopicArn") ? NO_TOPIC : codes[i].hint;
}

bool
sns_fault_blames_keys(const struct sns_fault *f)
{
	size_t i = find_code(f->code);

	return f->rc == RC_SNS_REFUSED && i < N_CODES && codes[i].flags & KEYS_TOO;
}

bool
sns_fault_blames_clock(const struct sns_fault *f, int64_t now_us)
{
	size_t i = find_code(f->code);
	int64_t skew_us = f->answered_us ? now_us - f->answered_us : 0;

	if (f->rc != RC_SNS_REFUSED || i == N_CODES || !codes[i].flags)
		return false;
	return codes[i].flags & CLOCK_SURELY ||
	       (codes[i].flags & CLOCK_MAYBE &&
		(strstr(f->message, "Signature expired") || strstr(f->message, "Signature not yet current") ||
		 skew_us > SKEW_US || skew_us < -SKEW_US));
}

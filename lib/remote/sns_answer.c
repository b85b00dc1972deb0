#include "remote/sns_answer.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *code;
	enum rc rc;
} codes[] = {
	{ "Throttled", RC_SNS_THROTTLED },
	{ "Throttling", RC_SNS_THROTTLED },
	{ "ThrottlingException", RC_SNS_THROTTLED },
	{ "RequestLimitExceeded", RC_SNS_THROTTLED },
	{ "KMSThrottling", RC_SNS_THROTTLED },
	{ "InternalError", RC_SNS_DOWN },
	{ "InternalFailure", RC_SNS_DOWN },
	{ "ServiceUnavailable", RC_SNS_DOWN },
	{ "NotFound", RC_SNS_REFUSED },
	{ "AuthorizationError", RC_SNS_REFUSED },
	{ "ExpiredToken", RC_SNS_REFUSED },
	{ "InvalidClientTokenId", RC_SNS_REFUSED },
	{ "SignatureDoesNotMatch", RC_SNS_REFUSED },
	{ "RequestTimeTooSkewed", RC_SNS_REFUSED },
	{ "InvalidParameter", RC_SNS_MESSAGE },
	{ "InvalidParameterValue", RC_SNS_MESSAGE },
	{ "ParameterValueInvalid", RC_SNS_MESSAGE },
	{ "BatchRequestTooLong", RC_SNS_MESSAGE },
};

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

static void
copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static enum rc
by_status(long status)
{
	return status == 429 ? RC_SNS_THROTTLED : status >= 500 ? RC_SNS_DOWN : RC_SNS_REFUSED;
}

/* A parameter that concerns the topic is no fault of the message. */
static enum rc
classify(const char *code, const char *message, enum rc otherwise)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(code, codes[i].code) == 0)
			return codes[i].rc == RC_SNS_MESSAGE && strstr(message, "TopicArn") ? RC_SNS_REFUSED
											    : codes[i].rc;
	return otherwise;
}

static void
record(const struct reader *r, struct sns_fault *fault, enum rc otherwise)
{
	const char *code = r->text[FIELD_CODE], *message = r->text[FIELD_MESSAGE];

	fault->rc = classify(code, message, otherwise);
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
			record(r, &r->answer->entries[i], sender ? RC_SNS_MESSAGE : RC_SNS_DOWN);
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
	copy(a->fault.message, sizeof a->fault.message,
	     good ? "no error in the answer" : "not an answer of SNS");
}

#include "remote/credentials_answer.h"

#include <expat.h>
#include <string.h>

#include "base/clock.h"

enum field { FIELD_ID, FIELD_SECRET, FIELD_TOKEN, FIELD_EXPIRATION, FIELD_CODE, FIELD_MESSAGE, FIELDS };

/* Which leaf of which element; names that the rest of the answer does not bear there. */
static const struct {
	const char *parent, *name;
} names[FIELDS] = {
	[FIELD_ID] = { "Credentials", "AccessKeyId" },
	[FIELD_SECRET] = { "Credentials", "SecretAccessKey" },
	[FIELD_TOKEN] = { "Credentials", "SessionToken" },
	[FIELD_EXPIRATION] = { "Credentials", "Expiration" },
	[FIELD_CODE] = { "Error", "Code" },
	[FIELD_MESSAGE] = { "Error", "Message" },
};

struct text {
	char bytes[AWS_TOKEN_SIZE];
	size_t len; /* of what came, which may be more than bytes hold */
};

struct reader {
	const char *parent; /* the element of names that we are in, or NULL */
	int field;	    /* FIELDS: none */
	struct text texts[FIELDS];
};

static void
open_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	(void)attributes;
	r->field = FIELDS;
	for (int i = 0; i < FIELDS; i++)
		if (r->parent && strcmp(r->parent, names[i].parent) == 0 &&
		    strcmp(name, names[i].name) == 0) {
			r->field = i;
			r->texts[i].len = 0;
		}
	for (int i = 0; r->field == FIELDS && i < FIELDS; i++)
		if (strcmp(name, names[i].parent) == 0)
			r->parent = names[i].parent;
}

static void
close_element(void *arg, const XML_Char *name)
{
	struct reader *r = arg;

	r->field = FIELDS;
	if (r->parent && strcmp(name, r->parent) == 0)
		r->parent = NULL;
}

static void
take_text(void *arg, const XML_Char *s, int len)
{
	struct reader *r = arg;
	struct text *t = &r->texts[r->field == FIELDS ? 0 : r->field];

	if (r->field == FIELDS)
		return;
	if (t->len < sizeof t->bytes)
		memcpy(t->bytes + t->len, s,
		       (size_t)len < sizeof t->bytes - t->len ? (size_t)len : sizeof t->bytes - t->len);
	t->len += (size_t)len;
}

/* What is not visible ASCII becomes a space, so that the log shows words. */
static void
cut(char *out, size_t size, const struct text *t)
{
	size_t len = t->len < size - 1 ? t->len : size - 1;

	for (size_t i = 0; i < len; i++)
		out[i] = (char)(t->bytes[i] < ' ' || t->bytes[i] > '~' ? ' ' : t->bytes[i]);
	out[len] = '\0';
}

static bool
copy(char *out, size_t size, const struct text *t)
{
	return credentials_copy(out, size, t->bytes, t->len);
}

static enum rc
judge(const struct reader *r, struct aws_session *out, struct sts_fault *fault)
{
	const struct text *t = r->texts, *expiration = &t[FIELD_EXPIRATION];
	struct aws_session s = { .expires_us = 0 };
	enum rc rc = RC_SNS_REFUSED;

	cut(fault->code, sizeof fault->code, &t[FIELD_CODE]);
	cut(fault->message, sizeof fault->message, &t[FIELD_MESSAGE]);
	if (copy(s.id, sizeof s.id, &t[FIELD_ID]) && copy(s.secret, sizeof s.secret, &t[FIELD_SECRET]) &&
	    copy(s.token, sizeof s.token, &t[FIELD_TOKEN]) && expiration->len < sizeof expiration->bytes &&
	    clock_parse_rfc3339(expiration->bytes, expiration->len, &s.expires_us) == RC_OK) {
		*out = s;
		rc = RC_OK;
	}
	explicit_bzero(&s, sizeof s);
	return rc;
}

enum rc
sts_answer_read(const char *xml, size_t len, struct aws_session *out, struct sts_fault *fault)
{
	XML_Parser parser = XML_ParserCreate(NULL);
	struct reader r = { .field = FIELDS };
	enum rc rc = RC_SNS_REFUSED;

	*fault = (struct sts_fault){ 0 };
	if (!parser)
		return RC_NO_MEMORY;
	XML_SetUserData(parser, &r);
	XML_SetElementHandler(parser, open_element, close_element);
	XML_SetCharacterDataHandler(parser, take_text);
	if (XML_Parse(parser, xml, (int)len, 1) == XML_STATUS_OK)
		rc = judge(&r, out, fault);
	else if (XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY)
		rc = RC_NO_MEMORY;
	XML_ParserFree(parser);
	explicit_bzero(&r, sizeof r);
	return rc;
}

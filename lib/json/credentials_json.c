#include "json/credentials_json.h"

#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "json/json.h"

bool
credentials_copy(char *out, size_t size, const char *text, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static enum rc
take(void *ctx, struct json doc, const char *name, char *out, size_t size)
{
	struct json v;
	char *text;
	size_t len;
	bool good;

	if (!json_member(doc, name, &v) || json_kind(v) != JSON_STRING)
		return RC_SYNTAX;
	if (!(text = (char *)json_string(ctx, v, &len)))
		return RC_NO_MEMORY;
	good = credentials_copy(out, size, text, len);
	explicit_bzero(text, len);
	talloc_free(text);
	return good ? RC_OK : RC_SYNTAX;
}

/* The metadata service answers 200 even when it has no keys, and says so in Code; containers have no Code. */
static enum rc
judge_code(void *ctx, struct json doc, const char **code)
{
	char text[64];
	struct json v;
	enum rc rc;

	if (!json_member(doc, "Code", &v))
		return RC_OK;
	if ((rc = take(ctx, doc, "Code", text, sizeof text)))
		return rc;
	if (strcmp(text, "Success") == 0)
		return RC_OK;
	*code = talloc_strdup(ctx, text);
	return *code ? RC_SNS_REFUSED : RC_NO_MEMORY;
}

enum rc
credentials_decode(void *ctx, const char *body, size_t len, struct aws_session *out, const char **code)
{
	char expiration[64];
	struct json_error err;
	struct aws_session s = { .expires_us = 0 };
	struct json doc;
	enum rc rc;

	if (json_check(body, len, &doc, &err))
		return RC_SYNTAX;
	if ((rc = judge_code(ctx, doc, code)))
		return rc;
	if ((rc = take(ctx, doc, "AccessKeyId", s.id, sizeof s.id)) ||
	    (rc = take(ctx, doc, "SecretAccessKey", s.secret, sizeof s.secret)) ||
	    (rc = take(ctx, doc, "Token", s.token, sizeof s.token)) ||
	    (rc = take(ctx, doc, "Expiration", expiration, sizeof expiration)))
		goto out;
	if (clock_parse_rfc3339(expiration, strlen(expiration), &s.expires_us))
		rc = RC_SYNTAX;
	else
		*out = s;
out:
	explicit_bzero(&s, sizeof s);
	return rc;
}

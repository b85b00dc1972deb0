#include <expat.h>
#include <string.h>

#include "remote/sns_answer.h"

struct reader {
	const char *name;
	char *arn, *next;
	char text[2][SNS_TEXT_SIZE]; /* of TopicArn, NextToken */
	char *at;		     /* the one that is being read; NULL: neither */
};

static void
open_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	(void)attributes;
	r->at = strcmp(name, "TopicArn") == 0	 ? r->text[0]
		: strcmp(name, "NextToken") == 0 ? r->text[1]
						 : NULL;
	if (r->at)
		r->at[0] = '\0';
}

static void
take_text(void *arg, const XML_Char *s, int len)
{
	struct reader *r = arg;
	size_t used = r->at ? strlen(r->at) : 0;

	if (!r->at)
		return;
	if (used + (size_t)len < SNS_TEXT_SIZE) {
		memcpy(r->at + used, s, (size_t)len);
		r->at[used + (size_t)len] = '\0';
	} else { /* a part of a token, or of an ARN, is of no use */
		r->at[0] = '\0';
		r->at = NULL;
	}
}

/* arn:aws:sns:region:account:name */
static void
close_element(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	const char *topic = strrchr(r->text[0], ':');

	if (r->at == r->text[0] && topic && strcmp(topic + 1, r->name) == 0)
		memcpy(r->arn, r->text[0], SNS_TEXT_SIZE);
	if (r->at == r->text[1])
		memcpy(r->next, r->text[1], SNS_TEXT_SIZE);
	(void)name;
	r->at = NULL;
}

bool
sns_answer_find_topic(const char *xml, size_t len, const char *name, char arn[static SNS_TEXT_SIZE],
		      char next[static SNS_TEXT_SIZE])
{
	struct reader r = { .name = name, .arn = arn, .next = next };
	XML_Parser parser = XML_ParserCreate(NULL);
	bool good;

	arn[0] = next[0] = '\0';
	if (!parser)
		return false;
	XML_SetUserData(parser, &r);
	XML_SetElementHandler(parser, open_element, close_element);
	XML_SetCharacterDataHandler(parser, take_text);
	good = XML_Parse(parser, xml, (int)len, 1) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return good && *arn;
}

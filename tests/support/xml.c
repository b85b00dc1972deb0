#include "support/xml.h"

#include <ctype.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>

#include "support/test.h"

/* What is looked for, and where the parser is. */
struct search {
	const char *element, *attribute, *word;
	int found;	   /* so far */
	int wanted;	   /* whose text is kept */
	int depth, inside; /* elements open; of them the one that is wanted, 0: none */
	char *text;
	bool blank;
};

static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
			return true;
	return false;
}

static bool
is_wanted(const struct search *s, const char *name, const char **attributes)
{
	if (strcmp(name, s->element) != 0)
		return false;
	if (!s->attribute)
		return true;
	for (; *attributes; attributes += 2)
		if (strcmp(attributes[0], s->attribute) == 0 && has_word(attributes[1], s->word))
			return true;
	return false;
}

static void
begin(void *arg, const char *name, const char **attributes)
{
	struct search *s = arg;

	s->depth++;
	if (is_wanted(s, name, attributes) && s->found++ == s->wanted) {
		s->inside = s->depth;
		s->text = text("%s", "");
	}
	s->blank = true;
}

static void
end(void *arg, const char *name)
{
	struct search *s = arg;

	(void)name;
	if (s->depth-- == s->inside)
		s->inside = 0;
	s->blank = true;
}

static void
characters(void *arg, const char *bytes, int len)
{
	struct search *s = arg;

	for (int i = 0; s->inside && i < len; i++) {
		if (isspace((unsigned char)bytes[i])) {
			s->blank = true;
			continue;
		}
		s->text = text("%s%s%c", s->text, s->blank && *s->text ? " " : "", bytes[i]);
		s->blank = false;
	}
}

static const char *
parse(const char *bytes, size_t len, struct search *s)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");
	const char *fault = NULL;

	if (!parser)
		give_up("no memory for expat");
	if (s) {
		XML_SetUserData(parser, s);
		XML_SetElementHandler(parser, begin, end);
		XML_SetCharacterDataHandler(parser, characters);
	}
	if (XML_Parse(parser, bytes, (int)len, 1) != XML_STATUS_OK)
		fault = text("line %lu, column %lu: %s", XML_GetCurrentLineNumber(parser),
			     XML_GetCurrentColumnNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
	XML_ParserFree(parser);
	return fault;
}

const char *
xml_fault(const char *bytes, size_t len)
{
	return parse(bytes, len, NULL);
}

static struct search
search(const char *bytes, const char *element, const char *attribute, const char *word, int wanted)
{
	struct search s = { .element = element, .attribute = attribute, .word = word, .wanted = wanted };
	const char *fault = parse(bytes, strlen(bytes), &s);

	if (fault)
		give_up("%s", fault);
	return s;
}

int
xml_count(const char *bytes, const char *element, const char *attribute, const char *word)
{
	return search(bytes, element, attribute, word, -1).found;
}

const char *
xml_text(const char *bytes, const char *element, const char *attribute, const char *word, int n)
{
	return search(bytes, element, attribute, word, n).text;
}

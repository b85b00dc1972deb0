#include "ctl/env.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#define MARK "\xef\xbb\xbf" /* of UTF-8, as editors elsewhere put it before the first line */

/* The text without white space around it. */
static char *
trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return s;
}

static bool
is_name(const char *s)
{
	if (!*s || isdigit((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!(isalnum((unsigned char)*s) || *s == '_'))
			return false;
	return true;
}

/* Takes away one pair of quotes around all of it; NULL when one opens that does not end it. */
static char *
unquote(char *s)
{
	size_t len = strlen(s);

	if (*s != '"' && *s != '\'')
		return s;
	if (len < 2 || s[len - 1] != *s)
		return NULL;
	s[len - 1] = '\0';
	return s + 1;
}

/* What the shell makes of '…' with '\'' inside; false when it is something else. */
static bool
unquote_shell(char *s)
{
	char *to = s, *from = s + 1;

	if (*s != '\'')
		return false;
	for (;;) {
		if (!*from)
			return false;
		if (*from != '\'') {
			*to++ = *from++;
		} else if (strncmp(from, "'\\''", 4) == 0) {
			*to++ = '\'';
			from += 4;
		} else {
			break;
		}
	}
	*to = '\0';
	return from[1] == '\0';
}

static enum rc
parse_line(char *s, env_put_fn *put, void *arg)
{
	bool shell = strncmp(s, "export ", 7) == 0;
	char *value;

	s = shell ? trim(s + 7) : s;
	value = strchr(s, '=');
	if (!value)
		return RC_SYNTAX;
	*value++ = '\0';
	if (!is_name(s))
		return RC_SYNTAX;
	if (shell ? !unquote_shell(value) : !(value = unquote(trim(value))))
		return RC_SYNTAX;
	return put(arg, s, value) ? RC_OK : RC_NO_MEMORY;
}

enum rc
env_parse(char *text, env_put_fn *put, void *arg, int *line)
{
	enum rc rc = RC_OK;

	for (int n = 1; text && !rc; n++) {
		char *end = strchr(text, '\n'), *s;

		if (end)
			*end++ = '\0';
		s = trim(strncmp(text, MARK, strlen(MARK)) == 0 ? text + strlen(MARK) : text);
		if (*s && !strchr("#;", *s))
			rc = parse_line(s, put, arg);
		if (rc)
			*line = n;
		text = end;
	}
	return rc;
}

char *
file_read(void *ctx, const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved = 0;
	char *text = talloc_array(ctx, char, (unsigned)max + 2);
	ssize_t n = 1;

	*len = 0;
	while (fd >= 0 && text && n > 0 && *len <= max)
		if ((n = read(fd, text + *len, max + 1 - *len)) > 0)
			*len += (size_t)n;
	if (fd < 0 || n < 0)
		saved = errno;
	else if (!text)
		saved = ENOMEM;
	else if (*len > max)
		saved = EFBIG;
	else if (memchr(text, '\0', *len))
		saved = EINVAL;
	if (fd >= 0)
		(void)close(fd);
	if (!saved) {
		text[*len] = '\0';
		return text;
	}
	talloc_free(text);
	errno = saved;
	return NULL;
}

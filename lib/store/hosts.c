#include "store/hosts.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>
#include <talloc.h>

#define PORT "5432" /* what libpq takes for an empty entry of a list, a URI's "a,b" for instance */

/* The entries of a list with commas; false: one of them is empty. No list has none. */
struct list {
	const char *text;
	size_t n;
};

static bool
list_init(struct list *l, const char *text)
{
	bool good = true;

	*l = (struct list){ .text = text && *text ? text : NULL };
	for (const char *p = l->text; p; l->n++) {
		size_t len = strcspn(p, ",");

		good = good && len > 0;
		p = p[len] ? p + len + 1 : NULL;
	}
	return good;
}

/* The ith entry on ctx, or what an empty one stands for; of a single one every entry is that one. */
static bool
list_entry(void *ctx, const struct list *l, size_t i, const char *empty, const char **out)
{
	const char *p = l->text;
	size_t len;

	if (!p)
		return true;
	for (; l->n > 1 && i > 0; i--)
		p += strcspn(p, ",") + 1;
	len = strcspn(p, ",");
	*out = len ? talloc_strndup(ctx, p, len) : empty;
	return *out != NULL;
}

static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	while (options->keyword && strcmp(options->keyword, keyword) != 0)
		options++;
	return options->val;
}

static enum rc
split(void *ctx, const PQconninfoOption *options, struct host **out, size_t *n)
{
	const char *attributes = value_of(options, "target_session_attrs");
	struct list hosts, addresses, ports;
	bool good = list_init(&hosts, value_of(options, "host"));
	struct host *list;
	size_t count;

	good = list_init(&addresses, value_of(options, "hostaddr")) && good;
	(void)list_init(&ports, value_of(options, "port"));
	count = addresses.n ? addresses.n : hosts.n;
	if (!good || count < 2 || (hosts.n && hosts.n != count) || (ports.n > 1 && ports.n != count) ||
	    (attributes && strcmp(attributes, "prefer-standby") == 0))
		count = 1;
	list = talloc_zero_array(ctx, struct host, (unsigned)count);
	if (!list)
		return RC_NO_MEMORY;
	for (size_t i = 0; count > 1 && i < count; i++)
		if (!list_entry(list, &hosts, i, NULL, &list[i].host) ||
		    !list_entry(list, &addresses, i, NULL, &list[i].hostaddr) ||
		    !list_entry(list, &ports, i, PORT, &list[i].port)) {
			talloc_free(list);
			return RC_NO_MEMORY;
		}
	*out = list;
	*n = count;
	return RC_OK;
}

enum rc
hosts_parse(void *ctx, const char *conninfo, struct host **out, size_t *n)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	enum rc rc = options ? split(ctx, options, out, n) : RC_NO_MEMORY;

	PQconninfoFree(options);
	return rc;
}

/* orders-schema, run on the database of a test as its owner would. */
#ifndef STORE_TOOL_H
#define STORE_TOOL_H

#include "db.h"

struct ran {
	int status;	    /* its exit status */
	const char *output; /* what it wrote to stdout and stderr */
};

/* The owner's URL: he has the same password, in this run. */
static inline const char *
owner_url(void)
{
	const char *worker = strstr(db.url, "orders_worker");

	cr_assert_not_null(worker);
	return talloc_asprintf(db.ctx, "%.*sorders_owner%s", (int)(worker - db.url), db.url,
			       worker + strlen("orders_worker"));
}

/* arguments: as the shell reads them; before them stand variables. NULL as url: without one. */
__attribute__((format(printf, 2, 3))) static inline struct ran
tool(const char *url, const char *format, ...)
{
	va_list args;
	struct ran ran = { .output = talloc_strdup(db.ctx, "") };
	char *command, line[1024];
	FILE *f;

	va_start(args, format);
	command = talloc_vasprintf(db.ctx, format, args);
	va_end(args);
	command = talloc_asprintf(db.ctx,
				  "exec 2>&1; unset DATABASE_URL; %s%s%s '%s/schema/orders-schema' %s",
				  url ? "export DATABASE_URL='" : "", url ? url : "", url ? "';" : "",
				  need("ORDERS_TEST_ROOT"), command);
	f = popen(command, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f))
		ran.output = talloc_asprintf(db.ctx, "%s%s", ran.output, line);
	ran.status = pclose(f);
	ran.status = WIFEXITED(ran.status) ? WEXITSTATUS(ran.status) : -1;
	return ran;
}

#endif

/* ordersctl status. */
#include <string.h>
#include <talloc.h>

#include "ctl/ctl.h"
#include "ctl/pool_show.h"
#include "ctl/term.h"

#define NO_POOL 3 /* exit statuses as spawn.sh status has them */
#define NO_WORKERS 1
#define FAULTS_SHOWN 10

int
ctl_no_pool(const char *why)
{
	ctl_say("%s", why);
	return NO_POOL;
}

int
ctl_status(struct ctl *c)
{
	const char *why;
	const struct pool *p = pool_find(c->ctx, ctl_pool_path(c->ctx), &why);
	const struct view *v = p ? view_take(c->ctx, p) : NULL;
	struct pool_show how = {
		.colored = c->colored,
		.width = c->width,
		.faults = FAULTS_SHOWN,
		.plots = c->width && term_knows_utf8(),
		.rate = -1,
	};

	if (!p)
		return ctl_no_pool(why);
	if (!v) {
		c->out.failed = true;
		return 0;
	}
	if (c->opt->json) {
		pool_show_json(&c->out, v);
		buf_putc(&c->out, '\n');
	} else if (!pool_show_text(&c->out, c->ctx, v, &how)) {
		c->out.failed = true;
	}
	if (v->n_workers)
		return 0;
	ctl_say("no worker is there: these are the figures of the last pool at %s", ctl_pool_path(c->ctx));
	return NO_WORKERS;
}

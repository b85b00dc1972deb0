/* ordersctl outbox stats, list, show: what is owed. What changes it is in outbox_change.c. */
#include <string.h>
#include <sysexits.h>
#include <talloc.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/events.h"
#include "ctl/format.h"
#include "ctl/table.h"
#include "store/operator.h"
#include "store/outbox.h"
#include "json/write.h"

int
ctl_outbox_stats(struct ctl *c)
{
	int64_t n_waiting, n_parked, oldest_us, age_ms;
	char waiting[FORMAT_SIZE], parked[FORMAT_SIZE], age[FORMAT_SIZE];
	int status = ctl_database(c);
	enum rc rc;

	if (status)
		return status;
	if ((rc = store_outbox_stats(c->pg, c->ctx, &n_waiting, &n_parked, &oldest_us)))
		return ctl_database_failed(rc);
	age_ms = oldest_us ? (clock_wall_us() - oldest_us) / 1000 : 0;
	if (c->opt->json) {
		json_open_object(&c->out, NULL);
		json_add_i64(&c->out, "waiting", n_waiting);
		json_add_i64(&c->out, "parked", n_parked);
		json_add_time(&c->out, "oldest_at", oldest_us);
		json_add_i64(&c->out, "oldest_age_ms", age_ms > 0 ? age_ms : 0);
		json_close(&c->out, '}');
		buf_putc(&c->out, '\n');
		return EX_OK;
	}
	text_putf(&c->out, "%s waiting%s%s, %s parked", format_count(waiting, n_waiting),
		  oldest_us ? ", the oldest for " : "", oldest_us ? format_span(age, age_ms) : "",
		  format_count(parked, n_parked));
	buf_putc(&c->out, '\n');
	return EX_OK;
}

static void
put_events(struct ctl *c, const struct event_state *events, size_t n)
{
	if (!c->opt->json && n == 0) {
		buf_puts(&c->out, c->opt->parked ? "no event is parked\n" : "no event is owed\n");
		return;
	}
	if (!c->opt->json) {
		events_put_table(c, events, n, false);
		return;
	}
	json_open_array(&c->out, NULL);
	for (size_t i = 0; i < n; i++)
		event_add_json(&c->out, &events[i]);
	json_close(&c->out, ']');
	buf_putc(&c->out, '\n');
}

int
ctl_outbox_list(struct ctl *c)
{
	int limit = (int)c->opt->limit;
	struct event_state *parked, *waiting = NULL, *all;
	size_t n_parked, n_waiting = 0;
	int status = ctl_database(c);
	enum rc rc;

	if (status)
		return status;
	rc = store_outbox_list(c->pg, c->ctx, true, limit, &parked, &n_parked);
	if (!rc && !c->opt->parked && (int)n_parked < limit)
		rc = store_outbox_list(c->pg, c->ctx, false, limit - (int)n_parked, &waiting, &n_waiting);
	if (rc)
		return ctl_database_failed(rc);
	all = talloc_array(c->ctx, struct event_state, (unsigned)(n_parked + n_waiting));
	if (!all)
		return ctl_database_failed(RC_NO_MEMORY);
	for (size_t i = 0; i < n_parked + n_waiting; i++)
		all[i] = i < n_parked ? parked[i] : waiting[i - n_parked];
	put_events(c, all, n_parked + n_waiting);
	if (!c->opt->json && n_parked + n_waiting == (size_t)limit)
		ctl_say("there may be more: --limit, or outbox stats");
	return EX_OK;
}

int
ctl_outbox_show(struct ctl *c)
{
	const char *id = c->args[0];
	struct event_state *e;
	int status = ctl_database(c);
	size_t n;
	enum rc rc;

	if (status)
		return status;
	if ((rc = store_outbox_events(c->pg, c->ctx, &id, 1, &e, &n)))
		return ctl_database_failed(rc);
	if (n == 0) {
		ctl_say("no event has the id %s", id);
		return 1;
	}
	if (c->opt->json) {
		event_add_json(&c->out, e);
		buf_putc(&c->out, '\n');
	} else {
		event_put_lines(c, e);
	}
	return EX_OK;
}

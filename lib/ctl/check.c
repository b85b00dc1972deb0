/* ordersctl check: each thing that the service needs, with a verdict and what to do. */
#include "ctl/check.h"

#include <stdarg.h>
#include <sysexits.h>
#include <talloc.h>

#include "ctl/format.h"
#include "ctl/table.h"
#include "json/write.h"

#define CLOCK_WARN_US INT64_C(2000000)
#define CLOCK_FAIL_US INT64_C(240000000) /* AWS takes no signature that is 5 minutes off */

static const struct {
	const char *name;
	enum paint paint;
} verdicts[] = {
	[VERDICT_OK] = { "ok", PAINT_GOOD },
	[VERDICT_WARNING] = { "warning", PAINT_WARN },
	[VERDICT_FAILED] = { "failed", PAINT_BAD },
};

void
check_add(struct check *k, const char *part, enum verdict verdict, const char *advice, const char *format,
	  ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = talloc_vasprintf(k->c->ctx, format, args);
	va_end(args);
	if (!text || k->n == FINDINGS_MAX) {
		k->failed = true;
		return;
	}
	k->findings[k->n++] = (struct finding){ part, verdict, text, advice };
}

void
check_clock(struct check *k, const char *whose, int64_t them_us, int64_t before_us, int64_t after_us,
	    int64_t exact_us)
{
	int64_t ahead = them_us > after_us		 ? them_us - after_us
			: them_us + exact_us < before_us ? before_us - them_us - exact_us
							 : 0;
	enum verdict verdict = ahead >= CLOCK_FAIL_US	? VERDICT_FAILED
			       : ahead >= CLOCK_WARN_US ? VERDICT_WARNING
							: VERDICT_OK;
	char text[FORMAT_SIZE];

	check_add(
		k, "clock", verdict,
		verdict == VERDICT_OK
			? NULL
			: "is time synchronisation at work on both machines? timedatectl; tokens expire and requests to AWS are signed by this clock",
		ahead ? "%s's is %s %s ours" : "%s's and ours agree", whose, format_span(text, ahead / 1000),
		them_us > after_us ? "ahead of" : "behind");
}

static void
put_text(struct check *k)
{
	static const struct column columns[] = { { "PART", false }, { "VERDICT", false }, { "WHAT", false } };
	struct ctl *c = k->c;
	struct table t;

	table_init(&t, c->ctx, columns, 3, c->colored);
	for (size_t i = 0; i < k->n; i++) {
		const struct finding *f = &k->findings[i];

		table_add(&t, f->part);
		table_add_painted(&t, verdicts[f->verdict].name, verdicts[f->verdict].paint);
		table_add(&t, f->text);
		if (f->advice) {
			table_add(&t, "");
			table_add(&t, "");
			table_addf(&t, "-> %s", f->advice);
		}
	}
	table_put(&t, &c->out, 0); /* nothing of it is to be cut off */
}

static void
put_json(struct check *k, enum verdict worst)
{
	struct buf *b = &k->c->out;

	json_open_object(b, NULL);
	json_add_text(b, "verdict", verdicts[worst].name);
	json_open_array(b, "checks");
	for (size_t i = 0; i < k->n; i++) {
		json_open_object(b, NULL);
		json_add_text(b, "part", k->findings[i].part);
		json_add_text(b, "verdict", verdicts[k->findings[i].verdict].name);
		json_add_text(b, "text", k->findings[i].text);
		json_add_text(b, "advice", k->findings[i].advice);
		json_close(b, '}');
	}
	json_close(b, ']');
	json_close(b, '}');
	buf_putc(b, '\n');
}

int
ctl_check(struct ctl *c)
{
	struct check *k = talloc_zero(c->ctx, struct check);
	enum verdict worst = VERDICT_OK;

	if (!k)
		return EX_OSERR;
	k->c = c;
	check_settings(k);
	check_pool(k);
	if (c->configured) {
		check_product_service(k);
		check_sns(k);
		check_database(k); /* last: root may become another user for it */
	}
	for (size_t i = 0; i < k->n; i++)
		worst = k->findings[i].verdict > worst ? k->findings[i].verdict : worst;
	if (c->opt->json)
		put_json(k, worst);
	else
		put_text(k);
	c->out.failed = c->out.failed || k->failed;
	return worst == VERDICT_FAILED;
}

/* The Product Service and SNS. */
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/id.h"
#include "ctl/check.h"
#include "ctl/format.h"
#include "remote/product.h"
#include "remote/sns.h"

#define PRODUCT_MS 5000 /* whatever the workers' time-out is: nobody waits an hour for a check */
#define SECOND_US 1000000

/* What the answer, or the lack of one, means. */
static const struct {
	enum rc rc;
	enum verdict verdict;
	const char *text, *advice;
} product_answers[] = {
	{ RC_OK, VERDICT_OK, "found", NULL },
	{ RC_STOCK, VERDICT_OK, "found, none in stock", NULL },
	{ RC_PRODUCT_MISSING, VERDICT_OK,
	  "there is none, it says; so would a wrong path: --product ID asks for one that there is", NULL },
	{ RC_PRODUCT_TIMEOUT, VERDICT_FAILED, "no answer",
	  "is it overloaded, or does something between drop connections? The workers wait for PRODUCT_SERVICE_TIMEOUT" },
	{ RC_PRODUCT_DOWN, VERDICT_FAILED, "unreachable, or a 5xx",
	  "is it up, and PRODUCT_SERVICE_URL right?" },
	{ RC_PRODUCT_INVALID, VERDICT_FAILED, "not a product",
	  "the answer has to be JSON with id, name, price and stock_quantity; is PRODUCT_SERVICE_URL another service's?" },
};

void
check_product_service(struct check *k)
{
	struct config *config = talloc_memdup(k->c->ctx, &k->c->config, sizeof k->c->config);
	struct pool *alone = pool_open(NULL); /* the pool's breaker is not ours to trip */
	struct products *products;
	struct product *found = talloc_array(k->c->ctx, struct product, ORDER_ITEMS_MAX);
	struct draft draft = { .n = 1, .wishes = { { .product_id = k->c->opt->product_id, .quantity = 1 } } };
	char traceparent[TRACEPARENT_SIZE], took[FORMAT_SIZE];
	struct why why = { 0 };
	int64_t started;
	size_t n;
	enum rc rc;

	id_traceparent(NULL, traceparent);
	if (config)
		config->product_timeout_ms = config->product_timeout_ms < PRODUCT_MS
						     ? config->product_timeout_ms
						     : PRODUCT_MS;
	products = config && alone && found ? products_open(k->c->ctx, config, alone, NULL) : NULL;
	if (!products) {
		k->failed = true;
		return;
	}
	ctl_forget_events();
	started = clock_us();
	rc = products_fetch(products, k->c->ctx, &draft, &(struct trace){ "ordersctl-check", traceparent },
			    found, &n, &why);
	(void)format_latency(took, (double)(clock_us() - started) / 1000);
	for (size_t i = 0; i < sizeof product_answers / sizeof *product_answers; i++) {
		if (product_answers[i].rc != rc)
			continue;
		check_add(k, "product service", product_answers[i].verdict, product_answers[i].advice,
			  "product %lld, in %s: %s%s%s", (long long)draft.wishes[0].product_id, took,
			  product_answers[i].text, *ctl_last_text() ? ": " : "", ctl_last_text());
		return;
	}
	k->failed = true;
}

static void
judge_fault(struct check *k, const struct sns_fault *f)
{
	bool asked = *f->code != '\0', clock = sns_fault_blames_clock(f, clock_wall_us());
	/* Who may publish need not be allowed to look. */
	bool no_right = asked && f->rc == RC_SNS_REFUSED && strcmp(f->code, "AuthorizationError") == 0;
	const char *hint = clock ? "the clock: see below" : sns_fault_hint(f);

	check_add(
		k, "sns", no_right ? VERDICT_WARNING : VERDICT_FAILED,
		no_right
			? "the keys are good, but may not look; with sns:GetTopicAttributes, or sns:ListTopics where only SNS_TOPIC_NAME is set, this could tell more"
		: hint ? hint
		       : "is AWS_ENDPOINT_URL right, and the network? With a role: what does ordersctl check say where the pool runs?",
		"%s%s%s", f->code, asked ? ": " : "", *f->message ? f->message : ctl_last_text());
}

void
check_sns(struct check *k)
{
	struct sns *sns = sns_open(k->c->ctx, &k->c->config);
	char arn[SNS_TEXT_SIZE], took[FORMAT_SIZE];
	int64_t before = clock_wall_us(), after;
	struct sns_fault f = { 0 };
	enum rc rc;

	if (!sns) {
		k->failed = true;
		return;
	}
	ctl_forget_events();
	rc = sns_look(sns, k->c->ctx, arn, &f);
	after = clock_wall_us();
	(void)format_latency(took, (double)(after - before) / 1000);
	if (rc == RC_NO_MEMORY)
		k->failed = true;
	else if (rc)
		judge_fault(k, &f);
	else if (*arn)
		check_add(k, "sns", VERDICT_OK, NULL, "topic %s, in %s", arn, took);
	else
		check_add(k, "sns", VERDICT_WARNING,
			  "create it and subscribe to it first; or is AWS_REGION another one's?",
			  "no topic %s yet: the first event will create it, and nobody will be subscribed",
			  k->c->config.topic_name);
	if (f.answered_us) /* in whole seconds */
		check_clock(k, "SNS", f.answered_us, before, after, SECOND_US);
}

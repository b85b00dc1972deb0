#include "api/sender.h"

#include <talloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "remote/sns.h"

#define RETRY_FIRST_MS 250
/* With a probe that hangs and a sweep, under 4 s from SNS's return to the first event. */
#define BACK_OFF_CAP_MS 1000

static const struct breaker_policy policy = {
	.threshold = 1,
	.first_ms = RETRY_FIRST_MS,
	.cap_ms = BACK_OFF_CAP_MS,
	.probe_ms = 5000,
};

struct sender {
	struct breaker *breaker;
	struct suspects *suspects;
	struct sns *sns;
};

struct sender *
sender_open(void *ctx, const struct config *config, struct pool *pool)
{
	struct sender *s = talloc_zero(ctx, struct sender);

	if (!s)
		return NULL;
	s->breaker = &pool->breakers[NEIGHBOUR_SNS];
	s->suspects = &pool->suspects;
	s->sns = sns_open(s, config);
	return s->sns ? s : NULL;
}

bool
sender_is_cut_off(struct sender *s)
{
	return breaker_is_open(s->breaker, &policy);
}

bool
sender_keeps_away(struct sender *s)
{
	if (!sender_is_cut_off(s))
		return false;
	breaker_refused(s->breaker);
	return true;
}

bool
sender_is_willing(struct sender *s)
{
	return breaker_is_willing(s->breaker, &policy);
}

enum health
sender_health(struct sender *s)
{
	return (enum health)atomic_load(&s->breaker->health);
}

static int
retry_delay_ms(int attempts)
{
	int ceiling = attempts > 3 ? BACK_OFF_CAP_MS : RETRY_FIRST_MS << attempts;

	return 1 + (int)id_random((uint32_t)(ceiling < BACK_OFF_CAP_MS ? ceiling : BACK_OFF_CAP_MS));
}

static const char *
describe(void *ctx, const struct sns_fault *f)
{
	const char *text = talloc_asprintf(ctx, "%s%s%s", f->code, *f->code ? ": " : "", f->message);

	return text ? text : "no memory";
}

/* The events are due again at once: it is the breaker that waits. */
static void
give_back(const char *error, size_t n, struct failure *failures)
{
	for (size_t i = 0; i < n; i++)
		failures[i] = (struct failure){ .error = error, .retry_ms = 0 };
}

/* SNS refuses every signature of a clock that is wrong, and says so in several ways. */
static void
report_clock(const struct sns_fault *fault, const char *error, int64_t now_us)
{
	char here[RFC3339_SIZE], there[RFC3339_SIZE];
	bool known = fault->answered_us && clock_rfc3339(fault->answered_us, there) == RC_OK;
	const struct log_field fields[] = {
		log_text("local_time", clock_rfc3339(now_us, here) == RC_OK ? here : NULL),
		log_text("aws_time", known ? there : NULL),
		log_text("hint", "set the clock, by NTP for instance: AWS allows 5 minutes"),
		log_text("error", error),
	};

	log_write(LOG_ERROR, "sns.clock", fields, sizeof fields / sizeof *fields);
}

/* The whole request failed. */
static const char *
report_failure(const struct sns_fault *fault, size_t n, void *ctx)
{
	const char *error = describe(ctx, fault);
	const char *event = fault->rc == RC_SNS_REFUSED	    ? "sns.refused"
			    : fault->rc == RC_SNS_THROTTLED ? "sns.throttled"
							    : "sns.unavailable";
	int64_t now_us = clock_wall_us();

	if (sns_fault_blames_clock(fault, now_us))
		report_clock(fault, error, now_us);
	else
		log_warn(event, log_i64("events", (int64_t)n), log_text("error", error),
			 log_text("hint", sns_fault_hint(fault)));
	return error;
}

/* Events on their way, and what has become of them. */
struct lot {
	struct sender *s;
	void *ctx;
	const struct event *events;
	const int *attempts; /* NULL: one each */
	struct failure *failures;
	size_t n, done;
	const char *error; /* why the rest was not sent */
	bool took;	   /* the last request took something */
	/* The last event was refused alone, and it is not clear yet whether SNS refuses it or everybody. */
	bool unclear;
	struct sns_fault doubt; /* in these words */
};

static void
fail_one(struct lot *l, size_t i, const struct sns_fault *fault, int retry_ms)
{
	l->failures[i] = (struct failure){ .error = describe(l->ctx, fault), .retry_ms = retry_ms };
	log_warn(retry_ms < 0 ? "sns.parked" : "sns.message_failed", log_text("event_id", l->events[i].id),
		 log_i64("order_id", l->events[i].order_id), log_text("error", l->failures[i].error));
}

/* SNS refuses this one while it takes others. */
static void
suspect(struct lot *l, size_t i, const struct sns_fault *fault)
{
	fail_one(l, i, fault, suspects_strike(l->s->suspects, l->events[i].id));
}

static int
attempt_of(const struct lot *l, size_t i)
{
	return l->attempts ? l->attempts[i] : 1;
}

static void
judge_entries(struct lot *l, const struct sns_fault *results, size_t n)
{
	bool took = false;

	for (size_t i = 0; i < n; i++)
		took = took || !results[i].rc;
	if (took && l->unclear)
		suspect(l, l->done - 1, &l->doubt);
	for (size_t i = 0; i < n; i++) {
		size_t at = l->done + i;

		l->failures[at] = (struct failure){ 0 };
		if (results[i].unexplained && took)
			suspect(l, at, &results[i]);
		else if (results[i].rc)
			fail_one(l, at, &results[i],
				 results[i].rc == RC_SNS_MESSAGE ? -1 : retry_delay_ms(attempt_of(l, at)));
	}
	l->took = took;
	l->unclear = false;
}

/* The next event was refused alone, in words that do not say whose fault it is. Beside others that are taken it is its own.
 * False: the one before it was, too, so SNS takes nothing. */
static bool
doubt(struct lot *l, const struct sns_fault *fault)
{
	bool again = l->unclear;

	/* Behind the others that wait, lest it be among the first again. */
	l->failures[l->done] = (struct failure){ .error = describe(l->ctx, fault),
						 .retry_ms = retry_delay_ms(attempt_of(l, l->done)) };
	l->error = l->failures[l->done].error;
	if (l->took)
		suspect(l, l->done, fault);
	l->unclear = !l->took;
	l->doubt = *fault;
	l->took = false;
	l->done++;
	return !again;
}

/* What became of those that were tried. */
static void
count_tried(const struct failure *failures, size_t n)
{
	for (size_t i = 0; i < n; i++)
		metrics_count(!failures[i].error	 ? COUNT_EVENTS_PUBLISHED
			      : failures[i].retry_ms < 0 ? COUNT_EVENTS_PARKED
							 : COUNT_EVENTS_FAILED,
			      1);
}

/* Sends as many of the lot as one request carries. False: SNS did not take it upon itself to judge them. */
static bool
send_some(struct lot *l)
{
	struct sns_fault results[SNS_BATCH_MAX], fault = { .rc = RC_NO_MEMORY };
	struct breaker *breaker = l->s->breaker;
	size_t left = l->n - l->done, sent = left < SNS_BATCH_MAX ? left : SNS_BATCH_MAX;
	enum rc rc = sns_publish(l->s->sns, l->ctx, l->events + l->done, &sent, results, &fault);

	if (rc == RC_SNS_REFUSED && fault.unexplained)
		return doubt(l, &fault);
	if (rc != RC_NO_MEMORY)
		breaker_report(breaker, &policy, rc == RC_OK);
	if (rc) {
		metrics_count(COUNT_EVENTS_FAILED, sent);
		l->unclear = false;
		l->error = report_failure(&fault, left, l->ctx);
		return false;
	}
	judge_entries(l, results, sent);
	l->done += sent;
	return true;
}

void
sender_send(struct sender *s, void *ctx, const struct event *events, const int *attempts, size_t n,
	    int64_t until_ms, struct failure *failures)
{
	struct lot l = { .s = s,
			 .ctx = ctx,
			 .events = events,
			 .attempts = attempts,
			 .failures = failures,
			 .n = n,
			 .error = "SNS is not tried now" };
	bool more = true;

	while (more && l.done < n && clock_ms() < until_ms &&
	       (l.unclear || breaker_admits(s->breaker, &policy)))
		more = send_some(&l);
	if (l.unclear) {
		breaker_report(s->breaker, &policy, false);
		(void)report_failure(&l.doubt, n - l.done + 1, ctx);
	}
	count_tried(failures, l.done);
	give_back(l.error, n - l.done, failures + l.done);
}

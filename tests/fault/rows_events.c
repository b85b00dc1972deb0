/* SNS on its bad days: requests do not notice, and no event is lost. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/events.h"
#include "support/moody.h"
#include "support/peer.h"
#include "support/test.h"

#define SHARE 0.25 /* of the pool's peak, that the undisturbed load asks for */
#define DRAIN_PER_S                                                                                          \
	500 /* of a backlog, beside the load and through a stand-in that opens a connection a request */
#define NOISE_MS ((double)full_or_quick(15, 40)) /* of the machine; QUICK's windows are short */
#define PROBES_AT_FIRST 12
#define PROBES_PER_S 4

static struct peer sns;

static void
good(void)
{
	PEER_ON(&sns, "", .act = PEER_FORWARD, .forward = events_port());
	peer_set_down(&sns, false);
}

static const char *
refusal(int status, const char *code)
{
	const char *body = text(
		"<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
		code, code);

	return text("HTTP/1.1 %d Whatever\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n%s", status,
		    strlen(body), body);
}

static void
down(void)
{
	peer_set_down(&sns, true);
}

static void
hang(void)
{
	PEER_ON(&sns, "", .act = PEER_HANG);
}

static void
throttle(void)
{
	PEER_ON(&sns, "", .act = PEER_ANSWER, .bytes = refusal(400, "Throttling"));
}

static void
refuse(void)
{
	PEER_ON(&sns, "", .act = PEER_ANSWER, .bytes = refusal(403, "InvalidClientTokenId"));
}

static void
errors(void)
{
	PEER_ON(&sns, "", .act = PEER_CALL, .handle = sns_answers_half, .forward = events_port());
}

static void
in_part(void)
{
	PEER_ON(&sns, "", .act = PEER_CALL, .handle = sns_answers_in_part, .forward = events_port());
}

static const struct scene *scene;

static void
topic_gone(void)
{
	(void)sns_call(
		text("Action=DeleteTopic&TopicArn=arn:aws:sns:us-east-1:000000000000:%s", scene->pool.topic));
}

static void
topic_back(void)
{
	events_subscribe(scene->pool.topic, scene->pool.queue);
}

struct bad_day {
	void (*begin)(void), (*end)(void);
	bool at_start; /* the pool has not seen SNS well before */
	bool in_vain;  /* it answers every request, and takes nothing */
};

/* What was made up to a moment; beside the load there are always events that have just been made. */
struct backlog {
	const struct scene *s;
	const char *until; /* the database's time */
};

static struct backlog
backlog_now(const struct scene *s)
{
	return (struct backlog){ s, pool_sql(&s->pool, "SELECT clock_timestamp()") };
}

static bool
is_gone(void *arg)
{
	const struct backlog *b = arg;

	return strcmp(pool_sql(&b->s->pool,
			       text("SELECT count(*) FROM orders.outbox AS b JOIN orders.order_changes AS c "
				    "USING (user_id, order_id, version) WHERE c.changed_at <= '%s'",
				    b->until)),
		      "0") == 0;
}

static void
run_bad_day(const struct bad_day *d)
{
	struct scene s;
	struct load *l;
	struct load_figures before, during, after;
	struct backlog waiting;
	int64_t begun, ended, drained;
	double peak;
	long backlog, lasts_ms = full_or_quick(12000, 1500), most;
	int asked;

	sns = peer_start(NULL);
	good();
	if (d->at_start)
		d->begin();
	s = scene_start(&(const struct pool_options){ .sns = sns.port, .topic_arn = true });
	scene = &s;
	peak = scene_peak(&s);
	l = scene_load(&s, &(const struct load_options){
				   .rate = peak * SHARE,
				   .mix = { [LOAD_CREATE] = 6, [LOAD_REPEAT] = 1, [LOAD_CHANGE] = 3 } });
	if (d->at_start) {
		go_on(full_or_quick(3000, 600));
		demand(scene_owed(&s) > 0, "nothing is owed: SNS was not down");
		d->end();
	}
	go_on(full_or_quick(2000, 300)); /* the backlog of the peak goes first */
	waiting = backlog_now(&s);
	(void)wait_until(20000, is_gone, &waiting);
	begun = clock_us();
	go_on(full_or_quick(6000, 1200));
	before = load_figures(l, ALL_KINDS, begun, clock_us());
	begun = clock_us();
	asked = peer_count(&sns, NULL);
	d->begin();
	go_on(lasts_ms);
	asked = peer_count(&sns, NULL) - asked;
	during = load_figures(l, ALL_KINDS, begun, clock_us());
	backlog = scene_owed(&s);
	waiting = backlog_now(&s);
	d->end();
	ended = clock_us();
	demand(backlog > 0, "nothing is owed: the fault did not happen");
	demand(wait_until(60000, is_gone, &waiting), "the backlog does not go");
	drained = clock_us() - ended;
	after = load_figures(l, ALL_KINDS, ended, clock_us());
	figure("%.0f requests/s", before.per_s);
	demand_ratio("p99 while it lasts", during.p99_ms, before.p99_ms, 1.5, NOISE_MS);
	figure("backlog %ld gone after %.1f s, p99 then %.1f ms", backlog, (double)drained / 1e6,
	       after.p99_ms);
	/* One probe at a time, further and further apart, and what was on its way when it began. */
	most = PROBES_AT_FIRST + PROBES_PER_S * lasts_ms / 1000;
	if (d->in_vain)
		figure("asked %d times meanwhile", asked);
	demand(!d->in_vain || asked <= most, "SNS was asked %d times in vain, which is more than %ld", asked,
	       most);
	demand_time((double)drained / 1e6 <= 5 + (double)backlog / DRAIN_PER_S,
		    "%ld events took %.1f s after SNS was back", backlog, (double)drained / 1e6);
	demand(before.good == before.asked && during.good == during.asked, "%ld requests failed",
	       before.asked - before.good + during.asked - during.good);
	scene_end(&s, 15000, false, true);
	peer_stop(&sns);
}

#define BAD_DAY(name, ...)                                                                                   \
	static void run_##name(void)                                                                         \
	{                                                                                                    \
		static const struct bad_day day = { __VA_ARGS__ };                                           \
		run_bad_day(&day);                                                                           \
	}

BAD_DAY(sns_down, down, good, false, false)
BAD_DAY(sns_down_at_start, down, good, true, false)
BAD_DAY(sns_hangs, hang, good, false, false)
BAD_DAY(sns_errors, errors, good, false, false)
BAD_DAY(sns_throttles, throttle, good, false, true)
BAD_DAY(sns_in_part, in_part, good, false, false)
BAD_DAY(sns_topic_gone, topic_gone, topic_back, false, false)
BAD_DAY(sns_refuses, refuse, good, false, true)

const struct row event_rows[] = {
	{ "sns-down-at-start", "SNS is down when the pool starts, and once more", run_sns_down_at_start, 180,
	  PAIR },
	{ "sns-down", "SNS refuses connections", run_sns_down, 180, PAIR },
	{ "sns-hangs", "SNS takes requests and says nothing", run_sns_hangs, 180, PAIR },
	{ "sns-errors", "every other request fails with 500", run_sns_errors, 180, PAIR },
	{ "sns-throttles", "SNS asks for less", run_sns_throttles, 180, PAIR },
	{ "sns-in-part", "every other message of a batch is not taken", run_sns_in_part, 180, PAIR },
	{ "sns-topic-gone", "the topic is deleted and made again", run_sns_topic_gone, 180, PAIR },
	{ "sns-refuses", "credentials are refused, then right", run_sns_refuses, 180, PAIR },
	{ 0 },
};

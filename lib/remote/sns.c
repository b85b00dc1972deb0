#include "remote/sns.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "remote/credentials.h"
#include "remote/curl.h"
#include "json/credentials_json.h"
#include "json/order_json.h"

#define TOTAL_MS 2000
#define LOOK_MS 5000
#define LOOK_PAGES 50 /* of 100 topics */
#define CONNECT_MS 1000
#define PAYLOAD_MAX (256u << 10) /* messages and their attributes, of one request */
#define FORM_MAX (1u << 20)	 /* the same, urlencoded */
#define ANSWER_MAX (256u << 10)

enum action {
	ACTION_CREATE_TOPIC,
	ACTION_PUBLISH,
	ACTION_PUBLISH_BATCH,
	ACTION_GET_TOPIC_ATTRIBUTES, /* of an operator; so is the next one */
	ACTION_LIST_TOPICS,
	ACTIONS
};
static const char *const actions[ACTIONS] = { "CreateTopic", "Publish", "PublishBatch", "GetTopicAttributes",
					      "ListTopics" };

static const struct outcome_name outcomes[] = {
	{ RC_OK, "ok" },
	{ RC_SNS_DOWN, "unavailable" },
	{ RC_SNS_THROTTLED, "throttled" },
	{ RC_SNS_REFUSED, "refused" },
	{ RC_SNS_MESSAGE, "message" }, /* that it will never take */
	{ RC_NO_MEMORY, "error" },
};
#define OUTCOMES (sizeof outcomes / sizeof *outcomes)

struct sns {
	const struct config *config;
	struct credentials *credentials;
	struct transfer transfer;
	const char *topic_arn; /* NULL until it is known */
	char *resolved_arn;    /* which CreateTopic gave */
	bool fifo;
	char sigv4[128];
	struct series *timed[ACTIONS][OUTCOMES]; /* the pool's counts of requests */
};

static int
close_sns(struct sns *s)
{
	transfer_close(&s->transfer);
	return 0;
}

static bool
is_fifo(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".fifo") == 0;
}

struct sns *
sns_open(void *ctx, const struct config *config)
{
	struct sns *s = talloc_zero(ctx, struct sns);

	if (!s)
		return NULL;
	talloc_set_destructor(s, close_sns);
	s->config = config;
	s->topic_arn = config->topic_arn;
	s->fifo = is_fifo(config->topic_arn ? config->topic_arn : config->topic_name);
	s->credentials = credentials_open(s, config);
	(void)snprintf(s->sigv4, sizeof s->sigv4, "aws:amz:%s:sns", config->aws_region);
	return s->credentials ? s : NULL;
}

static void
put_param(struct buf *form, const char *prefix, const char *name, const char *value, size_t len)
{
	if (form->len)
		buf_putc(form, '&');
	buf_puts(form, prefix);
	buf_puts(form, name);
	buf_putc(form, '=');
	buf_put_urlencoded(form, value, len);
}

static void
put_text(struct buf *form, const char *prefix, const char *name, const char *value)
{
	put_param(form, prefix, name, value, strlen(value));
}

static void
open_form(struct buf *form, void *ctx, enum action action)
{
	buf_init(form, ctx, FORM_MAX);
	put_text(form, "", "Action", actions[action]);
	put_text(form, "", "Version", "2010-03-31");
}

static enum rc
send_form(struct sns *s, void *ctx, const struct buf *form, int64_t deadline, struct sns_answer *a)
{
	struct transfer *t = &s->transfer;
	struct aws_keys keys;
	char token[AWS_TOKEN_SIZE + 32];
	CURLcode code;
	enum rc rc;
	bool good;
	int len;

	*a = (struct sns_answer){ 0 };
	if ((rc = credentials_get(s->credentials, deadline, &keys))) {
		a->fault.rc = rc;
		(void)snprintf(a->fault.message, sizeof a->fault.message, "no credentials");
		return rc;
	}
	if (form->failed || !transfer_reset(t, ctx, s->config->sns_url, ANSWER_MAX))
		return RC_NO_MEMORY;
	if (keys.token) {
		len = snprintf(token, sizeof token, "x-amz-security-token: %s", keys.token);
		good = len > 0 && (size_t)len < sizeof token && transfer_header(t, token);
		explicit_bzero(token, sizeof token);
		if (!good)
			return RC_NO_MEMORY;
	}
	transfer_set_headers(t);
	if (curl_easy_setopt(t->easy, CURLOPT_AWS_SIGV4, s->sigv4) ||
	    curl_easy_setopt(t->easy, CURLOPT_USERNAME, keys.id) ||
	    curl_easy_setopt(t->easy, CURLOPT_PASSWORD, keys.secret) ||
	    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, form->data) ||
	    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)form->len) ||
	    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) ||
	    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 1L + clock_left_ms(deadline)))
		return RC_NO_MEMORY; /* and never a request that is not signed */
	code = curl_easy_perform(t->easy);
	if (code == CURLE_OK) {
		sns_answer_read(a, transfer_status(t), t->body.data ? t->body.data : "", t->body.len);
		a->fault.answered_us = transfer_date_us(t);
	} else {
		a->fault.rc = RC_SNS_DOWN;
		(void)snprintf(a->fault.message, sizeof a->fault.message, "%s", curl_easy_strerror(code));
	}
	/* Without memory curl may send a request without its body: what is said of that is nothing against the message. */
	if (a->fault.rc && transfer_no_memory(t))
		a->fault = (struct sns_fault){ .rc = RC_NO_MEMORY, .message = "no memory" };
	/* Not for a wrong topic, nor for a wrong clock: the whole pool would ask for keys again and again. */
	if (sns_fault_blames_keys(&a->fault) && !sns_fault_blames_clock(&a->fault, clock_wall_us()))
		credentials_refused(s->credentials);
	return a->fault.rc;
}

static enum rc
post(struct sns *s, void *ctx, enum action action, const struct buf *form, int64_t deadline,
     struct sns_answer *a)
{
	int64_t started = metrics_asks(ASKS_SNS);
	enum rc rc = send_form(s, ctx, form, deadline, a);
	size_t i = metrics_outcome(outcomes, OUTCOMES, rc);

	metrics_time(&s->timed[action][i], TIMED_SNS, actions[action], outcomes[i].name,
		     metrics_asks(ASKS_NOBODY) - started);
	return rc;
}

static enum rc
resolve_topic(struct sns *s, void *ctx, int64_t deadline, struct sns_answer *a)
{
	struct buf form;
	enum rc rc;

	open_form(&form, ctx, ACTION_CREATE_TOPIC);
	put_text(&form, "", "Name", s->config->topic_name);
	if (s->fifo) {
		put_text(&form, "Attributes.entry.1.", "key", "FifoTopic");
		put_text(&form, "Attributes.entry.1.", "value", "true");
	}
	rc = post(s, ctx, ACTION_CREATE_TOPIC, &form, deadline, a);
	/* There is no message yet: what SNS does not like is the topic's name or attributes. */
	if (rc == RC_SNS_MESSAGE)
		rc = a->fault.rc = RC_SNS_REFUSED;
	if (rc)
		return rc;
	if (!*a->topic_arn) {
		a->fault = (struct sns_fault){ .rc = RC_SNS_DOWN, .message = "no topic in the answer" };
		return a->fault.rc;
	}
	s->topic_arn = s->resolved_arn = talloc_strdup(s, a->topic_arn);
	if (!s->topic_arn)
		return RC_NO_MEMORY;
	log_info("sns.topic", log_text("arn", s->topic_arn));
	return RC_OK;
}

/* The topic that we resolved is gone. The next attempt creates it anew, without its subscribers. */
static void
forget_topic(struct sns *s)
{
	if (s->config->topic_arn)
		return;
	log_error("sns.topic_gone", log_text("arn", s->topic_arn),
		  log_text("hint", "it will be created again: subscribers have to subscribe again"));
	talloc_free(s->resolved_arn);
	s->resolved_arn = NULL;
	s->topic_arn = NULL;
}

static void
put_attribute(struct buf *form, const char *prefix, int n, const char *name, const char *value)
{
	char entry[96];

	(void)snprintf(entry, sizeof entry, "%sMessageAttributes.entry.%d.", prefix, n);
	put_text(form, entry, "Name", name);
	put_text(form, entry, "Value.DataType", "String");
	put_text(form, entry, "Value.StringValue", value);
}

static void
put_message(struct buf *form, const struct sns *s, const char *prefix, const struct event *e,
	    const struct buf *message)
{
	char group[24];

	put_param(form, prefix, "Message", message->data, message->len);
	put_text(form, prefix, "Subject", event_type(e));
	put_attribute(form, prefix, 1, "event_type", event_type(e));
	put_attribute(form, prefix, 2, "request_id", e->request_id);
	put_attribute(form, prefix, 3, "traceparent", e->traceparent);
	if (s->fifo) {
		(void)snprintf(group, sizeof group, "%lld", (long long)e->order_id);
		put_text(form, prefix, "MessageGroupId", group);
		put_text(form, prefix, "MessageDeduplicationId", e->id);
	}
}

/* Writes as many of the *n events as one request carries. */
static bool
put_messages(struct buf *form, const struct sns *s, void *ctx, const struct event *events, size_t *n)
{
	size_t payload = 0, i;
	char prefix[64] = "", id[24];

	for (i = 0; i < *n; i++) {
		struct buf message;

		buf_init(&message, ctx, PAYLOAD_MAX);
		event_encode(&message, &events[i]);
		if (message.failed)
			return false;
		payload += message.len + 512; /* the attributes with their names and types */
		if (i > 0 && payload > PAYLOAD_MAX)
			break;
		if (*n > 1) {
			(void)snprintf(prefix, sizeof prefix, "PublishBatchRequestEntries.member.%zu.",
				       i + 1);
			(void)snprintf(id, sizeof id, "%zu", i);
			put_text(form, prefix, "Id", id);
		}
		put_message(form, s, prefix, &events[i], &message);
	}
	*n = i;
	return !form->failed;
}

/* Every entry is throttled, or refused for what is no fault of its own, as when the topic's key is disabled: it is SNS that
 * is not to be tried for a while. An InternalError may be about a message, which must not stop all others. */
static bool
is_refused_whole(const struct sns_fault *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (entries[i].rc != entries[0].rc)
			return false;
	return entries[0].rc == RC_SNS_REFUSED || entries[0].rc == RC_SNS_THROTTLED;
}

/* As sns_publish(), with one request. RC_SNS_MESSAGE: it was a batch, and was refused, maybe for one of them. */
static enum rc
publish_once(struct sns *s, void *ctx, const struct event *events, size_t *n, int64_t deadline,
	     struct sns_fault results[static SNS_BATCH_MAX], struct sns_fault *fault)
{
	bool batch = *n > 1;
	enum action action = batch ? ACTION_PUBLISH_BATCH : ACTION_PUBLISH;
	struct sns_answer a = { 0 };
	struct buf form;
	enum rc rc;

	open_form(&form, ctx, action);
	put_text(&form, "", "TopicArn", s->topic_arn);
	if (!put_messages(&form, s, ctx, events, n))
		return RC_NO_MEMORY;
	rc = post(s, ctx, action, &form, deadline, &a);
	if (batch && (rc == RC_SNS_MESSAGE || a.fault.unexplained))
		return RC_SNS_MESSAGE;
	if (rc == RC_SNS_REFUSED && strcmp(a.fault.code, "NotFound") == 0)
		forget_topic(s);
	if (rc && rc != RC_SNS_MESSAGE) {
		*fault = a.fault;
		fault->rc = rc;
		return rc;
	}
	if (!batch)
		a.entries[0] = a.fault;
	for (size_t i = 0; batch && i < *n; i++)
		if (!a.entries[i].rc && !(a.taken >> i & 1))
			a.entries[i] = (struct sns_fault){ .rc = RC_SNS_DOWN,
							   .message = "not in the answer" };
	if (batch && is_refused_whole(a.entries, *n)) {
		if (a.entries[0].unexplained)
			return RC_SNS_MESSAGE;
		*fault = a.entries[0];
		fault->answered_us = a.fault.answered_us;
		return fault->rc;
	}
	memcpy(results, a.entries, *n * sizeof *results);
	return RC_OK;
}

enum rc
sns_publish(struct sns *s, void *ctx, const struct event *events, size_t *n,
	    struct sns_fault results[static SNS_BATCH_MAX], struct sns_fault *fault)
{
	int64_t deadline = clock_ms() + TOTAL_MS;
	struct sns_answer a = { 0 };
	enum rc rc;

	*n = *n > SNS_BATCH_MAX ? SNS_BATCH_MAX : *n;
	if (!s->topic_arn && (rc = resolve_topic(s, ctx, deadline, &a))) {
		*fault = a.fault;
		fault->unexplained = false; /* no event was sent */
		return rc;
	}
	rc = publish_once(s, ctx, events, n, deadline, results, fault);
	if (rc == RC_SNS_MESSAGE) { /* each on its own */
		*n = 1;
		rc = publish_once(s, ctx, events, n, deadline, results, fault);
	}
	return rc;
}

static enum rc
look_at_topic(struct sns *s, void *ctx, int64_t deadline, struct sns_answer *a)
{
	struct buf form;

	open_form(&form, ctx, ACTION_GET_TOPIC_ATTRIBUTES);
	put_text(&form, "", "TopicArn", s->config->topic_arn);
	return post(s, ctx, ACTION_GET_TOPIC_ATTRIBUTES, &form, deadline, a);
}

/* Page by page, until one has it. */
static enum rc
look_for_topic(struct sns *s, void *ctx, int64_t deadline, struct sns_answer *a)
{
	char next[SNS_TEXT_SIZE] = "";
	enum rc rc = RC_OK;

	for (int page = 0; !rc && page < LOOK_PAGES; page++) {
		struct buf form;

		open_form(&form, ctx, ACTION_LIST_TOPICS);
		if (*next)
			put_text(&form, "", "NextToken", next);
		rc = post(s, ctx, ACTION_LIST_TOPICS, &form, deadline, a);
		a->topic_arn[0] = '\0'; /* whichever was the last one */
		if (rc ||
		    sns_answer_find_topic(s->transfer.body.data, s->transfer.body.len, s->config->topic_name,
					  a->topic_arn, next) ||
		    !*next)
			break;
	}
	return rc;
}

enum rc
sns_look(struct sns *s, void *ctx, char arn[static SNS_TEXT_SIZE], struct sns_fault *fault)
{
	int64_t deadline = clock_ms() + LOOK_MS;
	struct sns_answer a = { 0 };
	enum rc rc = s->config->topic_arn ? look_at_topic(s, ctx, deadline, &a)
					  : look_for_topic(s, ctx, deadline, &a);

	*fault = a.fault;
	fault->rc = rc == RC_SNS_MESSAGE ? RC_SNS_REFUSED : rc; /* there is no message */
	(void)snprintf(arn, SNS_TEXT_SIZE, "%s", s->config->topic_arn ? s->config->topic_arn : a.topic_arn);
	return fault->rc;
}

#include "support/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <talloc.h>
#include <unistd.h>

#include "support/json.h"
#include "support/test.h"

#define ACCOUNT "000000000000"

int
events_port(void)
{
	return atoi(test_env("ORDERS_TEST_SNS"));
}

struct answer
sns_call(const char *form)
{
	struct answer a = ask(events_port(), &(const struct ask){
						     .target = "/",
						     .type = "application/x-www-form-urlencoded",
						     .body = text("Version=2010-03-31&%s", form),
					     });

	if (a.status != 200)
		give_up("SNS: %s: %d %s", form, a.status, a.body);
	return a;
}

struct answer
sqs_call(const char *action, const char *json)
{
	struct answer a = ask(events_port(), &(const struct ask){
						     .target = "/",
						     .type = "application/x-amz-json-1.0",
						     .fields = text("X-Amz-Target: AmazonSQS.%s\r\n", action),
						     .body = json,
					     });

	if (a.status != 200)
		give_up("SQS: %s: %d %s", action, a.status, a.body);
	return a;
}

void
events_subscribe(const char *topic, const char *queue)
{
	size_t len = strlen(topic);
	bool fifo = len > 5 && strcmp(topic + len - 5, ".fifo") == 0;

	(void)sns_call(text("Action=CreateTopic&Name=%s%s", topic,
			    fifo ? "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true" : ""));
	(void)sqs_call("CreateQueue", text("{\"QueueName\":\"%s\"%s}", queue,
					   fifo ? ",\"Attributes\":{\"FifoQueue\":\"true\"}" : ""));
	(void)sns_call(text("Action=Subscribe&Protocol=sqs&TopicArn=arn:aws:sns:us-east-1:" ACCOUNT ":%s"
			    "&Endpoint=arn:aws:sqs:us-east-1:" ACCOUNT ":%s",
			    topic, queue));
}

/* Several tests of a program share a queue, so what one of them receives goes to a file for all. */
static int
open_mailbox(const struct pool *p)
{
	int fd = open(text("%s/events", p->dir), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		give_up("mailbox: %s", strerror(errno));
	return fd;
}

static void
receive_some(const struct pool *p, int fd, int wait_s)
{
	struct answer a = sqs_call("ReceiveMessage",
				   text("{\"QueueUrl\":\"http://127.0.0.1:%d/" ACCOUNT
					"/%s\",\"MaxNumberOfMessages\":10,"
					"\"WaitTimeSeconds\":%d,\"VisibilityTimeout\":40000}",
					events_port(), p->queue, wait_s));
	struct json_object *doc = json_read(a.body);
	int n = json_count(doc, "Messages");
	char *entries = text("%s", "");

	for (int i = 0; i < n; i++) {
		char *line = text("%s\n", json_at(doc, text("Messages.%d.Body", i)));

		if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
			give_up("mailbox: %s", strerror(errno));
		entries = text("%s%s{\"Id\":\"%d\",\"ReceiptHandle\":%s}", entries, i ? "," : "", i,
			       json_quote(json_at(doc, text("Messages.%d.ReceiptHandle", i))));
	}
	if (n > 0) /* a FIFO queue gives nothing more of a group until then */
		(void)sqs_call("DeleteMessageBatch",
			       text("{\"QueueUrl\":\"http://127.0.0.1:%d/" ACCOUNT "/%s\",\"Entries\":[%s]}",
				    events_port(), p->queue, entries));
}

static size_t
read_mailbox(const struct pool *p, int64_t order_id, struct arrived out[static EVENTS_MAX])
{
	char *saved, *mail = read_file(text("%s/events", p->dir), NULL);
	char *wanted = text("\\\"order_id\\\":%lld,", (long long)order_id);
	size_t n = 0;

	for (char *line = strtok_r(mail, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		if (order_id && !strstr(line, wanted))
			continue;
		if (n == EVENTS_MAX)
			give_up("more than %d events", EVENTS_MAX);
		out[n].body = line;
		out[n].message = json_get(line, "Message");
		out[n].order_id = json_get_i64(out[n].message, "data.order_id");
		out[n].version = (int)json_get_i64(out[n].message, "data.version");
		n++;
	}
	return n;
}

size_t
events_wait(const struct pool *p, int64_t order_id, size_t n, int limit_ms,
	    struct arrived out[static EVENTS_MAX])
{
	int64_t end = now_ms() + limit_ms;
	size_t there;

	for (;;) {
		int fd = open_mailbox(p);

		there = read_mailbox(p, order_id, out);
		if (there < n || n == 0) {
			receive_some(p, fd, n ? 1 : 0);
			there = read_mailbox(p, order_id, out);
		}
		(void)close(fd);
		if (there >= n || now_ms() >= end)
			return there;
	}
}

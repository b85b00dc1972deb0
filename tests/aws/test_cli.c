/* A subscriber that is none of ours: Debian's AWS CLI reads the queue that the topic fans out to. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"

extern char **environ;

#define BATCH 10

/* Receives into out what is in the queue, from number n on, and deletes it; returns how many there are then. */
static size_t
receive(int port, const char *queue, struct arrived out[static BATCH], size_t n)
{
	char *endpoint = text("http://127.0.0.1:%d", port);
	char *url = text("%s/000000000000/%s", endpoint, queue);
	const char *const read[] = { "/usr/bin/aws",
				     "--endpoint-url",
				     endpoint,
				     "sqs",
				     "receive-message",
				     "--queue-url",
				     url,
				     "--wait-time-seconds",
				     "2",
				     "--max-number-of-messages",
				     "10",
				     NULL };
	struct ran r = program_run(read, environ, NULL);
	struct json_object *doc;
	int count;

	cr_assert_eq(r.status, 0, "%s", r.err);
	if (!*r.out)
		return n;
	doc = json_read(r.out);
	count = json_count(doc, "Messages");
	for (int i = 0; i < count; i++, n++) {
		const char *const gone[] = { "/usr/bin/aws",
					     "--endpoint-url",
					     endpoint,
					     "sqs",
					     "delete-message",
					     "--queue-url",
					     url,
					     "--receipt-handle",
					     json_at(doc, text("Messages.%d.ReceiptHandle", i)),
					     NULL };

		cr_assert_lt(n, BATCH);
		out[n].body = json_at(doc, text("Messages.%d.Body", i));
		out[n].message = json_get(out[n].body, "Message");
		out[n].order_id = json_get_i64(out[n].message, "data.order_id");
		out[n].version = (int)json_get_i64(out[n].message, "data.version");
		cr_assert_eq(program_run(gone, environ, NULL).status, 0);
	}
	return n;
}

/* What translates for the CLI; ends with the test. */
static int
start_query(void)
{
	int port = free_port();
	char *script = text("%s/tests/aws/query.mjs", test_env("ORDERS_TEST_ROOT"));
	char *own = text("%d", port), *emulator = text("%d", events_port());
	const char *node = test_env("ORDERS_TEST_NODE");

	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execlp(node, node, script, own, emulator, NULL);
		_exit(127);
	}
	cr_assert(wait_until(10000, port_listens, &port));
	return port;
}

/* It has to find keys, and nobody's settings. */
static void
set_up(void)
{
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIATEST", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
	(void)setenv("AWS_DEFAULT_REGION", "us-east-1", 1);
	(void)setenv("AWS_DEFAULT_OUTPUT", "json", 1);
	(void)setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	(void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
	(void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	(void)setenv("AWS_PAGER", "", 1);
}

TestSuite(cli, .init = set_up, .timeout = 120);

Test(cli, reads_the_events_of_an_order)
{
	int port = start_query();

	for (int t = 0; t < 2; t++) {
		char *topic = text("cli-%d%s", (int)getpid(), t ? ".fifo" : "");
		struct arrived mail[BATCH];
		struct pool p;
		int64_t order_id, limit;
		size_t n = 0;

		events_subscribe(topic, topic);
		p = pool_start(
			&(const struct pool_options){ .settings = { text("SNS_TOPIC_NAME=%s", topic) } });
		order_id = place_order(&p, 9, 3, 2);
		lead_order(&p, 9, order_id, "delivered");
		limit = now_ms() + 60000;
		while (n < 4 && now_ms() < limit)
			n = receive(port, topic, mail, n);
		cr_assert_eq(n, 4, "%s: %zu events", topic, n);
		for (size_t i = 0; i < n; i++) {
			cr_expect_eq(mail[i].order_id, order_id);
			cr_expect(!t || mail[i].version == (int)i + 1, "version %d as number %zu",
				  mail[i].version, i + 1);
			if (mail[i].version == 1)
				EXPECT_TEXT(json_get(mail[i].body, "Subject"), "order.created");
			if (mail[i].version == 1)
				EXPECT_TEXT(json_get(mail[i].message, "data.total_amount"), "91.00");
		}
		cr_expect(pool_stop(&p));
	}
}

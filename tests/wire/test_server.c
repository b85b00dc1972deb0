/* The web server's own part: whom it lets in, what it keeps from the pool, what it says when there is none, and its files. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/server.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"

Test(server, shows_the_state_of_the_service_to_this_machine_and_private_networks_alone)
{
	static const char *const targets[] = { "/health", "/ready", "/metrics", "/health/", "/ready?x=1" };
	struct answer a;

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		a = ASK(pool_shared(), .target = targets[i], .from = "127.0.0.2");
		EXPECT_DETAIL_ROW(targets[i], a, 403, "Forbidden");
		a = ASK(pool_shared(), .target = targets[i]);
		cr_expect(a.status != 403, "%s: %d", targets[i], a.status);
	}
	a = ASK(pool_shared(), .target = ORDERS, .from = "127.0.0.2");
	EXPECT_DETAIL(a, 401, "Not authenticated");
	a = ASK(pool_shared(), .target = "/healthz", .from = "127.0.0.2");
	EXPECT_DETAIL(a, 404, "Not Found");
}

Test(server, puts_an_id_into_its_own_errors)
{
	static const struct {
		const char *id;
		bool kept;
	} rows[] = { { "Order.2026_02-24", true }, { "a b", false }, { "", false } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *bytes = text("POST " ORDERS " HTTP/1.1\r\nHost: x\r\nX-Request-ID: %s\r\n"
				   "Content-Length: 3000000\r\n\r\n",
				   rows[i].id);
		struct exchange x = bytes_send(pool_shared()->port, bytes, strlen(bytes));
		struct answer a = ask_receive(&x, 10000);
		const char *id = field(&a, "X-Request-ID");

		EXPECT_DETAIL_ROW(rows[i].id, a, 413, "Request body too large");
		cr_expect(id && *id && (strcmp(id, rows[i].id) == 0) == rows[i].kept, "%s became %s",
			  rows[i].id, id);
	}
}

Test(server, keeps_a_connection)
{
	static const char request[] = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = dial(pool_shared()->port);
	struct exchange x;
	struct answer a;

	for (int i = 0; i < 3; i++) {
		cr_assert(write(fd, request, sizeof request - 1) == sizeof request - 1);
		x = (struct exchange){ .fd = dup(fd), .started_ms = now_ms() };
		a = ask_receive(&x, 5000);
		EXPECT(a, 200, "{\"status\":\"healthy\"}");
	}
	(void)close(fd);
}

static bool
is_closed(void *arg)
{
	char waste[4096];
	ssize_t n;

	while ((n = recv(*(int *)arg, waste, sizeof waste, MSG_DONTWAIT)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Who sends nothing at all is not let in by the kernel, or by the web server on the same terms as half a head. */
Test(server, gets_rid_of_clients_that_are_slow_or_idle, .timeout = 60)
{
	static const struct {
		const char *bytes, *reason;
	} rows[] = {
		{ "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", "half a head" },
		{ "POST " ORDERS " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "half a body" },
		{ "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "no second request" },
	};
	int fds[sizeof rows / sizeof *rows];
	int64_t since = now_ms();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fds[i] = dial(pool_shared()->port);
		cr_assert(write(fds[i], rows[i].bytes, strlen(rows[i].bytes)) ==
			  (ssize_t)strlen(rows[i].bytes));
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect(!wait_until(i ? 0 : 3000, is_closed, &fds[i]), "%s: at once", rows[i].reason);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect(wait_until(35000 - (int)(now_ms() - since), is_closed, &fds[i]), "%s",
			  rows[i].reason);
		(void)close(fds[i]);
	}
}

struct waiting {
	const struct exchange *x;
	int n, wanted;
};

static int
is_answered(const struct exchange *x)
{
	struct pollfd p = { .fd = x->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static bool
so_many_are_answered(void *arg)
{
	const struct waiting *w = arg;
	int n = 0;

	for (int i = 0; i < w->n; i++)
		n += is_answered(&w->x[i]);
	return n >= w->wanted;
}

/* A client whose kernel takes next to nothing in, so that the web server's cannot get rid of an answer. */
static int
dial_narrow(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), segment = 536, buffer = 4096;

	cr_assert(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) == 0 &&
		  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) == 0 &&
		  connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	return fd;
}

/* The answer to too many items repeats them all. */
Test(server, is_not_held_up_by_clients_that_do_not_take_their_answers)
{
	char *items = text("{\"product_id\":1,\"quantity\":1,\"x\":\"%05000d\"}", 0),
	     *body = text("%s", items), *head;
	struct exchange x[6];
	struct answer a;

	for (int i = 0; i < 150; i++)
		body = talloc_asprintf_append(body, ",%s", items);
	body = text("{\"items\":[%s]}", body);
	head = text("POST " ORDERS " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		    token_of(new_user()), strlen(body));
	for (int i = 0; i < 6; i++) {
		x[i] = (struct exchange){ .fd = dial_narrow(pool_shared()->port) };
		cr_assert(send(x[i].fd, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head) &&
			  send(x[i].fd, body, strlen(body), MSG_NOSIGNAL) == (ssize_t)strlen(body));
	}
	cr_expect(wait_until(5000, so_many_are_answered, &(struct waiting){ x, 6, 6 }),
		  "held up by each other");
	a = ASK(pool_shared(), .target = "/health");
	EXPECT(a, 200, "{\"status\":\"healthy\"}");
	cr_expect(a.ms < 2000, "%lld ms", (long long)a.ms);
	a = ask_receive(&x[0], 5000);
	cr_expect(a.status == 422 && a.body_len > 700000, "%d, %zu bytes", a.status, a.body_len);
	for (int i = 1; i < 6; i++)
		(void)close(x[i].fd);
}

/* Two requests may be there; the only worker holds still. */
Test(server, answers_surplus_requests_503_at_once)
{
	const struct ask asks[] = { { .target = ORDERS, .token = "none" },
				    { .target = ORDERS,
				      .token = "none",
				      .body = "{}",
				      .fields = "X-Request-ID: Its.own_id-1\r\n" } };
	struct pool p;
	struct exchange x[6];
	struct answer a;
	pid_t pids[POOL_PIDS];
	int refused = 0, served = 0;

	NEEDS(REFUSES_SURPLUS | POOL_IS_FULL);
	p = pool_start(&(const struct pool_options){ .workers = 1, .settings = { "MAX_WAITING=2" } });
	cr_assert(pool_has_workers(&p, 1, 5000) && pool_pids(&p, "orders.fcgi", pids) == 1);
	(void)kill(pids[0], SIGSTOP);
	for (int i = 0; i < 6; i++)
		x[i] = ask_send(p.port, &asks[i % 2]);
	cr_expect(wait_until(2000, so_many_are_answered, &(struct waiting){ x, 6, 4 }), "too slow");
	for (int i = 0; i < 6; i++) {
		if (!is_answered(&x[i]))
			continue;
		a = ask_receive(&x[i], 1000);
		EXPECT_DETAIL(a, 503, "Service Unavailable");
		cr_expect((strcmp(field(&a, "X-Request-ID"), "Its.own_id-1") == 0) == (i % 2 == 1), "%s",
			  a.head);
		refused++;
	}
	cr_expect(refused == 4, "%d were refused", refused);
	(void)kill(pids[0], SIGCONT);
	for (int i = 0; i < 6; i++) {
		if (x[i].fd < 0)
			continue;
		a = ask_receive(&x[i], 10000);
		cr_expect(a.status == 401, "%d", a.status);
		served++;
	}
	cr_expect(served == 2, "%d were served", served);
	a = ASK(&p, .target = "/health");
	cr_expect(a.status == 200, "it takes requests again: %d", a.status);
	cr_expect(pool_stop(&p));
}

/* A load balancer would take the pool for dead, and Prometheus learn nothing of its worst hour. */
Test(server, lets_those_who_watch_in_when_it_refuses_others)
{
	static const char *const targets[] = { "/health", "/ready", "/metrics" };
	const struct ask order = { .target = ORDERS, .token = "none" };
	struct exchange others[2], x[20];
	struct pool p;
	struct answer a;
	pid_t pids[POOL_PIDS];
	int served = 0;

	NEEDS(LETS_WATCHERS_IN);
	p = pool_start(&(const struct pool_options){ .workers = 1, .settings = { "MAX_WAITING=1" } });
	cr_assert(pool_has_workers(&p, 1, 5000) && pool_pids(&p, "orders.fcgi", pids) == 1);
	(void)kill(pids[0], SIGSTOP);
	others[0] = ask_send(p.port, &order);
	others[1] = ask_send(p.port, &order);
	cr_expect(wait_until(2000, so_many_are_answered, &(struct waiting){ others, 2, 1 }),
		  "one is refused");
	for (int i = 0; i < 20; i++)
		x[i] = ask_send(p.port, &(const struct ask){ .target = targets[i % 3] });
	cr_expect(wait_until(2000, so_many_are_answered, &(struct waiting){ x, 20, 4 }), "not any number");
	(void)kill(pids[0], SIGCONT);
	for (int i = 0; i < 20; i++) {
		a = ask_receive(&x[i], 10000);
		cr_expect(a.status == 200 || a.status == 503, "%s", a.head);
		served += a.status == 200;
	}
	cr_expect_eq(served, 16);
	for (int i = 0; i < 2; i++)
		(void)ask_receive(&others[i], 10000);
	cr_expect(pool_stop(&p));
}

static struct ran
spawn(const struct pool *p, const char *command)
{
	const char *const argv[] = { text("%s/spawn.sh", test_env("ORDERS_TEST_ROOT")), command, NULL };

	return program_run(argv, pool_environment(&(const struct pool_options){ 0 }, p), NULL);
}

static bool
is_healthy(void *arg)
{
	return ASK((const struct pool *)arg, .target = "/health").status == 200;
}

Test(server, answers_503_while_the_pool_is_away_and_finds_the_next_one)
{
	struct stat run;
	struct pool p;
	struct ran r;
	struct answer a;

	NEEDS(POOL_IS_APART);
	p = pool_start(&(const struct pool_options){ .workers = 1 });
	for (int round = 0; round < 2; round++) {
		r = spawn(&p, "stop");
		cr_assert(r.status == 0, "%d %s", r.status, r.err);
		for (int i = 0; i < 3; i++) {
			a = ASK(&p, .target = "/health");
			EXPECT_DETAIL(a, 503, "Service Unavailable");
			a = ASK(&p, .target = ORDERS, .token = token_of(9), .body = "{}");
			EXPECT_DETAIL(a, 503, "Service Unavailable");
		}
		r = spawn(&p, "-d");
		cr_assert(r.status == 0, "%d %s", r.status, r.err);
		/* The web server's group, as serve.sh has seen to. */
		cr_assert(stat(text("%s/run", p.dir), &run) == 0 &&
			  chown(text("%s/run/orders.sock", p.dir), (uid_t)-1, run.st_gid) == 0);
		cr_expect(wait_until(3000, is_healthy, &p), "%s", pool_log(&p));
	}
	r = spawn(&p, "stop");
	cr_expect(r.status == 0, "%d %s", r.status, r.err);
	cr_expect(pool_stop(&p));
}

Test(server, has_examples_that_may_be_put_in_use)
{
	const char *const argv[] = { text("%s/tests/support/serve.sh", test_env("ORDERS_TEST_ROOT")), "-t",
				     test_env("ORDERS_TEST_SERVER"), NULL };
	struct pool p = *pool_shared();
	char *dir = text("%s/run/examples", p.dir);
	struct ran r;

	cr_assert(mkdir(dir, 0700) == 0);
	r = program_run(
		argv,
		pool_environment(&(const struct pool_options){ .settings = { text("RUN_DIR=%s", dir) } }, &p),
		NULL);
	cr_expect(r.status == 0, "%d %s%s", r.status, r.out, r.err);
}

Test(server, answers_odd_requests_as_the_contract_or_operations_md_says)
{
	const struct {
		const char *line;
		int status;
		const char *body, *row;
	} rows[] = {
		{ "GET http://host/health", 200, "{\"status\":\"healthy\"}", "`GET http://host/health`" },
		{ "BREW /health", 405, "{\"detail\":\"Method Not Allowed\"}", "`BREW /health`" },
		{ "TRACE /health", 405, "{\"detail\":\"Method Not Allowed\"}", "`TRACE`" },
		{ text("GET /%020000d", 0), 414, "{\"detail\":\"URI Too Long\"}",
		  "a request line of more than 16 KiB" },
		{ "GET /health?\"x\\", 200, "{\"status\":\"healthy\"}", "what URIs should not have" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct difference *own = server_difference(rows[i].row);
		char *bytes = text("%s HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n", rows[i].line);
		struct exchange x = bytes_send(pool_shared()->port, bytes, strlen(bytes));
		struct answer a = ask_receive(&x, 5000);

		if (own)
			EXPECT_DETAIL_ROW(rows[i].row, a, own->status, own->detail);
		else
			EXPECT_ROW(rows[i].row, a, rows[i].status, rows[i].body);
	}
}

Test(server, differs_from_the_contract_only_as_operations_md_says)
{
	const char *shown = read_file(text("%s/docs/operations.md", test_env("ORDERS_TEST_ROOT")), NULL);

	cr_expect_null(server_difference_missing_in(shown), "%s", server_difference_missing_in(shown));
}

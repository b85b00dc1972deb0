/*
 * The connections of a load: one thread, one epoll set. Whoever is free takes the next request as soon as it is due.
 *
 * Requests that are on their way stand in a list in the order of their deadlines, which is that in which they were due;
 * those that pause in another, in the order in which they go on.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/load_internal.h"
#include "support/test.h"

#define EVENTS_AT_ONCE 256
#define ANSWER_MAX (1u << 20)
#define LOOK_US 20000 /* how soon load_stop() is noticed */

struct client {
	struct client *before, *after; /* in the list that it is in */
	int fd;			       /* -1: none */
	bool busy;		       /* a request is on its way */
	bool connecting;
	bool kept; /* an answer has come on this connection */
	bool wants_out;
	int64_t until_us; /* the deadline, or when the pause is over */
	size_t sent, got, cap;
	char *in;
	struct load_request q;
};

static const struct load_options *options;
static struct load_memory *memory;
static struct client *clients;
static struct client on_their_way, pausing; /* heads of rings: nothing but their links */
static struct client *spare;		    /* linked by after */
static int epoll_fd;
static int64_t timeout_us, pause_us, begun_us;
static long started, busy_n;

static void
ring_add(struct client *head, struct client *c)
{
	c->after = head;
	c->before = head->before;
	head->before->after = c;
	head->before = c;
}

static void
ring_remove(struct client *c)
{
	c->before->after = c->after;
	c->after->before = c->before;
}

static struct client *
ring_first(const struct client *head)
{
	return head->after == head ? NULL : head->after;
}

static void
hang_up(struct client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->kept = c->connecting = c->wants_out = false;
}

static void
set_free(struct client *c)
{
	c->after = spare;
	spare = c;
}

/* The request has ended, with an answer or without. */
static void
end_request(struct client *c, const struct load_reply *a)
{
	long n = atomic_load_explicit(&memory->count, memory_order_relaxed);
	int64_t now = clock_us();

	ring_remove(c);
	c->busy = false;
	busy_n--;
	request_done(&c->q, a);
	c->q.r.took_us = now - c->q.r.started_us;
	memory->records[n] = c->q.r;
	atomic_store_explicit(&memory->count, n + 1, memory_order_release);
	if (pause_us && (a->status == 0 || a->status == 503 || a->status == 504)) {
		c->until_us = now + pause_us;
		ring_add(&pausing, c);
	} else {
		set_free(c);
	}
}

static void send_request(struct client *c);

static void
connect_client(struct client *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)options->port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		give_up("load: socket: %s", strerror(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
		hang_up(c);
		end_request(c, &(struct load_reply){ 0 });
		return;
	}
	c->connecting = c->wants_out = true;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
		give_up("load: epoll: %s", strerror(errno));
}

/* The connection ended before the answer did. A kept one may have been closed while the request was on its way to it, so
 * a request that may be repeated goes out once more, on a new one. */
static void
lose_connection(struct client *c)
{
	bool again = c->kept && c->got == 0 && c->q.repeatable && !c->q.r.again;

	hang_up(c);
	if (!again) {
		end_request(c, &(struct load_reply){ 0 });
		return;
	}
	c->q.r.again = true;
	c->sent = 0;
	connect_client(c);
}

static void
watch(struct client *c, bool out)
{
	struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = c };

	if (c->wants_out == out)
		return;
	c->wants_out = out;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e) != 0)
		give_up("load: epoll: %s", strerror(errno));
}

static void
send_request(struct client *c)
{
	ssize_t n = send(c->fd, c->q.bytes + c->sent, c->q.len - c->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		lose_connection(c);
		return;
	}
	c->sent += n > 0 ? (size_t)n : 0;
	watch(c, c->sent < c->q.len);
}

static void
start_request(struct client *c, int64_t due_us)
{
	request_make(&c->q);
	c->q.r.started_us = due_us;
	c->until_us = due_us + timeout_us;
	c->sent = c->got = 0;
	c->busy = true;
	busy_n++;
	ring_add(&on_their_way, c);
	if (c->fd < 0)
		connect_client(c);
	else
		send_request(c);
}

/* Status line and fields, up to and with the empty line. False: not what this service sends. */
static bool
read_head(const char *head, const char *end, struct load_reply *a, size_t *body_len, bool *closes)
{
	bool sized = false;

	if (strncmp(head, "HTTP/1.1 ", 9) != 0)
		return false;
	a->status = atoi(head + 9);
	*closes = false;
	for (const char *line = strstr(head, "\r\n"); line < end; line = strstr(line + 2, "\r\n")) {
		const char *f = line + 2;

		if (strncasecmp(f, "Content-Length: ", 16) == 0) {
			*body_len = strtoul(f + 16, NULL, 10);
			sized = *body_len < ANSWER_MAX;
		} else if (strncasecmp(f, "Connection: close\r\n", 19) == 0) {
			*closes = true;
		} else if (strncasecmp(f, "Idempotent-Replayed: true\r\n", 27) == 0) {
			a->replayed = true;
		} else if (strncasecmp(f, "Retry-After: ", 13) == 0) {
			a->retry_after = atoi(f + 13) > 0;
		}
	}
	return sized && a->status >= 100 && a->status <= 599;
}

static void
read_answer(struct client *c)
{
	struct load_reply a = { 0 };
	const char *end = strstr(c->in, "\r\n\r\n");
	size_t len = 0;
	bool closes;

	if (!end)
		return;
	if (!read_head(c->in, end, &a, &len, &closes)) {
		hang_up(c);
		end_request(c, &(struct load_reply){ 0 });
		return;
	}
	a.body = end + 4;
	a.len = c->got - (size_t)(a.body - c->in);
	if (a.len < len)
		return;
	/* What nobody has asked for makes the answer one that is not HTTP. */
	if (a.len > len)
		a.status = 0;
	c->kept = true;
	if (closes || !options->keep_alive || a.len > len)
		hang_up(c);
	end_request(c, &a);
}

static void
receive(struct client *c)
{
	ssize_t n;

	if (c->got + 1 >= c->cap) {
		c->cap = c->cap ? c->cap * 2 : 4096;
		c->in = c->cap <= 2 * ANSWER_MAX ? realloc(c->in, c->cap) : NULL;
		if (!c->in)
			give_up("load: no memory for an answer");
	}
	n = recv(c->fd, c->in + c->got, c->cap - c->got - 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		lose_connection(c);
		return;
	}
	c->got += (size_t)n;
	c->in[c->got] = '\0';
	read_answer(c);
}

static void
serve(struct client *c, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (c->fd < 0)
		return;
	if (!c->busy) { /* a kept connection that the server has closed */
		hang_up(c);
		return;
	}
	if (c->connecting && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
		c->connecting = false;
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error) {
			lose_connection(c);
			return;
		}
	}
	if (events & EPOLLOUT && c->sent < c->q.len) {
		send_request(c);
		if (!c->busy || c->connecting)
			return;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		receive(c);
}

static bool
may_start(void)
{
	return !atomic_load_explicit(&memory->stopping, memory_order_relaxed) &&
	       (!options->requests || started < options->requests) && started < RECORDS_MAX;
}

/* When the next request is due. */
static int64_t
next_due(int64_t now)
{
	return options->rate > 0 ? begun_us + (int64_t)((double)started / options->rate * 1e6) : now;
}

static void
start_what_is_due(void)
{
	int64_t now = clock_us(), due;

	/* No more than once for each, lest those that are refused at once keep the others from being served. */
	for (int n = 0; n < options->clients && spare && may_start() && (due = next_due(now)) <= now; n++) {
		struct client *c = spare;

		spare = c->after;
		started++;
		start_request(c, due);
	}
}

static void
end_what_is_over(void)
{
	int64_t now = clock_us();
	struct client *c;

	while ((c = ring_first(&on_their_way)) && c->until_us <= now) {
		hang_up(c);
		end_request(c, &(struct load_reply){ 0 });
	}
	while ((c = ring_first(&pausing)) && c->until_us <= now) {
		ring_remove(c);
		set_free(c);
	}
}

static int64_t
look_again_in(void)
{
	int64_t now = clock_us(), until = now + LOOK_US;
	const struct client *way = ring_first(&on_their_way), *pause = ring_first(&pausing);

	if (way && way->until_us < until)
		until = way->until_us;
	if (pause && pause->until_us < until)
		until = pause->until_us;
	if (spare && may_start() && next_due(now) < until)
		until = next_due(now);
	return until > now ? until - now : 0;
}

static void
prepare(void)
{
	long n = options->clients;
	struct rlimit files;

	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	timeout_us = (int64_t)options->timeout_ms * 1000;
	pause_us = options->rate > 0 || options->pause_ms < 0 ? 0 : (int64_t)options->pause_ms * 1000;
	on_their_way.before = on_their_way.after = &on_their_way;
	pausing.before = pausing.after = &pausing;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	clients = calloc((size_t)n, sizeof *clients);
	if (epoll_fd < 0 || !clients)
		give_up("load: no memory for %ld clients", n);
	while (n-- > 0) {
		clients[n].fd = -1;
		set_free(&clients[n]);
	}
	begun_us = clock_us();
}

void
clients_run(const struct load_options *o, struct load_memory *m)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	options = o;
	memory = m;
	prepare();
	for (;;) {
		struct timespec wait = { 0 };
		int n;

		end_what_is_over();
		start_what_is_due();
		if (busy_n == 0 && !may_start())
			break;
		wait.tv_nsec = (long)look_again_in() * 1000;
		n = epoll_pwait2(epoll_fd, events, EVENTS_AT_ONCE, &wait, NULL);
		for (int i = 0; i < n; i++)
			serve(events[i].data.ptr, events[i].events);
	}
	atomic_store(&memory->over, true);
	_exit(0);
}

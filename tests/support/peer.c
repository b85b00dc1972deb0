#include "support/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "support/http.h"
#include "support/test.h"

#define RULES_MAX 512
#define TARGET_MAX 128
#define BYTES_MAX 16384
#define REQUESTS_MAX 512 /* that are kept; more are only counted */
#define HEAD_MAX 8192
#define BODY_MAX (320 * 1024)

struct rule {
	char target[TARGET_MAX];
	enum peer_act act;
	int delay_ms, times, forward;
	peer_handle_fn *handle; /* the peer is a fork of the test: the same address there */
	size_t len, fill_len;
	char bytes[BYTES_MAX];
	char fill[1024];
};

struct kept {
	char target[TARGET_MAX];
	char head[HEAD_MAX];
	char body[BODY_MAX];
	size_t body_len;
	int64_t at_ms;
	atomic_bool whole;
};

/* Sparse: what is not used costs nothing. */
struct peer_state {
	pthread_mutex_t lock;
	size_t n_rules;
	struct rule rules[RULES_MAX];
	atomic_int asked, at_once, most, connections;
	atomic_bool want_down, is_down;
	struct kept kept[REQUESTS_MAX];
};

static struct peer_state *served;
static peer_default_fn *served_otherwise;

/* The peer's own process */

static void
sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

static bool
send_bytes(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Finds the rule, and uses it up where it is for some times only. */
static bool
find_rule(const char *target, struct rule *out)
{
	size_t found = SIZE_MAX;

	(void)pthread_mutex_lock(&served->lock);
	for (size_t i = 0; i < served->n_rules; i++)
		if (served->rules[i].times >= 0 && strcmp(served->rules[i].target, target) == 0)
			found = i;
	for (size_t i = 0; found == SIZE_MAX && i < served->n_rules; i++)
		if (served->rules[i].times >= 0 && !served->rules[i].target[0])
			found = i;
	if (found != SIZE_MAX) {
		*out = served->rules[found];
		if (served->rules[found].times > 0 && --served->rules[found].times == 0)
			served->rules[found].times = -1;
	}
	(void)pthread_mutex_unlock(&served->lock);
	return found != SIZE_MAX;
}

/* Reads one request into k. False: the connection ended. */
static bool
read_request(int fd, struct kept *k, char *rest, size_t *rest_len)
{
	static const size_t cap = HEAD_MAX + BODY_MAX;
	char *bytes = malloc(cap), *end = NULL;
	size_t len = *rest_len, wanted = 0;
	const char *announced;
	bool good = false;

	memcpy(bytes, rest, len);
	bytes[len] = '\0';
	for (;;) {
		ssize_t n;

		if (!end && (end = strstr(bytes, "\r\n\r\n"))) {
			announced = strcasestr(bytes, "\r\nContent-Length:");
			wanted = (size_t)(end + 4 - bytes);
			if (announced && announced < end)
				wanted += strtoul(announced + 17, NULL, 10);
		}
		if (end && len >= wanted)
			break;
		n = len + 1 < cap ? recv(fd, bytes + len, cap - len - 1, 0) : 0;
		if (n <= 0)
			goto done;
		len += (size_t)n;
		bytes[len] = '\0';
	}
	k->body_len = wanted - (size_t)(end + 4 - bytes);
	(void)snprintf(k->head, sizeof k->head, "%.*s", (int)(end + 2 - bytes), bytes);
	memcpy(k->body, end + 4, k->body_len);
	k->body[k->body_len] = '\0';
	k->target[0] = '\0';
	(void)sscanf(k->head, "%*s %127s", k->target);
	*rest_len = len - wanted < HEAD_MAX ? len - wanted : 0;
	memcpy(rest, bytes + wanted, *rest_len);
	good = true;
done:
	free(bytes);
	return good;
}

static void
keep(const struct kept *k)
{
	int n = atomic_fetch_add(&served->asked, 1);

	if (n >= REQUESTS_MAX)
		return;
	memcpy(served->kept[n].target, k->target, sizeof k->target);
	memcpy(served->kept[n].head, k->head, sizeof k->head);
	memcpy(served->kept[n].body, k->body, k->body_len + 1);
	served->kept[n].body_len = k->body_len;
	served->kept[n].at_ms = now_ms();
	atomic_store(&served->kept[n].whole, true);
}

/* Sends the request to the port, on a connection of its own that is to be read to its end; -1: it is refused. */
static int
ask_other(const struct peer_request *r, int port)
{
	int other = dial(port);
	const char *fields = strstr(r->head, "\r\n") + 2, *line, *end;
	char length[64];

	if (other < 0)
		return -1;
	(void)send_bytes(other, r->head, (size_t)(fields - r->head));
	(void)snprintf(length, sizeof length, "Connection: close\r\nContent-Length: %zu\r\n", r->body_len);
	(void)send_bytes(other, length, strlen(length));
	for (line = fields; (end = strstr(line, "\r\n")); line = end + 2)
		if (strncasecmp(line, "Content-Length:", 15) != 0 &&
		    strncasecmp(line, "Connection:", 11) != 0)
			(void)send_bytes(other, line, (size_t)(end + 2 - line));
	(void)send_bytes(other, "\r\n", 2);
	(void)send_bytes(other, r->body, r->body_len);
	return other;
}

static bool
forward(int fd, int port, const struct peer_request *r, bool swallow)
{
	int other = ask_other(r, port);
	char buffer[16384];
	ssize_t n;
	bool good = other >= 0;

	if (!good)
		return false;
	while ((n = recv(other, buffer, sizeof buffer, 0)) > 0)
		good = (swallow || send_bytes(fd, buffer, (size_t)n)) && good;
	(void)close(other);
	return good;
}

bool
peer_forward(int fd, const struct peer_request *request, int port)
{
	return forward(fd, port, request, false);
}

size_t
peer_ask(const struct peer_request *request, int port, char *out, size_t size)
{
	int other = ask_other(request, port);
	size_t len = 0;
	ssize_t n;

	while (other >= 0 && len + 1 < size && (n = recv(other, out + len, size - len - 1, 0)) > 0)
		len += (size_t)n;
	if (other >= 0)
		(void)close(other);
	out[len] = '\0';
	return len;
}

static void
wait_for_end(int fd)
{
	char waste[4096];

	while (recv(fd, waste, sizeof waste, 0) > 0)
		;
}

/* Returns true when the connection stays. */
static bool
act(int fd, const struct rule *r, const struct kept *k)
{
	const struct peer_request request = { k->target, k->head, k->body, k->body_len, 0 };
	struct linger reset = { 1, 0 };

	if (r->act != PEER_DRIP)
		sleep_ms(r->delay_ms);
	switch (r->act) {
	case PEER_ANSWER:
		return send_bytes(fd, r->bytes, r->len);
	case PEER_CLOSE:
		(void)send_bytes(fd, r->bytes, r->len);
		return false;
	case PEER_RESET:
		(void)send_bytes(fd, r->bytes, r->len);
		if (r->len)
			sleep_ms(50); /* a reset overtakes what was not read yet */
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		return false;
	case PEER_DRIP:
		for (size_t i = 0; i < r->len && send_bytes(fd, r->bytes + i, 1); i++)
			sleep_ms(r->delay_ms);
		return false;
	case PEER_HANG:
		(void)send_bytes(fd, r->bytes, r->len);
		wait_for_end(fd);
		return false;
	case PEER_ENDLESS:
		if (send_bytes(fd, r->bytes, r->len))
			while (send_bytes(fd, r->fill, r->fill_len))
				;
		return false;
	case PEER_FORWARD:
		(void)forward(fd, r->forward, &request, false);
		return false;
	case PEER_SWALLOW:
		(void)forward(fd, r->forward, &request, true);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		return false;
	case PEER_CALL:
		return r->handle(fd, &request, r->forward);
	}
	return false;
}

static bool
answer_otherwise(int fd, const char *target)
{
	static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
				      "Content-Length: 22\r\n\r\n{\"detail\":\"Not Found\"}";
	char bytes[4096];
	size_t len = served_otherwise ? served_otherwise(target, bytes, sizeof bytes) : 0;

	return len ? send_bytes(fd, bytes, len) : send_bytes(fd, missing, sizeof missing - 1);
}

static void *
serve(void *arg)
{
	int fd = (int)(intptr_t)arg, now, most;
	struct rule *r = malloc(sizeof *r);
	struct kept *k = malloc(sizeof *k);
	char *rest = malloc(HEAD_MAX);
	size_t rest_len = 0;
	bool stays = true;

	while (stays && read_request(fd, k, rest, &rest_len)) {
		now = atomic_fetch_add(&served->at_once, 1) + 1;
		most = atomic_load(&served->most);
		while (now > most && !atomic_compare_exchange_weak(&served->most, &most, now))
			;
		keep(k);
		stays = find_rule(k->target, r) ? act(fd, r, k) : answer_otherwise(fd, k->target);
		(void)atomic_fetch_sub(&served->at_once, 1);
	}
	(void)close(fd);
	free(rest);
	free(k);
	free(r);
	return NULL;
}

static int
listen_on(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || listen(fd, 256) != 0)
		give_up("peer: %s", strerror(errno));
	return fd;
}

#define FDS_MAX 1024

_Noreturn static void
run(int listener, int port)
{
	static int fds[FDS_MAX];
	int n = 0, on = 1;

	for (;;) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		bool down = atomic_load(&served->want_down);
		pthread_t thread;
		int fd;

		if (down && listener >= 0) {
			(void)close(listener);
			listener = -1;
			while (n > 0)
				(void)shutdown(fds[--n], SHUT_RDWR);
		} else if (!down && listener < 0) {
			listener = listen_on(port);
		}
		atomic_store(&served->is_down, down);
		p.fd = listener;
		if (poll(&p, 1, 5) <= 0)
			continue;
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		(void)atomic_fetch_add(&served->connections, 1);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (n < FDS_MAX)
			fds[n++] = fd;
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			(void)pthread_detach(thread);
		else
			(void)close(fd);
	}
}

/* The test's side */

struct peer
peer_start(peer_default_fn *otherwise)
{
	struct peer p = { .port = free_port() };
	pthread_mutexattr_t shared;
	int listener = listen_on(p.port);
	pid_t parent = getpid();

	p.state = mmap(NULL, sizeof *p.state, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p.state == MAP_FAILED)
		give_up("peer: %s", strerror(errno));
	(void)pthread_mutexattr_init(&shared);
	(void)pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	(void)pthread_mutex_init(&p.state->lock, &shared);
	p.pid = fork();
	if (p.pid < 0)
		give_up("peer: %s", strerror(errno));
	if (p.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		served = p.state;
		served_otherwise = otherwise;
		run(listener, p.port);
	}
	(void)close(listener);
	return p;
}

void
peer_stop(struct peer *p)
{
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
}

void
peer_on(struct peer *p, const char *target, const struct peer_rule *rule)
{
	size_t len = rule->bytes && !rule->len ? strlen(rule->bytes) : rule->len;
	size_t fill_len = rule->fill ? strlen(rule->fill) : 0, i = 0;
	struct rule *r;

	if (len > BYTES_MAX || fill_len > sizeof r->fill || strlen(target) >= TARGET_MAX)
		give_up("peer_on: too long");
	(void)pthread_mutex_lock(&p->state->lock);
	while (i < p->state->n_rules && strcmp(p->state->rules[i].target, target) != 0)
		i++;
	if (i == RULES_MAX)
		give_up("peer_on: too many rules");
	r = &p->state->rules[i];
	(void)snprintf(r->target, sizeof r->target, "%s", target);
	r->act = rule->act;
	r->delay_ms = rule->delay_ms;
	r->times = rule->times;
	r->forward = rule->forward;
	r->handle = rule->handle;
	r->len = len;
	r->fill_len = fill_len;
	if (len)
		memcpy(r->bytes, rule->bytes, len);
	if (fill_len)
		memcpy(r->fill, rule->fill, fill_len);
	if (i == p->state->n_rules)
		p->state->n_rules++;
	(void)pthread_mutex_unlock(&p->state->lock);
}

const char *
http_json(int status, const char *body)
{
	return text(
		"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
		status, status == 503 ? "Retry-After: 1\r\n" : "", strlen(body), body);
}

const char *
product_target(int64_t id)
{
	return text("/api/v1/products/%lld", (long long)id);
}

void
peer_product(struct peer *p, int64_t id, const char *body)
{
	PEER_ON(p, product_target(id), .act = PEER_ANSWER, .bytes = http_json(200, body));
}

void
peer_sells(struct peer *p, int64_t id, const char *price, int64_t stock)
{
	peer_product(p, id,
		     text("{\"id\":%lld,\"name\":\"Product %lld\",\"price\":%s,\"stock_quantity\":%lld}",
			  (long long)id, (long long)id, price, (long long)stock));
}

struct wanted {
	const struct peer *p;
	const char *target;
	int n;
	bool down;
};

static bool
is_as_told(void *arg)
{
	const struct wanted *w = arg;

	return atomic_load(&w->p->state->is_down) == w->down;
}

void
peer_set_down(struct peer *p, bool down)
{
	atomic_store(&p->state->want_down, down);
	if (!wait_until(5000, is_as_told, &(struct wanted){ .p = p, .down = down }))
		give_up("the peer does not obey");
}

static int
kept_count(const struct peer *p)
{
	int n = atomic_load(&p->state->asked);

	return n < REQUESTS_MAX ? n : REQUESTS_MAX;
}

int
peer_count(const struct peer *p, const char *target)
{
	int n = kept_count(p), count = 0;

	if (!target)
		return atomic_load(&p->state->asked);
	for (int i = 0; i < n; i++)
		count += atomic_load(&p->state->kept[i].whole) &&
			 strcmp(p->state->kept[i].target, target) == 0;
	return count;
}

static bool
was_asked(void *arg)
{
	const struct wanted *w = arg;

	return peer_count(w->p, w->target) >= w->n;
}

bool
peer_waits_for(const struct peer *p, const char *target, int n, int limit_ms)
{
	return wait_until(limit_ms, was_asked, &(struct wanted){ .p = p, .target = target, .n = n });
}

struct peer_request
peer_request(const struct peer *p, const char *target, int nth)
{
	int n = kept_count(p);

	for (int i = 0; i < n; i++) {
		const struct kept *k = &p->state->kept[i];

		if (atomic_load(&k->whole) && (!target || strcmp(k->target, target) == 0) && nth-- == 0)
			return (struct peer_request){ k->target, k->head, k->body, k->body_len, k->at_ms };
	}
	give_up("the peer was not asked for %s so often", target ? target : "anything");
}

const char *
peer_field(const struct peer_request *r, const char *name)
{
	return field(&(const struct answer){ .head = text("%s", r->head) }, name);
}

int
peer_most_at_once(const struct peer *p)
{
	return atomic_load(&p->state->most);
}

int
peer_connections(const struct peer *p)
{
	return atomic_load(&p->state->connections);
}

#include "support/http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#include "support/json.h"
#include "support/test.h"

#define LIMIT_MS 30000

int
dial_from(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 && address &&
	    (inet_pton(AF_INET, address, &from.sin_addr) != 1 ||
	     bind(fd, (struct sockaddr *)&from, sizeof from) != 0))
		give_up("%s: %s", address, strerror(errno));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int
dial(int port)
{
	return dial_from(NULL, port);
}

bool
port_listens(void *port)
{
	int fd = dial(*(int *)port);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* A peer that answers before it has read everything is no fault: its answer is read all the same. */
static void
send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static struct exchange
send_from(const char *address, int port, const void *bytes, size_t len)
{
	struct exchange x = { .fd = dial_from(address, port), .started_ms = now_ms(), .port = port };

	if (x.fd >= 0)
		send_all(x.fd, bytes, len);
	return x;
}

struct exchange
bytes_send(int port, const void *bytes, size_t len)
{
	return send_from(NULL, port, bytes, len);
}

struct exchange
ask_send(int port, const struct ask *a)
{
	size_t body_len = a->body && !a->body_len ? strlen(a->body) : a->body_len;
	const char *method = a->method ? a->method : a->body ? "POST" : "GET";
	const char *type = a->type ? a->type : a->body ? "application/json" : "";
	char *head = text("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n", method, a->target,
			  port);
	struct exchange x;

	if (a->token)
		head = talloc_asprintf_append(head, "Authorization: Bearer %s\r\n", a->token);
	if (a->key)
		head = talloc_asprintf_append(head, "Idempotency-Key: %s\r\n", a->key);
	if (*type)
		head = talloc_asprintf_append(head, "Content-Type: %s\r\n", type);
	if (a->fields)
		head = talloc_strdup_append(head, a->fields);
	if (a->body || method[0] == 'P') /* POST, PUT, PATCH */
		head = talloc_asprintf_append(head, "Content-Length: %zu\r\n", body_len);
	head = talloc_strdup_append(head, "\r\n");
	x = send_from(a->from, port, head, strlen(head));
	x.head = strcmp(method, "HEAD") == 0;
	x.method = method;
	x.target = a->target;
	if (x.fd >= 0 && a->body)
		send_all(x.fd, a->body, body_len);
	return x;
}

/* Chunked → plain, in place. */
static void
dechunk(struct answer *a)
{
	char *from = a->body, *to = a->body, *end = a->body + a->body_len;

	while (from < end) {
		size_t size = strtoul(from, &from, 16);

		from = strstr(from, "\r\n");
		if (!from || size == 0 || (size_t)(end - from) < size + 2)
			break;
		memmove(to, from + 2, size);
		to += size;
		from += size + 4;
	}
	*to = '\0';
	a->body_len = (size_t)(to - a->body);
}

static void
parse(struct answer *a, char *bytes, size_t len)
{
	char *end = strstr(bytes, "\r\n\r\n");
	int major, minor;

	if (!end || sscanf(bytes, "HTTP/%d.%d %d", &major, &minor, &a->status) != 3) {
		a->status = 0;
		a->head = bytes;
		a->body = text("%s", "");
		return;
	}
	end[2] = '\0';
	a->head = bytes;
	a->body = end + 4;
	a->body_len = len - (size_t)(a->body - bytes);
	if (field(a, "Transfer-Encoding") && strcasecmp(field(a, "Transfer-Encoding"), "chunked") == 0)
		dechunk(a);
}

/* Is all there that the head announces? */
static bool
is_complete(const char *bytes, size_t len, bool head)
{
	const char *end = strstr(bytes, "\r\n\r\n"), *announced;

	if (!end || len < 12)
		return false;
	if (strncmp(bytes + 9, "100", 3) == 0)
		return false;
	announced = strcasestr(bytes, "\r\nContent-Length:");
	if (!announced || announced > end)
		return head;
	return head || len - (size_t)(end + 4 - bytes) >= strtoul(announced + 17, NULL, 10);
}

/* ORDERS_TEST_EXCHANGES: a folder with a file for each process, which gets a line of JSON for each exchange. What is no request of
 * a client, such as raw bytes, is left out; of neighbours of the service tests/openapi/validate.mjs knows by the port. */
static void
record(const struct exchange *x, const struct answer *a)
{
	const char *dir = getenv("ORDERS_TEST_EXCHANGES");
	char *line;
	int fd;

	if (!dir || !x->target || x->target[0] != '/')
		return;
	line = text(
		"{\"test\":\"%s/%s\",\"port\":%d,\"method\":%s,\"target\":%s,\"status\":%d,\"head\":%s,\"body\":%s}\n",
		criterion_current_suite ? criterion_current_suite->name : "-",
		criterion_current_test ? criterion_current_test->name : "-", x->port, json_quote(x->method),
		json_quote(x->target), a->status, json_quote(a->head), json_quote(a->body));
	fd = open(text("%s/%d", dir, (int)getpid()), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		give_up("%s: %s", dir, strerror(errno));
	(void)close(fd);
	talloc_free(line);
}

struct answer
ask_receive(struct exchange *x, int limit_ms)
{
	struct answer a = { 0 };
	size_t cap = 16384, len = 0;
	char *bytes = talloc_array(test_memory(), char, (unsigned)cap);
	int64_t end = now_ms() + limit_ms;
	struct pollfd p = { .fd = x->fd, .events = POLLIN };
	ssize_t n;

	bytes[0] = '\0';
	while (x->fd >= 0 && now_ms() < end && poll(&p, 1, (int)(end - now_ms())) > 0) {
		n = recv(x->fd, bytes + len, cap - len - 1, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
		bytes[len] = '\0';
		if (is_complete(bytes, len, x->head))
			break;
		if (len + 1 == cap)
			bytes = talloc_realloc(test_memory(), bytes, char, (unsigned)(cap *= 2));
	}
	if (x->fd >= 0)
		(void)close(x->fd);
	x->fd = -1;
	a.ms = now_ms() - x->started_ms;
	parse(&a, bytes, len);
	record(x, &a);
	return a;
}

struct answer
ask(int port, const struct ask *a)
{
	struct exchange x = ask_send(port, a);

	return ask_receive(&x, LIMIT_MS);
}

const char *
field_nth(const struct answer *a, const char *name, int nth)
{
	size_t len = strlen(name);

	for (const char *p = strstr(a->head, "\r\n"); p; p = strstr(p, "\r\n")) {
		p += 2;
		if (strncasecmp(p, name, len) == 0 && p[len] == ':' && nth-- == 0) {
			p += len + 1;
			p += strspn(p, " \t");
			return text("%.*s", (int)strcspn(p, "\r"), p);
		}
	}
	return NULL;
}

const char *
field(const struct answer *a, const char *name)
{
	return field_nth(a, name, 0);
}

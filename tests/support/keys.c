#include "support/keys.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"

#define REQUESTS 256

struct server {
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	int listener, port, stop[2];
	struct reply replies[REPLIES];
	int asked;
	char *requests[REQUESTS];
};

static void
send_text(int fd, const char *s, size_t len)
{
	while (len) {
		ssize_t n = send(fd, s, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

/* Until the other side closes, or the server is to stop. */
static void
wait_for_end(struct server *s, int fd)
{
	struct pollfd p[] = { { fd, POLLIN | POLLRDHUP, 0 }, { s->stop[0], POLLIN, 0 } };
	char byte;

	do
		(void)poll(p, 2, -1);
	while (!p[1].revents && recv(fd, &byte, 1, MSG_DONTWAIT) > 0);
}

static bool
is_complete(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "\r\nContent-Length:");

	return end && strlen(end + 4) >= (length ? strtoul(length + 17, NULL, 10) : 0);
}

static char *
receive(int fd)
{
	size_t cap = 128u << 10, len = 0;
	char *request = calloc(1, cap);
	ssize_t n;

	while (!is_complete(request) && (n = recv(fd, request + len, cap - len - 1, 0)) > 0)
		len += (size_t)n;
	return request;
}

static void
give(struct server *s, int fd, const struct reply *r)
{
	size_t len = r->body ? strlen(r->body) : 0;
	char head[1024];
	int n = snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nConnection: close\r\n%s", r->status,
			 r->fields ? r->fields : "");

	if (r->act == CLOSE)
		return;
	if (r->act != HANG)
		send_text(fd, head, (size_t)n);
	if (r->act == ENDLESS) {
		char filler[4096];

		memset(filler, 'x', sizeof filler);
		send_text(fd, "\r\n", 2);
		for (int i = 0; i < 1024; i++)
			send_text(fd, filler, sizeof filler);
		return;
	}
	if (r->act != HANG) {
		n = snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", len);
		send_text(fd, head, (size_t)n);
		send_text(fd, r->body, r->act == STALL ? len / 2 : len);
	}
	if (r->act != ANSWER)
		wait_for_end(s, fd);
}

static struct reply
choose(struct server *s, const char *request)
{
	const struct reply unauthorized = { .status = 401, .body = "" };
	const struct reply unknown = { .status = 404, .body = "" };

	for (size_t i = 0; i < REPLIES; i++) {
		const struct reply *r = &s->replies[i];

		if (r->request && strncmp(request, r->request, strlen(r->request)) == 0)
			return r->needs && !strstr(request, r->needs) ? unauthorized : *r;
	}
	return unknown;
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	struct pollfd p[] = { { s->listener, POLLIN, 0 }, { s->stop[0], POLLIN, 0 } };

	for (;;) {
		struct reply r;
		char *request;
		int fd;

		(void)poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		request = receive(fd);
		(void)pthread_mutex_lock(&s->lock);
		r = choose(s, request);
		cr_assert_lt(s->asked, REQUESTS);
		s->requests[s->asked++] = request;
		(void)pthread_mutex_unlock(&s->lock);
		give(s, fd, &r);
		(void)close(fd);
	}
}

static struct server *
server_start(void)
{
	struct server *s = calloc(1, sizeof *s);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof at;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
	cr_assert_eq(listen(s->listener, 64), 0);
	cr_assert_eq(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	cr_assert_eq(pipe2(s->stop, O_CLOEXEC), 0);
	cr_assert_eq(pthread_mutex_init(&s->lock, NULL), 0);
	cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

void
server_forget(struct server *s)
{
	(void)pthread_mutex_lock(&s->lock);
	while (s->asked > 0)
		free(s->requests[--s->asked]);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
server_stop(struct server *s)
{
	cr_assert_eq(write(s->stop[1], "x", 1), 1);
	(void)pthread_join(s->thread, NULL);
	server_forget(s);
	(void)close(s->listener);
	(void)close(s->stop[0]);
	(void)close(s->stop[1]);
	free(s);
}

void
server_says(struct server *s, const struct reply replies[static REPLIES])
{
	(void)pthread_mutex_lock(&s->lock);
	memcpy(s->replies, replies, sizeof s->replies);
	(void)pthread_mutex_unlock(&s->lock);
}

void
server_says_too(struct server *s, size_t nth, const struct reply *reply)
{
	(void)pthread_mutex_lock(&s->lock);
	s->replies[nth] = *reply;
	(void)pthread_mutex_unlock(&s->lock);
}

int
server_asked(struct server *s)
{
	int n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->asked;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

const char *
server_request(struct server *s, int nth)
{
	const char *request;

	(void)pthread_mutex_lock(&s->lock);
	request = nth < s->asked ? s->requests[nth] : "";
	(void)pthread_mutex_unlock(&s->lock);
	return request;
}

struct keys_scene scene;

void
write_token(const char *token)
{
	FILE *file = fopen(scene.token_file, "w");

	cr_assert_not_null(file);
	(void)fputs(token, file);
	(void)fclose(file);
}

const char *
server_url(const char *path)
{
	return talloc_asprintf(scene.ctx, "http://127.0.0.1:%d%s", scene.server->port, path);
}

void
use_web_identity(void)
{
	scene.config = (struct config){
		.role_arn = "arn:aws:iam::123456789012:role/orders",
		.role_session_name = "orders@pod",
		.web_identity_token_file = scene.token_file,
		.sts_url = server_url(""),
	};
}

void
use_container(void)
{
	scene.config = (struct config){
		.container_url = server_url("/v1/credentials"),
		.container_token_file = scene.token_file,
	};
}

void
use_instance(void)
{
	scene.config = (struct config){ .imds_url = server_url("") };
}

void
open_credentials(void)
{
	talloc_free(scene.credentials);
	scene.credentials = credentials_open(scene.ctx, &scene.config);
	cr_assert_not_null(scene.credentials);
}

void
keys_set_up(void)
{
	memset(&scene, 0, sizeof scene);
	scene.ctx = talloc_new(NULL);
	scene.server = server_start();
	(void)snprintf(scene.dir, sizeof scene.dir, "%s/keys.XXXXXX",
		       getenv("ORDERS_TEST_DIR") ? getenv("ORDERS_TEST_DIR") : P_tmpdir);
	cr_assert_not_null(mkdtemp(scene.dir));
	(void)snprintf(scene.token_file, sizeof scene.token_file, "%s/token", scene.dir);
	write_token("first.token");
	(void)unsetenv("no_proxy");
	(void)unsetenv("NO_PROXY");
	/* Whoever uses it ends up nowhere. */
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	scene.log = memfd_create("log", MFD_CLOEXEC);
	cr_assert(scene.log >= 0 && dup2(scene.log, STDERR_FILENO) >= 0);
	clock_set_wall_us(NOW);
}

const char *
logged(void)
{
	char *text = talloc_zero_size(scene.ctx, 65536);

	cr_assert_geq(pread(scene.log, text, 65535, 0), 0);
	return text;
}

void
keys_tear_down(void)
{
	clock_set_wall_us(-1);
	cr_expect_null(strstr(logged(), "runtime error:"), "%s", logged());
	talloc_free(scene.ctx);
	server_stop(scene.server);
	(void)unlink(scene.token_file);
	(void)rmdir(scene.dir);
}

static const char *
time_text(int64_t t_us)
{
	char *text = talloc_size(scene.ctx, RFC3339_SIZE);

	cr_assert_eq(clock_rfc3339(t_us, text), RC_OK);
	return text;
}

const char *
json_keys(const char *name, int64_t expires_us)
{
	return talloc_asprintf(scene.ctx,
			       "{\"Code\":\"Success\",\"LastUpdated\":\"2026-02-24T13:00:00Z\","
			       "\"AccessKeyId\":\"AKIA%s\",\"SecretAccessKey\":\"secret\\/%s\","
			       "\"Token\":\"token+%s==\",\"Expiration\":\"%s\"}",
			       name, name, name, time_text(expires_us));
}

const char *
xml_keys(const char *name, int64_t expires_us)
{
	return talloc_asprintf(
		scene.ctx,
		"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
		" <AssumeRoleWithWebIdentityResult>\n"
		"  <SubjectFromWebIdentityToken>pod</SubjectFromWebIdentityToken>\n"
		"  <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/orders/x</Arn>"
		"<AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>\n"
		"  <Credentials>\n   <SessionToken>token+%s==</SessionToken>\n"
		"   <SecretAccessKey>secret/%s</SecretAccessKey>\n   <Expiration>%s</Expiration>\n"
		"   <AccessKeyId>AKIA%s</AccessKeyId>\n  </Credentials>\n </AssumeRoleWithWebIdentityResult>\n"
		" <ResponseMetadata><RequestId>ad4156e9</RequestId></ResponseMetadata>\n"
		"</AssumeRoleWithWebIdentityResponse>\n",
		name, name, time_text(expires_us), name);
}

void
instance_has(const char *keys)
{
	SAYS(scene.server,
	     { TO("PUT /latest/api/token ", 200, "imds-token=="),
	       .needs = "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n",
	       .fields = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\n" },
	     { TO("GET " ROLES " ", 200, "orders-role"), .needs = IMDS_FIELD },
	     { TO("GET " ROLES "orders-role ", 200, keys), .needs = IMDS_FIELD });
}

enum rc
get_keys(struct aws_keys *keys)
{
	*keys = (struct aws_keys){ "", "", "" };
	return credentials_get(scene.credentials, clock_ms() + PLENTY_MS, keys);
}

void
expect_keys(const char *name, const char *why)
{
	struct aws_keys keys;
	enum rc rc = get_keys(&keys);

	if (!name) {
		cr_expect_eq(rc, RC_SNS_REFUSED, "%s: rc %d, id %s", why, rc, keys.id);
		return;
	}
	cr_expect_eq(rc, RC_OK, "%s: rc %d\n%s", why, rc, logged());
	cr_expect_str_eq(keys.id, talloc_asprintf(scene.ctx, "AKIA%s", name), "%s", why);
	cr_expect_str_eq(keys.secret, talloc_asprintf(scene.ctx, "secret/%s", name), "%s", why);
	cr_expect_str_eq(keys.token, talloc_asprintf(scene.ctx, "token+%s==", name), "%s", why);
}

void
expect_asked(int n, const char *why)
{
	int asked = server_asked(scene.server);

	cr_expect_eq(asked, n, "%s: asked %d times, expected %d", why, asked, n);
	server_forget(scene.server);
}

/*
 * The chain of AWS credentials against a small server on loopback that answers as AWS documents its own: STS,
 * the agents of ECS and EKS, the instance's metadata. Where time matters the wall clock is set.
 */
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
#include "remote/credentials.h"
#include "remote/credentials_answer.h"
#include "remote/sns.h"
#include "json/credentials_json.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))
#define S INT64_C(1000000)
#define MIN (60 * S)
#define NOW (1771940786 * S) /* 2026-02-24T13:46:26Z */
#define PLENTY_MS 5000

/* ------------------------------------------------------------------------------------------- the server */

enum act {
	ANSWER,
	HANG,  /* read the request and say nothing until the other side gives up */
	STALL, /* the same after half of the answer */
	CLOSE,
	ENDLESS,
};

struct reply {
	const char *request; /* how the request line begins */
	int status;
	const char *body;
	const char *needs; /* a field that the request has to bear: 401 without it */
	enum act act;
	const char *fields; /* of the answer, each with its CRLF */
};

#define TO(begin, code, text) .request = begin, .status = code, .body = text
#define REPLIES 4
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

static void
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

static void
server_says(struct server *s, const struct reply replies[static REPLIES])
{
	(void)pthread_mutex_lock(&s->lock);
	memcpy(s->replies, replies, sizeof s->replies);
	(void)pthread_mutex_unlock(&s->lock);
}

#define SAYS(s, ...) server_says(s, (const struct reply[REPLIES]){ __VA_ARGS__ })

static int
server_asked(struct server *s)
{
	int n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->asked;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

/* The nth request, from 0; "" when there was none. Stays until server_forget(). */
static const char *
server_request(struct server *s, int nth)
{
	const char *request;

	(void)pthread_mutex_lock(&s->lock);
	request = nth < s->asked ? s->requests[nth] : "";
	(void)pthread_mutex_unlock(&s->lock);
	return request;
}

/* --------------------------------------------------------------------------------- what a test starts with */

struct fixture {
	struct server *server;
	void *ctx;
	struct config config;
	struct credentials *credentials;
	char dir[256], token_file[300];
	int log; /* what was logged, in a file */
};

static struct fixture f;

static void
write_token(const char *token)
{
	FILE *file = fopen(f.token_file, "w");

	cr_assert_not_null(file);
	(void)fputs(token, file);
	(void)fclose(file);
}

static const char *
url(const char *path)
{
	return talloc_asprintf(f.ctx, "http://127.0.0.1:%d%s", f.server->port, path);
}

static void
use_web_identity(void)
{
	f.config = (struct config){
		.role_arn = "arn:aws:iam::123456789012:role/orders",
		.role_session_name = "orders@pod",
		.web_identity_token_file = f.token_file,
		.sts_url = url(""),
	};
}

static void
use_container(void)
{
	f.config = (struct config){
		.container_url = url("/v1/credentials"),
		.container_token_file = f.token_file,
	};
}

static void
use_instance(void)
{
	f.config = (struct config){ .imds_url = url("") };
}

static void
open_credentials(void)
{
	talloc_free(f.credentials);
	f.credentials = credentials_open(f.ctx, &f.config);
	cr_assert_not_null(f.credentials);
}

static void
set_up(void)
{
	memset(&f, 0, sizeof f);
	f.ctx = talloc_new(NULL);
	f.server = server_start();
	(void)snprintf(f.dir, sizeof f.dir, "%s/keys.XXXXXX",
		       getenv("ORDERS_TEST_DIR") ? getenv("ORDERS_TEST_DIR") : P_tmpdir);
	cr_assert_not_null(mkdtemp(f.dir));
	(void)snprintf(f.token_file, sizeof f.token_file, "%s/token", f.dir);
	write_token("first.token");
	(void)unsetenv("no_proxy");
	(void)unsetenv("NO_PROXY");
	/* Whoever uses it ends up nowhere. */
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	f.log = memfd_create("log", MFD_CLOEXEC);
	cr_assert(f.log >= 0 && dup2(f.log, STDERR_FILENO) >= 0);
	clock_set_wall_us(NOW);
}

static const char *
logged(void)
{
	char *text = talloc_zero_size(f.ctx, 65536);

	cr_assert_geq(pread(f.log, text, 65535, 0), 0);
	return text;
}

static void
tear_down(void)
{
	clock_set_wall_us(-1);
	cr_expect_null(strstr(logged(), "runtime error:"), "%s", logged());
	talloc_free(f.ctx);
	server_stop(f.server);
	(void)unlink(f.token_file);
	(void)rmdir(f.dir);
}

TestSuite(credentials, .init = set_up, .fini = tear_down, .timeout = 60);

static const char *
time_text(int64_t t_us)
{
	char *text = talloc_size(f.ctx, RFC3339_SIZE);

	cr_assert_eq(clock_rfc3339(t_us, text), RC_OK);
	return text;
}

/* Keys as containers and instances answer them. */
static const char *
json_keys(const char *name, int64_t expires_us)
{
	return talloc_asprintf(f.ctx,
			       "{\"Code\":\"Success\",\"LastUpdated\":\"2026-02-24T13:00:00Z\","
			       "\"AccessKeyId\":\"AKIA%s\",\"SecretAccessKey\":\"secret\\/%s\","
			       "\"Token\":\"token+%s==\",\"Expiration\":\"%s\"}",
			       name, name, name, time_text(expires_us));
}

/* Keys as STS answers them. */
static const char *
xml_keys(const char *name, int64_t expires_us)
{
	return talloc_asprintf(
		f.ctx,
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

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define IMDS_FIELD "X-aws-ec2-metadata-token: imds-token==\r\n"

static void
instance_has(const char *keys)
{
	SAYS(f.server,
	     { TO("PUT /latest/api/token ", 200, "imds-token=="),
	       .needs = "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n",
	       .fields = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\n" },
	     { TO("GET " ROLES " ", 200, "orders-role"), .needs = IMDS_FIELD },
	     { TO("GET " ROLES "orders-role ", 200, keys), .needs = IMDS_FIELD });
}

static enum rc
get(struct aws_keys *keys)
{
	*keys = (struct aws_keys){ "", "", "" };
	return credentials_get(f.credentials, clock_ms() + PLENTY_MS, keys);
}

/* name NULL: none are to be had. */
static void
expect_keys(const char *name, const char *why)
{
	struct aws_keys keys;
	enum rc rc = get(&keys);

	if (!name) {
		cr_expect_eq(rc, RC_SNS_REFUSED, "%s: rc %d, id %s", why, rc, keys.id);
		return;
	}
	cr_expect_eq(rc, RC_OK, "%s: rc %d\n%s", why, rc, logged());
	cr_expect_str_eq(keys.id, talloc_asprintf(f.ctx, "AKIA%s", name), "%s", why);
	cr_expect_str_eq(keys.secret, talloc_asprintf(f.ctx, "secret/%s", name), "%s", why);
	cr_expect_str_eq(keys.token, talloc_asprintf(f.ctx, "token+%s==", name), "%s", why);
}

static void
expect_asked(int n, const char *why)
{
	int asked = server_asked(f.server);

	cr_expect_eq(asked, n, "%s: asked %d times, expected %d", why, asked, n);
	server_forget(f.server);
}

/* --------------------------------------------------------------------------------------------- settings */

static const char *const *environment; /* name, value, …, NULL */

static char *
get_setting(const char *name)
{
	for (size_t i = 0; environment && environment[i]; i += 2)
		if (strcmp(environment[i], name) == 0)
			return (char *)environment[i + 1];
	return strcmp(name, "DATABASE_URL") == 0	  ? "postgresql://db/orders"
	       : strcmp(name, "SECRET_KEY") == 0	  ? "key"
	       : strcmp(name, "PRODUCT_SERVICE_URL") == 0 ? "http://products"
	       : strcmp(name, "SNS_TOPIC_NAME") == 0	  ? "orders"
							  : NULL;
}

static void
take_fault(void *arg, const char *line)
{
	char **text = arg;

	*text = talloc_asprintf(f.ctx, "%s%s\n", *text ? *text : "", line);
}

static enum rc
load(const char *const *env, struct config *c, char **faults)
{
	environment = env;
	*faults = NULL;
	return config_load(f.ctx, get_setting, c, take_fault, faults);
}

#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define IMDS "AWS_EC2_METADATA_SERVICE_ENDPOINT"

#define AWS_SNS "https://sns.us-east-1.amazonaws.com"
#define AWS_STS "https://sts.us-east-1.amazonaws.com"
#define AWS_IMDS "http://169.254.169.254"

Test(credentials, settings_say_where_keys_come_from)
{
	static const struct {
		const char *env[5];
		const char *container, *imds, *sts, *sns, *why;
	} rows[] = {
		{ { NULL }, "", AWS_IMDS, AWS_STS, AWS_SNS, "nothing is set" },
		{ { "AWS_REGION", "cn-north-1" },
		  "",
		  AWS_IMDS,
		  "https://sts.cn-north-1.amazonaws.com.cn",
		  "https://sns.cn-north-1.amazonaws.com.cn",
		  "China" },
		{ { "AWS_ENDPOINT_URL", "http://aws/" }, "", AWS_IMDS, "http://aws", "http://aws", "both" },
		{ { "AWS_ENDPOINT_URL", "http://aws", "AWS_ENDPOINT_URL_STS", "http://sts" },
		  "",
		  AWS_IMDS,
		  "http://sts",
		  "http://aws",
		  "STS has its own" },
		{ { "AWS_ENDPOINT_URL_SNS", "http://sns" },
		  "",
		  AWS_IMDS,
		  AWS_STS,
		  "http://sns",
		  "SNS has its own" },
		{ { RELATIVE, "/v2/1?x=2" },
		  "http://169.254.170.2/v2/1?x=2",
		  AWS_IMDS,
		  AWS_STS,
		  AWS_SNS,
		  "ECS" },
		{ { FULL, "http://169.254.170.23/v1" },
		  "http://169.254.170.23/v1",
		  AWS_IMDS,
		  AWS_STS,
		  AWS_SNS,
		  "EKS" },
		{ { FULL, "https://full/", RELATIVE, "/relative" },
		  "http://169.254.170.2/relative",
		  AWS_IMDS,
		  AWS_STS,
		  AWS_SNS,
		  "the relative one wins" },
		{ { IMDS "_MODE", "ipv6" }, "", "http://[fd00:ec2::254]", AWS_STS, AWS_SNS, "IPv6" },
		{ { IMDS "_MODE", "IPv6", IMDS, "http://imds/" },
		  "",
		  "http://imds",
		  AWS_STS,
		  AWS_SNS,
		  "the endpoint wins over the mode" },
		{ { "AWS_EC2_METADATA_DISABLED", "True", IMDS, "http://imds" },
		  "",
		  "",
		  AWS_STS,
		  AWS_SNS,
		  "disabled" },
		{ { "AWS_EC2_METADATA_DISABLED", "false" }, "", AWS_IMDS, AWS_STS, AWS_SNS, "not disabled" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		char *faults;

		cr_assert_eq(load(rows[i].env, &c, &faults), RC_OK, "%s: %s", rows[i].why, faults);
		cr_expect_str_eq(c.container_url ? c.container_url : "", rows[i].container, "%s",
				 rows[i].why);
		cr_expect_str_eq(c.imds_url ? c.imds_url : "", rows[i].imds, "%s", rows[i].why);
		cr_expect_str_eq(c.sts_url, rows[i].sts, "%s", rows[i].why);
		cr_expect_str_eq(c.sns_url, rows[i].sns, "%s", rows[i].why);
		cr_expect_str_eq(c.role_session_name, "orders.fcgi");
	}
}

Test(credentials, settings_keep_keys_from_leaving_the_machine_in_the_clear)
{
	static const struct {
		const char *value;
		bool good;
	} rows[] = {
		{ "https://keys.example/path?query", true },
		{ "https://keys.example:8443", true },
		{ "http://localhost:1234/x", true },
		{ "http://127.0.0.1/", true },
		{ "http://127.1.2.3:80/x", true },
		{ "http://[::1]:8080/x", true },
		{ "http://169.254.170.2/x", true },
		{ "http://169.254.170.23/x", true },
		{ "http://[fd00:ec2::23]/v1/credentials", true },
		{ "http://[fd00:ec2:0:0::23]", true },
		{ "http://127.0.0.1?query", true },
		{ "http://keys.example/", false },
		{ "http://169.254.170.3/", false },
		{ "http://169.254.169.254/", false },
		{ "http://[fd00:ec2::24]/", false },
		{ "http://[::1", false },
		{ "http://[::1]x/", false },
		{ "http://[]/", false },
		{ "http://[127.0.0.1]/", false },
		{ "http://127.0.0.1.keys.example/", false },
		{ "http://localhost.keys.example/", false },
		{ "http://127.0.0.1@keys.example/", false },
		{ "http://127.0.0.1:80@keys.example/", false },
		{ "http://127.0.0.1\\@keys.example/", false },
		{ "http://127.0.0.1#@keys.example/", false },
		{ "http://127.1/", false },
		{ "http://0x7f000001/", false },
		{ "http://2130706433/", false },
		{ "http://127.0.0.1:80x/", false },
		{ "https://user@keys.example/", false },
		{ "https://", false },
		{ "http://", false },
		{ "http:", false },
		{ "h", false },
		{ "ftp://127.0.0.1/", false },
		{ "http://127.0.0.1/a b", false },
		{ "http://127.0.0.1/\r\nX: y", false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		char *faults;
		enum rc rc = load((const char *[]){ FULL, rows[i].value, NULL }, &c, &faults);

		cr_expect_eq(rc, rows[i].good ? RC_OK : RC_INVALID, "%s", rows[i].value);
		if (rc == RC_OK)
			cr_expect_str_eq(c.container_url, rows[i].value);
		else
			cr_expect_eq(strncmp(faults, FULL ": wants ", strlen(FULL) + 8), 0, "%s", faults);
	}
}

Test(credentials, settings_that_are_wrong_stop_the_start)
{
	static const struct {
		const char *env[4];
		const char *fault;
	} rows[] = {
		{ { RELATIVE, "v2/x" }, RELATIVE ": " },
		{ { RELATIVE, "@keys.example/" }, RELATIVE ": " },
		{ { RELATIVE, "/a b" }, RELATIVE ": " },
		{ { "AWS_ROLE_ARN", "orders" }, "AWS_ROLE_ARN: " },
		{ { "AWS_WEB_IDENTITY_TOKEN_FILE", "/x" },
		  "AWS_WEB_IDENTITY_TOKEN_FILE: wants AWS_ROLE_ARN" },
		{ { "AWS_ROLE_SESSION_NAME", "x" }, "AWS_ROLE_SESSION_NAME: " },
		{ { "AWS_ROLE_SESSION_NAME", "a b" }, "AWS_ROLE_SESSION_NAME: " },
		{ { "AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y" },
		  "AWS_CONTAINER_AUTHORIZATION_TOKEN: " },
		{ { "AWS_EC2_METADATA_DISABLED", "maybe" }, "AWS_EC2_METADATA_DISABLED: " },
		{ { IMDS, "169.254.169.254" }, IMDS ": " },
		{ { IMDS "_MODE", "IPv5" }, IMDS "_MODE: " },
		{ { "AWS_ENDPOINT_URL", "aws" }, "AWS_ENDPOINT_URL: " },
		{ { "AWS_ENDPOINT_URL_STS", "sts" }, "AWS_ENDPOINT_URL_STS: " },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		char *faults;

		cr_assert_eq(load(rows[i].env, &c, &faults), RC_INVALID, "%s", rows[i].fault);
		cr_expect_eq(strncmp(faults, rows[i].fault, strlen(rows[i].fault)), 0, "%s", faults);
		cr_expect_eq(strchr(faults, '\n')[1], '\0', "one line: %s", faults);
	}
}

/* ------------------------------------------------------------------------------------- order of the sources */

Test(credentials, come_from_the_first_source_that_is_configured)
{
	static const struct {
		bool environment, web_identity, container, instance;
		const char *asked; /* how the first request begins; NULL: nobody is asked */
	} rows[] = {
		{ true, true, true, true, NULL },
		{ false, true, true, true, "POST / " },
		{ false, false, true, true, "GET /v1/credentials " },
		{ false, false, false, true, "PUT /latest/api/token " },
	};

	(void)unsetenv("http_proxy");
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct aws_keys keys;

		f.config = (struct config){
			.aws_access_key_id = rows[i].environment ? "AKIAenv" : NULL,
			.aws_secret_access_key = rows[i].environment ? "secret/env" : NULL,
			.role_arn = "arn:aws:iam::123456789012:role/orders", /* alone: nothing */
			.role_session_name = "orders.fcgi",
			.web_identity_token_file = rows[i].web_identity ? f.token_file : NULL,
			.sts_url = url(""),
			.container_url = rows[i].container ? url("/v1/credentials") : NULL,
			.imds_url = rows[i].instance ? url("") : NULL,
		};
		open_credentials();
		cr_expect_eq(get(&keys), rows[i].asked ? RC_SNS_REFUSED : RC_OK, "row %zu", i);
		cr_expect_eq(strncmp(server_request(f.server, 0), rows[i].asked ? rows[i].asked : "",
				     rows[i].asked ? strlen(rows[i].asked) : 1),
			     0, "row %zu: %s", i, server_request(f.server, 0));
		expect_asked(rows[i].asked ? 1 : 0, "a source that fails does not lead on to the next");
	}
}

Test(credentials, of_the_environment_need_nobody)
{
	struct aws_keys keys;

	f.config = (struct config){ .aws_access_key_id = "AKIAenv", .aws_secret_access_key = "secret/env" };
	open_credentials();
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(credentials_get(f.credentials, clock_ms() - 1, &keys), RC_OK,
			     "they need no time");
		cr_expect_str_eq(keys.id, "AKIAenv");
		cr_expect_str_eq(keys.secret, "secret/env");
		cr_expect_null(keys.token);
		credentials_refused(f.credentials);
	}
	f.config.aws_session_token = "token";
	cr_expect_eq(get(&keys), RC_OK);
	cr_expect_str_eq(keys.token, "token");
	expect_asked(0, "the environment");
}

Test(credentials, that_nothing_provides_are_refused_and_said_once)
{
	open_credentials();
	for (int i = 0; i < 3; i++)
		expect_keys(NULL, "metadata disabled, nothing else set");
	cr_expect_not_null(strstr(logged(), "credentials.none"));
	cr_expect_null(strstr(strstr(logged(), "credentials.none") + 1, "credentials."));
	expect_asked(0, "nobody");
}

/* ------------------------------------------------------------------------------------- each of the sources */

Test(credentials, of_a_web_identity_come_from_sts)
{
	const char *request;

	use_web_identity();
	(void)unsetenv("http_proxy");
	write_token("first.token/+\n");
	SAYS(f.server, { TO("POST / ", 200, xml_keys("sts", NOW + 60 * MIN)) });
	open_credentials();
	expect_keys("sts", "STS");
	request = server_request(f.server, 0);
	cr_expect_null(strstr(request, "Authorization"), "it is not signed");
	cr_expect_not_null(strstr(request, "Content-Type: application/x-www-form-urlencoded\r\n"));
	cr_expect_str_eq(strstr(request, "\r\n\r\n") + 4,
			 "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
			 "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Forders"
			 "&RoleSessionName=orders%40pod&WebIdentityToken=first.token%2F%2B");
	expect_asked(1, "STS");

	write_token("second.token");
	SAYS(f.server, { TO("POST / ", 200, xml_keys("sts2", NOW + 180 * MIN)),
			 .needs = "WebIdentityToken=second.token" });
	clock_set_wall_us(NOW + 60 * MIN);
	expect_keys("sts2", "the file was rotated");
}

Test(credentials, of_a_web_identity_may_come_through_a_proxy)
{
	use_web_identity();
	(void)setenv("http_proxy", url(""), 1);
	f.config.sts_url = "http://sts.example";
	SAYS(f.server, { TO("POST http://sts.example/ ", 200, xml_keys("sts", NOW + 60 * MIN)) });
	open_credentials();
	expect_keys("sts", "a proxy stands between us and STS");
}

Test(credentials, of_a_container_come_from_its_agent)
{
	use_container();
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("pod", NOW + 60 * MIN)),
			 .needs = "\r\nAuthorization: first.token\r\n" });
	f.config.container_token = "not this one";
	open_credentials();
	expect_keys("pod", "the file wins");
	expect_asked(1, "the agent");

	write_token("second.token\n");
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("pod2", NOW + 180 * MIN)),
			 .needs = "\r\nAuthorization: second.token\r\n" });
	clock_set_wall_us(NOW + 60 * MIN);
	expect_keys("pod2", "the file was rotated");
	expect_asked(1, "the agent");

	f.config.container_token_file = NULL;
	f.config.container_token = "Basic dXNlcjp4";
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("pod3", NOW + 60 * MIN)),
			 .needs = "\r\nAuthorization: Basic dXNlcjp4\r\n" });
	open_credentials();
	clock_set_wall_us(NOW);
	expect_keys("pod3", "a token that is set");
	expect_asked(1, "the agent");

	f.config.container_token = NULL;
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("task", NOW + 60 * MIN)) });
	open_credentials();
	expect_keys("task", "ECS wants no token");
	cr_expect_null(strstr(server_request(f.server, 0), "Authorization"));
}

Test(credentials, of_an_instance_come_by_imds_v2)
{
	use_instance();
	instance_has(json_keys("role", NOW + 360 * MIN));
	open_credentials();
	expect_keys("role", "the role's");
	cr_expect_eq(strncmp(server_request(f.server, 0), "PUT ", 4), 0);
	cr_expect_not_null(strstr(server_request(f.server, 0), "Content-Length: 0\r\n"));
	expect_asked(3, "token, role, keys");
}

/* What can go wrong at any source: the first request, or the last. */
struct failure {
	struct reply reply; /* its request is the source's */
	const char *error;  /* is logged */
};

static const struct failure common_failures[] = {
	{ { .status = 404, .body = "not found" }, "HTTP 404" },
	{ { .status = 401, .body = "" }, "HTTP 401" },
	{ { .status = 500, .body = "oops" }, "HTTP 500" },
	{ { .status = 503, .body = "" }, "HTTP 503" },
	{ { .act = CLOSE }, "" },
	{ { .status = 200, .act = ENDLESS }, "the answer is too large" },
};

#define LATER "2026-02-24T18:00:00Z"
#define JSON_KEYS(token, expiration)                                                                         \
	"{\"AccessKeyId\":\"AKIAx\",\"SecretAccessKey\":\"s\",\"Token\":" token                              \
	",\"Expiration\":" expiration "}"
#define XML_KEYS(token, expiration)                                                                          \
	"<a><Credentials><AccessKeyId>AKIAx</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"               \
	"<SessionToken>" token "</SessionToken><Expiration>" expiration "</Expiration></Credentials></a>"
#define SAYING(text)                                                                                         \
	{                                                                                                    \
		.status = 200, .body = text                                                                  \
	}

static const struct failure json_failures[] = {
	{ SAYING(""), "holds no keys" },
	{ SAYING("garbage"), "holds no keys" },
	{ SAYING("[]"), "holds no keys" },
	{ SAYING("{\"AccessKeyId\":\"AKIAx\"}"), "holds no keys" },
	{ SAYING("{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume it\"}"),
	  "AssumeRoleUnauthorizedAccess" },
	{ SAYING("{\"Code\":7}"), "holds no keys" },
	{ SAYING("{\"AccessKeyId\":\"AKIAx\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"}"), "holds no keys" },
	{ SAYING(JSON_KEYS("\"t\"", "\"tomorrow\"")), "holds no keys" },
	{ SAYING(JSON_KEYS("\"\"", "\"" LATER "\"")), "holds no keys" },
	{ SAYING(JSON_KEYS("null", "\"" LATER "\"")), "holds no keys" },
	{ SAYING(JSON_KEYS("\"t\\r\\nX-Injected: yes\"", "\"" LATER "\"")), "holds no keys" },
	{ SAYING(JSON_KEYS("\"t\"", "\"" LATER "\"") "x"), "holds no keys" },
	{ SAYING(JSON_KEYS("\"t\"", "\"2026-02-24T13:46:26Z\"")), "expired already" },
	{ { .status = 302, .body = "", .fields = "Location: /elsewhere\r\n" }, "HTTP 302" },
};

static const struct failure xml_failures[] = {
	{ SAYING(""), "no keys in the answer" },
	{ SAYING("garbage"), "no keys in the answer" },
	{ SAYING("<a><Credentials><AccessKeyId>AKIAx</AccessKeyId></Credentials></a>"),
	  "no keys in the answer" },
	{ SAYING("<a><AccessKeyId>AKIAx</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		 "<SessionToken>t</SessionToken><Expiration>" LATER "</Expiration></a>"),
	  "no keys in the answer" },
	{ SAYING(XML_KEYS("t", "tomorrow")), "no keys in the answer" },
	{ SAYING(XML_KEYS("", LATER)), "no keys in the answer" },
	{ SAYING(XML_KEYS("t&#13;&#10;X-Injected: yes", LATER)), "no keys in the answer" },
	{ SAYING(XML_KEYS("t", LATER) "<b/>"), "no keys in the answer" },
	{ SAYING(XML_KEYS("t", "2026-02-24T13:46:26Z")), "expired already" },
	{ { .status = 403, .body = XML_KEYS("t", LATER) }, "HTTP 403" },
	{ { .status = 400,
	    .body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
		    "<Type>Sender</Type><Code>ExpiredTokenException</Code><Message>Token expired</Message></Error>"
		    "<RequestId>4f</RequestId></ErrorResponse>" },
	  "HTTP 400: ExpiredTokenException: Token expired" },
	{ { .status = 302, .body = "", .fields = "Location: /elsewhere\r\n" }, "HTTP 302" },
};

/* Each failure as the answer to request, the last of those that are made; before it what `others` say. */
static void
expect_failures(const struct failure *rows, size_t n, const char *request, const struct reply *others,
		size_t n_others)
{
	for (size_t i = 0; i < n; i++) {
		struct reply replies[REPLIES] = { rows[i].reply };
		off_t before = lseek(f.log, 0, SEEK_END);
		const char *log;

		replies[0].request = request;
		if (n_others)
			memcpy(replies + 1, others, n_others * sizeof *others);
		server_says(f.server, replies);
		open_credentials();
		expect_keys(NULL, rows[i].error);
		log = logged() + before;
		cr_expect(strstr(log, "credentials.failed") && strstr(log, rows[i].error),
			  "row %zu, %d %s: %s", i, rows[i].reply.status, rows[i].reply.body, log);
		cr_expect_null(strstr(log, "AKIA"), "%s", log);
		expect_asked((int)n_others + 1, rows[i].error);
		expect_keys(NULL, "at once again");
		expect_asked(0, "it does not ask on every call");
	}
}

Test(credentials, of_a_web_identity_fail)
{
	use_web_identity();
	(void)unsetenv("http_proxy");
	expect_failures(common_failures, ROWS(common_failures), "POST / ", NULL, 0);
	expect_failures(xml_failures, ROWS(xml_failures), "POST / ", NULL, 0);
}

Test(credentials, of_a_container_fail)
{
	use_container();
	expect_failures(common_failures, ROWS(common_failures), "GET /v1/credentials ", NULL, 0);
	expect_failures(json_failures, ROWS(json_failures), "GET /v1/credentials ", NULL, 0);
}

Test(credentials, of_an_instance_fail)
{
	static const struct reply token = { TO("PUT /latest/api/token ", 200, "imds-token==") },
				  role = { TO("GET " ROLES " ", 200, "orders-role\nanother") };
	static const struct failure tokens[] = {
		{ { .status = 403, .body = "" }, "instance token: HTTP 403" },
		{ { .status = 400, .body = "" }, "instance token: HTTP 400" },
		{ { .status = 200, .body = "" }, "instance token: the answer is no token" },
		{ { .status = 200, .body = "a\r\nX: y" }, "instance token: the answer is no token" },
	};
	static const struct failure roles[] = {
		{ { .status = 404, .body = "" }, "instance role: HTTP 404" },
		{ { .status = 200, .body = "" }, "instance role: the answer names none" },
		{ { .status = 200, .body = "../../user-data" }, "instance role: the answer names none" },
		{ { .status = 200, .body = "<html>login</html>" }, "instance role: the answer names none" },
		{ { .status = 200, .body = "a role" }, "instance role: the answer names none" },
	};

	use_instance();
	expect_failures(common_failures, ROWS(common_failures), "PUT /latest/api/token ", NULL, 0);
	expect_failures(tokens, ROWS(tokens), "PUT /latest/api/token ", NULL, 0);
	expect_failures(roles, ROWS(roles), "GET " ROLES " ", &token, 1);
	expect_failures(common_failures, ROWS(common_failures), "GET " ROLES "orders-role ",
			(const struct reply[]){ token, role }, 2);
	expect_failures(json_failures, ROWS(json_failures), "GET " ROLES "orders-role ",
			(const struct reply[]){ token, role }, 2);
}

Test(credentials, of_an_instance_are_not_asked_for_with_a_wrong_token)
{
	use_instance();
	SAYS(f.server, { TO("PUT /latest/api/token ", 200, "other-token") },
	     { TO("GET " ROLES " ", 200, "orders-role"), .needs = IMDS_FIELD });
	open_credentials();
	expect_keys(NULL, "the service refuses the token");
	cr_expect_not_null(strstr(logged(), "instance role: HTTP 401"));
	expect_asked(2, "token, role");
}

Test(credentials, of_a_token_file_that_is_none_fail)
{
	char *large = talloc_size(f.ctx, 20002);
	const struct {
		const char *content, *error;
	} rows[] = {
		{ NULL, "token file: not readable" },
		{ "", "token file: empty" },
		{ " \n\n", "token file: empty" },
		{ "two\nlines", "token file: not a token" },
		{ "t\xc3\xb6ken", "token file: not a token" },
		{ large, "token file: too large" },
	};

	memset(large, 'x', 20001);
	large[20001] = '\0';
	for (int source = 0; source < 2; source++) {
		(source ? use_container : use_web_identity)();
		for (size_t i = 0; i < ROWS(rows); i++) {
			off_t before = lseek(f.log, 0, SEEK_END);

			if (rows[i].content)
				write_token(rows[i].content);
			else
				(void)unlink(f.token_file);
			open_credentials();
			expect_keys(NULL, rows[i].error);
			cr_expect_not_null(strstr(logged() + before, rows[i].error), "%s", logged() + before);
			expect_asked(0, rows[i].error);
		}
	}
}

/* ------------------------------------------------------------------------------------------------- time */

Test(credentials, never_take_longer_than_the_deadline)
{
	static const struct {
		enum act act;
		int deadline_ms, least_ms, most_ms;
		bool instance;
		const char *why;
	} rows[] = {
		{ HANG, 150, 100, 900, false, "a container that says nothing" },
		{ STALL, 150, 100, 900, false, "a container that stops half-way" },
		{ HANG, 150, 100, 900, true, "an instance that says nothing" },
		{ HANG, PLENTY_MS, 900, 2500, true, "an instance has a second at most" },
		{ ANSWER, 0, 0, 100, false, "no time at all" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *keys = json_keys("late", NOW + 60 * MIN);
		int64_t started, took;
		struct aws_keys out;

		(rows[i].instance ? use_instance : use_container)();
		SAYS(f.server, { TO("", 200, keys), .act = rows[i].act });
		open_credentials();
		started = clock_ms();
		cr_expect_eq(credentials_get(f.credentials, started + rows[i].deadline_ms, &out),
			     RC_SNS_REFUSED, "%s", rows[i].why);
		took = clock_ms() - started;
		cr_expect(took >= rows[i].least_ms && took <= rows[i].most_ms, "%s: %d ms", rows[i].why,
			  (int)took);
	}
}

/* From the earliest moment of a refresh on it is certain to be due 5 minutes later. */
#define END (NOW + 60 * MIN)
#define EARLIEST (END - 15 * MIN)
#define LATEST (END - 10 * MIN)

static void
open_with_keys(const char *name)
{
	use_container();
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys(name, END)) });
	open_credentials();
	expect_keys(name, "the first");
	expect_asked(1, "the first");
}

Test(credentials, are_kept_until_shortly_before_they_expire)
{
	open_with_keys("old");
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("new", END + 60 * MIN)) });
	for (int64_t t = NOW; t < EARLIEST; t += 5 * MIN) {
		clock_set_wall_us(t);
		expect_keys("old", "they are good for long");
	}
	clock_set_wall_us(EARLIEST - 1);
	expect_keys("old", "15 minutes before the end");
	expect_asked(0, "too early");
	clock_set_wall_us(LATEST);
	expect_keys("new", "10 minutes before the end");
	expect_asked(1, "the refresh");
	expect_keys("new", "and again");
	expect_asked(0, "once");
}

Test(credentials, are_not_refreshed_by_a_whole_pool_at_once)
{
	enum { WORKERS = 60 };
	struct credentials *pool[WORKERS];
	struct aws_keys keys;
	int early;

	use_container();
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("old", END)) });
	for (int i = 0; i < WORKERS; i++) {
		pool[i] = credentials_open(f.ctx, &f.config);
		cr_assert_eq(credentials_get(pool[i], clock_ms() + PLENTY_MS, &keys), RC_OK);
	}
	server_forget(f.server);
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("new", END + 60 * MIN)) });
	clock_set_wall_us((EARLIEST + LATEST) / 2);
	for (int i = 0; i < WORKERS; i++)
		cr_assert_eq(credentials_get(pool[i], clock_ms() + PLENTY_MS, &keys), RC_OK);
	early = server_asked(f.server);
	cr_expect(early > 5 && early < WORKERS - 5, "%d of %d half-way", early, (int)WORKERS);
	clock_set_wall_us(LATEST);
	for (int i = 0; i < WORKERS; i++)
		cr_assert_eq(credentials_get(pool[i], clock_ms() + PLENTY_MS, &keys), RC_OK);
	expect_asked(WORKERS, "each once");
}

/* The instance has new keys only 5 minutes before the old ones expire. */
Test(credentials, that_come_again_unchanged_are_not_asked_for_on_every_call)
{
	open_with_keys("old");
	clock_set_wall_us(LATEST);
	for (int i = 0; i < 5; i++)
		expect_keys("old", "the same again");
	expect_asked(1, "once");
	clock_set_wall_us(LATEST + 2 * MIN);
	for (int i = 0; i < 5; i++)
		expect_keys("old", "the same again");
	expect_asked(1, "once more, two minutes later");
}

Test(credentials, survive_a_refresh_that_fails)
{
	open_with_keys("old");
	SAYS(f.server, { TO("GET /v1/credentials ", 500, "") });
	clock_set_wall_us(LATEST);
	for (int i = 0; i < 5; i++)
		expect_keys("old", "they are still good");
	expect_asked(1, "it backs off");
	cr_expect_not_null(strstr(logged(), "credentials.not_refreshed"));

	clock_set_wall_us(LATEST + 1 * S);
	expect_keys("old", "still");
	expect_asked(1, "a second later it asks again");
	clock_set_wall_us(END - 1);
	expect_keys("old", "to the last");
	expect_asked(1, "and again");

	clock_set_wall_us(END);
	expect_keys(NULL, "they have expired");
	clock_set_wall_us(END + 30 * S);
	expect_keys(NULL, "they have expired");
	expect_asked(1, "it goes on asking");
	expect_keys(NULL, "they have expired");
	expect_asked(0, "but not on every call");

	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("new", END + 60 * MIN)) });
	clock_set_wall_us(END + 61 * S);
	expect_keys("new", "the source is back");
}

Test(credentials, are_asked_for_again_after_ever_longer_pauses_up_to_half_a_minute)
{
	int64_t t = NOW, previous = 0;
	int asked;

	use_container();
	open_credentials(); /* everything is 404 */
	expect_keys(NULL, "down");
	expect_asked(1, "at once");
	for (int i = 0; i < 10; i++) {
		int64_t pause = 0, most = i > 4 ? 30 * S : S << i;

		do {
			pause += 100000;
			clock_set_wall_us(t + pause);
			expect_keys(NULL, "down");
		} while ((asked = server_asked(f.server)) == 0 && pause < 60 * S);
		server_forget(f.server);
		cr_expect(asked == 1 && pause >= most / 2 && pause <= most + 100000, "pause %d: %d ms", i,
			  (int)(pause / 1000));
		previous = t;
		t += pause;
	}
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("x", END)) });
	clock_set_wall_us(previous - 60 * MIN);
	expect_keys("x", "a clock that was set back makes nobody wait");
}

Test(credentials, leave_time_for_publishing_while_the_old_ones_are_good)
{
	int64_t started, took;
	struct aws_keys keys;

	open_with_keys("old");
	SAYS(f.server, { "", .act = HANG });
	clock_set_wall_us(LATEST);
	started = clock_ms();
	cr_expect_eq(credentials_get(f.credentials, started + 1200, &keys), RC_OK);
	took = clock_ms() - started;
	cr_expect(took >= 500 && took < 1100, "%d of 1200 ms", (int)took);
	cr_expect_str_eq(keys.id, "AKIAold");
}

Test(credentials, that_aws_refuses_are_replaced)
{
	open_with_keys("old");
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("new", END)) });
	credentials_refused(f.credentials);
	expect_keys("old", "these were fetched just now");
	clock_set_wall_us(NOW + 4 * S);
	credentials_refused(f.credentials);
	expect_keys("old", "4 s ago");
	expect_asked(0, "not more often than every few seconds");

	clock_set_wall_us(NOW + 6 * S);
	expect_keys("new", "6 s ago");
	expect_asked(1, "fetched");
	expect_keys("new", "once");
	expect_asked(0, "once");

	clock_set_wall_us(NOW + 20 * MIN);
	SAYS(f.server, { TO("GET /v1/credentials ", 500, "") });
	credentials_refused(f.credentials);
	for (int i = 0; i < 3; i++) {
		expect_keys("new", "nothing better is to be had");
		credentials_refused(f.credentials);
	}
	expect_asked(1, "and it backs off");
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("newer", END)) });
	clock_set_wall_us(NOW + 21 * MIN);
	expect_keys("newer", "later there is");
}

#define SNS_ERROR(code)                                                                                      \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code                                               \
	"</Code><Message>no</Message></Error></ErrorResponse>"

Test(credentials, sign_what_is_published_and_are_replaced_when_sns_calls_them_expired)
{
	const struct event event = {
		.id = "e",
		.request_id = "r",
		.traceparent = "t",
		.email = "",
		.version = 2,
		.status = STATUS_CONFIRMED,
		.old_status = STATUS_PENDING,
	};
	struct sns_fault results[SNS_BATCH_MAX], fault;
	struct sns *sns;
	size_t n = 1;

	(void)unsetenv("http_proxy");
	use_container();
	f.config.aws_region = "eu-central-1";
	f.config.sns_url = url("");
	f.config.topic_arn = "arn:aws:sns:eu-central-1:1:orders";
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("old", END)) },
	     { TO("POST / ", 403, SNS_ERROR("ExpiredToken")),
	       .needs = "x-amz-security-token: token+old==\r\n" });
	sns = sns_open(f.ctx, &f.config);
	cr_assert_eq(sns_publish(sns, f.ctx, &event, &n, results, &fault), RC_SNS_REFUSED);
	cr_expect_str_eq(fault.code, "ExpiredToken");
	cr_expect_not_null(strstr(server_request(f.server, 1), "Credential=AKIAold/"));
	expect_asked(2, "container, SNS");

	clock_set_wall_us(NOW + 6 * S);
	SAYS(f.server, { TO("GET /v1/credentials ", 200, json_keys("new", END)) },
	     { TO("POST / ", 200, "<PublishResponse/>"), .needs = "x-amz-security-token: token+new==\r\n" });
	cr_assert_eq(sns_publish(sns, f.ctx, &event, &n, results, &fault), RC_OK);
	cr_expect_eq(results[0].rc, RC_OK);
	cr_expect_not_null(strstr(server_request(f.server, 1), "Credential=AKIAnew/"));
	cr_expect_not_null(strstr(server_request(f.server, 1), "x-amz-security-token"));
	expect_asked(2, "container, SNS");
	talloc_free(sns);
}

Test(credentials, are_never_logged)
{
	static const char *const secrets[] = { "AKIA", "secret/", "token+", "first.token", "imds-token" };
	void (*const use[])(void) = { use_web_identity, use_container, use_instance };

	(void)unsetenv("http_proxy");
	for (size_t i = 0; i < ROWS(use); i++) {
		use[i]();
		instance_has(json_keys("a", END));
		f.server->replies[3] = (struct reply){ TO(i ? "GET /v1/" : "POST / ", 200,
							  i ? json_keys("a", END) : xml_keys("a", END)) };
		open_credentials();
		expect_keys("a", "a source");
		SAYS(f.server, { TO("", 200, "AKIAa secret/a token+a== first.token imds-token==") });
		clock_set_wall_us(END);
		expect_keys(NULL, "garbage");
		clock_set_wall_us(NOW);
	}
	cr_expect_not_null(strstr(logged(), "credentials.fetched"));
	cr_expect_not_null(strstr(logged(), "credentials.failed"));
	for (size_t i = 0; i < ROWS(secrets); i++)
		cr_expect_null(strstr(logged(), secrets[i]), "%s: %s", secrets[i], logged());
}

/* --------------------------------------------------------------------------------------- what is pure in it */

Test(credentials, of_sts_are_read_however_the_parser_cuts_them)
{
	static struct aws_session s;
	struct sts_fault fault;
	const char *xml = "<a><Credentials><AccessKeyId>A&#x42;&amp;C</AccessKeyId>"
			  "<SecretAccessKey>s</SecretAccessKey><SessionToken>t&lt;t</SessionToken>"
			  "<Expiration>2026-02-24T13:46:26Z</Expiration></Credentials></a>";

	cr_assert_eq(sts_answer_read(xml, strlen(xml), &s, &fault), RC_OK);
	cr_expect_str_eq(s.id, "AB&C");
	cr_expect_str_eq(s.token, "t<t");
	cr_expect_eq(s.expires_us, NOW);
}

Test(credentials, with_too_long_a_token_are_none)
{
	static struct aws_session s;
	struct sts_fault fault;

	for (int more = -1; more <= 0; more++) {
		int len = AWS_TOKEN_SIZE + more;
		char *token = talloc_zero_size(f.ctx, (size_t)len + 1), *text;
		const char *code;

		memset(token, 't', (size_t)len);
		text = talloc_asprintf(f.ctx,
				       "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"%s\","
				       "\"Expiration\":\"2026-02-24T13:46:26Z\"}",
				       token);
		cr_expect_eq(credentials_decode(f.ctx, text, strlen(text), &s, &code),
			     more ? RC_OK : RC_SYNTAX);
		text = talloc_asprintf(f.ctx,
				       "<a><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s"
				       "</SecretAccessKey><SessionToken>%s</SessionToken>"
				       "<Expiration>2026-02-24T13:46:26Z</Expiration></Credentials></a>",
				       token);
		cr_expect_eq(sts_answer_read(text, strlen(text), &s, &fault), more ? RC_OK : RC_SNS_REFUSED);
	}
}

Test(rfc3339, is_read_with_any_offset)
{
	static const struct {
		const char *text;
		int64_t t_us;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-02-24T13:46:26Z", NOW },
		{ "2026-02-24t13:46:26z", NOW },
		{ "2026-02-24T13:46:26.4Z", NOW + 400000 },
		{ "2026-02-24T13:46:26.414410Z", NOW + 414410 },
		{ "2026-02-24T13:46:26.4144109999999999999999999Z", NOW + 414410 },
		{ "2026-02-24T15:16:26+01:30", NOW },
		{ "2026-02-23T13:47:26-23:59", NOW },
		{ "2026-02-24T13:46:26-00:00", NOW },
		{ "2000-02-29T00:00:00Z", 951782400 * S },
		{ "2024-02-29T23:59:59Z", 1709251199 * S },
		{ "1990-12-31T23:59:60Z", 662688000 * S },
		{ "1990-12-31T15:59:60.5-08:00", 662688000 * S + 500000 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
		{ "0001-01-01T00:00:00Z", -62135596800 * S },
		{ "9999-12-31T23:59:59.999999Z", 253402300800 * S - 1 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t t_us = 7;

		cr_expect_eq(clock_parse_rfc3339(rows[i].text, strlen(rows[i].text), &t_us), RC_OK, "%s",
			     rows[i].text);
		cr_expect_eq(t_us, rows[i].t_us, "%s: %lld", rows[i].text, (long long)t_us);
	}
}

Test(rfc3339, is_read_strictly)
{
	static const struct {
		const char *text;
		enum rc rc;
	} rows[] = {
		{ "", RC_SYNTAX },
		{ "2026", RC_SYNTAX },
		{ "2026-02-24", RC_SYNTAX },
		{ "2026-02-24T13:46:26", RC_SYNTAX },
		{ "2026-02-24T13:46Z", RC_SYNTAX },
		{ "2026-02-24 13:46:26Z", RC_SYNTAX },
		{ " 2026-02-24T13:46:26Z", RC_SYNTAX },
		{ "2026-02-24T13:46:26Z ", RC_SYNTAX },
		{ "2026-02-24T13:46:26ZZ", RC_SYNTAX },
		{ "2026-02-24T13:46:26.Z", RC_SYNTAX },
		{ "2026-02-24T13:46:26,5Z", RC_SYNTAX },
		{ "2026-02-24T13:46:26+01", RC_SYNTAX },
		{ "2026-02-24T13:46:26+0100", RC_SYNTAX },
		{ "2026-02-24T13:46:26+24:00", RC_SYNTAX },
		{ "2026-02-24T13:46:26+01:60", RC_SYNTAX },
		{ "2026-2-24T13:46:26Z", RC_SYNTAX },
		{ "26-02-24T13:46:26Z", RC_SYNTAX },
		{ "+2026-02-24T13:46:26Z", RC_SYNTAX },
		{ "2026-00-24T13:46:26Z", RC_SYNTAX },
		{ "2026-13-24T13:46:26Z", RC_SYNTAX },
		{ "2026-02-00T13:46:26Z", RC_SYNTAX },
		{ "2026-02-29T13:46:26Z", RC_SYNTAX },
		{ "1900-02-29T00:00:00Z", RC_SYNTAX },
		{ "2026-04-31T13:46:26Z", RC_SYNTAX },
		{ "2026-02-24T24:00:00Z", RC_SYNTAX },
		{ "2026-02-24T13:60:26Z", RC_SYNTAX },
		{ "2026-02-24T13:46:61Z", RC_SYNTAX },
		{ "2026-02-24T13:46:60Z", RC_SYNTAX },
		{ "2026-02-24T23:59:60Z", RC_SYNTAX },
		{ "1990-12-31T23:59:60+01:00", RC_SYNTAX },
		{ "2026-02-24T13:46:2\xd9\xa6Z", RC_SYNTAX },
		{ "0000-12-31T23:59:59Z", RC_RANGE },
		{ "0001-01-01T00:00:00+00:01", RC_RANGE },
		{ "9999-12-31T23:59:59-00:01", RC_RANGE },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *exact = talloc_memdup(NULL, rows[i].text, strlen(rows[i].text)); /* no NUL behind it */
		int64_t t_us = 7;

		cr_expect_eq(clock_parse_rfc3339(exact, strlen(rows[i].text), &t_us), rows[i].rc, "%s",
			     rows[i].text);
		cr_expect_eq(t_us, 7, "%s", rows[i].text);
		talloc_free(exact);
	}
	cr_expect_eq(clock_parse_rfc3339("2026-02-24T13:46:26Z\0", 21, &(int64_t){ 0 }), RC_SYNTAX, "a NUL");
}

Test(rfc3339, is_read_as_it_is_written)
{
	uint64_t x = 9;

	for (int i = 0; i < 20000; i++) {
		char text[RFC3339_SIZE];
		int64_t t_us, got = 0;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		t_us = (int64_t)(x % UINT64_C(315537897600000000)) - 62135596800 * S;
		cr_assert_eq(clock_rfc3339(t_us, text), RC_OK);
		cr_assert_eq(clock_parse_rfc3339(text, strlen(text), &got), RC_OK, "%s", text);
		cr_assert_eq(got, t_us, "%s", text);
	}
}

#include "remote/credentials_sources.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "remote/credentials_answer.h"

#define ANSWER_MAX (64u << 10)
#define TOKEN_FILE_MAX 20000u		     /* as STS has it */
#define FORM_MAX (3 * TOKEN_FILE_MAX + 8192) /* urlencoded */
#define LINE_MAX_BYTES (TOKEN_FILE_MAX + 256)
#define CONNECT_MS 1000
#define IMDS_MS 1000 /* for each of its three requests */

struct question {
	const char *what; /* for the fault */
	const char *url;
	const struct buf *field; /* a header field, or NULL */
	const struct buf *form;	 /* POST, or NULL */
	bool put;		 /* PUT without a body */
	bool direct;		 /* whatever proxies the environment names: it is a neighbour */
	int limit_ms;		 /* 0: the fetch's deadline alone */
};

void
key_fetch_fault(struct key_fetch *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(f->fault, sizeof f->fault, format, args);
	va_end(args);
}

static int
wipe(char *bytes)
{
	explicit_bzero(bytes, talloc_get_size(bytes));
	return 0;
}

/* A buffer that never moves, which would leave copies behind, and is wiped when its context goes. */
static bool
open_secret(struct buf *b, void *ctx, size_t limit)
{
	buf_init(b, ctx, limit);
	if (!(b->data = talloc_array(ctx, char, (unsigned)limit + 1)))
		return false;
	talloc_set_destructor(b->data, wipe);
	b->data[0] = '\0';
	b->cap = limit + 1;
	return true;
}

/* White space around what was read is not part of it. */
static void
trim(struct buf *b)
{
	size_t from = 0;

	while (b->len && isspace((unsigned char)b->data[b->len - 1]))
		b->len--;
	while (from < b->len && isspace((unsigned char)b->data[from]))
		from++;
	b->len -= from;
	memmove(b->data, b->data + from, b->len);
	b->data[b->len] = '\0';
}

static bool
is_field_value(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] < ' ' || b->data[i] > '~')
			return false;
	return b->len > 0;
}

/* A file that somebody else replaces from time to time, so it is read anew. A FIFO must not make us wait. */
static enum rc
read_token(struct key_fetch *f, const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = -1;

	if (fd < 0) {
		key_fetch_fault(f, "token file: %s", "not readable");
		return RC_SNS_REFUSED;
	}
	if (!open_secret(out, f->ctx, TOKEN_FILE_MAX + 1)) {
		(void)close(fd);
		return RC_NO_MEMORY;
	}
	while (out->len < out->limit && (n = read(fd, out->data + out->len, out->limit - out->len)) > 0)
		out->len += (size_t)n;
	(void)close(fd);
	if (n != 0 || out->len > TOKEN_FILE_MAX) {
		key_fetch_fault(f, "token file: %s", n < 0 ? "not readable" : "too large");
		return RC_SNS_REFUSED;
	}
	trim(out);
	if (!is_field_value(out)) {
		key_fetch_fault(f, "token file: %s", out->len ? "not a token" : "empty");
		return RC_SNS_REFUSED;
	}
	return RC_OK;
}

static bool
prepare(struct key_fetch *f, const struct question *q, int timeout_ms)
{
	struct transfer *t = f->transfer;

	if (!transfer_reset(t, f->ctx, q->url, ANSWER_MAX) || !open_secret(&t->body, f->ctx, ANSWER_MAX) ||
	    (q->field && (q->field->failed || !transfer_header(t, q->field->data))))
		return false;
	transfer_set_headers(t);
	if (q->put) {
		(void)curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(t->easy, CURLOPT_INFILESIZE, 0L);
	}
	if (q->form) {
		(void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, q->form->data);
		(void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)q->form->len);
	}
	if (q->direct && curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "*"))
		return false;
	(void)curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	return true;
}

static void
wipe_fields(struct transfer *t)
{
	for (struct curl_slist *h = t->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
}

/* RC_OK: there is an answer, of whatever status, in f->transfer. Copies inside curl are out of reach. */
static enum rc
ask(struct key_fetch *f, const struct question *q)
{
	struct transfer *t = f->transfer;
	int timeout_ms = clock_left_ms(f->deadline_ms);
	CURLcode code;

	if (q->limit_ms && timeout_ms > q->limit_ms)
		timeout_ms = q->limit_ms;
	if (timeout_ms == 0) {
		key_fetch_fault(f, "%s: no time left", q->what);
		return RC_SNS_REFUSED;
	}
	if (!prepare(f, q, timeout_ms))
		return RC_NO_MEMORY;
	code = curl_easy_perform(t->easy);
	wipe_fields(t);
	if (code == CURLE_OK)
		return RC_OK;
	key_fetch_fault(f, "%s: %s", q->what,
			t->too_large ? "the answer is too large" : curl_easy_strerror(code));
	return transfer_no_memory(t) ? RC_NO_MEMORY : RC_SNS_REFUSED;
}

/* The same for those whose every answer but 200 is a failure: redirects too. */
static enum rc
ask_for_200(struct key_fetch *f, const struct question *q)
{
	enum rc rc = ask(f, q);

	if (rc || transfer_status(f->transfer) == 200)
		return rc;
	key_fetch_fault(f, "%s: HTTP %ld", q->what, transfer_status(f->transfer));
	return RC_SNS_REFUSED;
}

static enum rc
decode(struct key_fetch *f, const char *what, struct aws_session *out)
{
	const char *code = NULL;
	enum rc rc = credentials_decode(f->ctx, f->transfer->body.data, f->transfer->body.len, out, &code);

	if (rc == RC_SYNTAX || rc == RC_SNS_REFUSED) {
		key_fetch_fault(f, "%s: %s", what, code ? code : "the answer holds no keys");
		rc = RC_SNS_REFUSED;
	}
	return rc;
}

static bool
has_web_identity(const struct config *c)
{
	return c->web_identity_token_file && c->role_arn;
}

static enum rc
ask_sts(struct key_fetch *f, const struct buf *token)
{
	struct buf form;

	if (!open_secret(&form, f->ctx, FORM_MAX))
		return RC_NO_MEMORY;
	buf_puts(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=");
	buf_put_urlencoded(&form, f->config->role_arn, strlen(f->config->role_arn));
	buf_puts(&form, "&RoleSessionName=");
	buf_put_urlencoded(&form, f->config->role_session_name, strlen(f->config->role_session_name));
	buf_puts(&form, "&WebIdentityToken=");
	buf_put_urlencoded(&form, token->data, token->len);
	if (form.failed)
		return RC_NO_MEMORY;
	return ask(f, &(struct question){ .what = "STS", .url = f->config->sts_url, .form = &form });
}

static enum rc
fetch_by_web_identity(struct key_fetch *f, struct aws_session *out)
{
	const struct buf *body = &f->transfer->body;
	struct sts_fault fault;
	struct buf token;
	long status;
	enum rc rc;

	if ((rc = read_token(f, f->config->web_identity_token_file, &token)) || (rc = ask_sts(f, &token)))
		return rc;
	status = transfer_status(f->transfer);
	rc = sts_answer_read(body->data, body->len, out, &fault);
	if (rc == RC_OK && status != 200)
		rc = RC_SNS_REFUSED;
	if (rc == RC_SNS_REFUSED)
		key_fetch_fault(f, "STS: HTTP %ld: %s%s%s", status,
				*fault.code ? fault.code : "no keys in the answer",
				*fault.message ? ": " : "", fault.message);
	return rc;
}

static bool
has_container(const struct config *c)
{
	return c->container_url != NULL;
}

static enum rc
fetch_from_container(struct key_fetch *f, struct aws_session *out)
{
	const struct config *c = f->config;
	struct question q = { .what = "container", .url = c->container_url, .direct = true };
	struct buf token, field;
	enum rc rc;

	if (c->container_token_file || c->container_token) {
		if (!open_secret(&field, f->ctx, LINE_MAX_BYTES))
			return RC_NO_MEMORY;
		if (c->container_token_file && (rc = read_token(f, c->container_token_file, &token)))
			return rc;
		buf_puts(&field, "Authorization: ");
		buf_puts(&field, c->container_token_file ? token.data : c->container_token);
		q.field = &field;
	}
	if ((rc = ask_for_200(f, &q)))
		return rc;
	return decode(f, q.what, out);
}

static bool
has_instance(const struct config *c)
{
	return c->imds_url != NULL;
}

/* One of the three requests, with the field that it needs. */
static enum rc
ask_imds(struct key_fetch *f, const char *what, const char *path, const struct buf *field)
{
	struct question q = { .what = what, .field = field, .direct = true, .limit_ms = IMDS_MS };

	q.put = strcmp(path, "/latest/api/token") == 0;
	if (!(q.url = talloc_asprintf(f->ctx, "%s%s", f->config->imds_url, path)))
		return RC_NO_MEMORY;
	return ask_for_200(f, &q);
}

/* The session token of IMDSv2, as the field that the other requests bear. Version 1, which wants none and so
 * answers whoever can make us send a GET, is never asked. */
static enum rc
open_imds(struct key_fetch *f, struct buf *field)
{
	struct buf ttl;
	enum rc rc;

	if (!open_secret(field, f->ctx, LINE_MAX_BYTES) || !open_secret(&ttl, f->ctx, 64))
		return RC_NO_MEMORY;
	buf_puts(&ttl, "X-aws-ec2-metadata-token-ttl-seconds: 21600");
	if ((rc = ask_imds(f, "instance token", "/latest/api/token", &ttl)))
		return rc;
	trim(&f->transfer->body);
	if (!is_field_value(&f->transfer->body)) {
		key_fetch_fault(f, "instance token: the answer is no token");
		return RC_SNS_REFUSED;
	}
	buf_puts(field, "X-aws-ec2-metadata-token: ");
	buf_put(field, f->transfer->body.data, f->transfer->body.len);
	return RC_OK;
}

#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"

/* The path of the keys of the instance's role, the first line of the answer. */
static enum rc
find_role(struct key_fetch *f, const struct buf *field, const char **path)
{
	const char *role;
	size_t len;
	enum rc rc;

	if ((rc = ask_imds(f, "instance role", IMDS_ROLES, field)))
		return rc;
	role = f->transfer->body.data;
	len = strspn(role, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-");
	if (len == 0 || len > 128 || (role[len] && !strchr("\r\n", role[len]))) {
		key_fetch_fault(f, "instance role: the answer names none");
		return RC_SNS_REFUSED;
	}
	*path = talloc_asprintf(f->ctx, IMDS_ROLES "%.*s", (int)len, role);
	return *path ? RC_OK : RC_NO_MEMORY;
}

static enum rc
fetch_from_instance(struct key_fetch *f, struct aws_session *out)
{
	const char *path;
	struct buf field;
	enum rc rc;

	if ((rc = open_imds(f, &field)) || (rc = find_role(f, &field, &path)) ||
	    (rc = ask_imds(f, "instance keys", path, &field)))
		return rc;
	return decode(f, "instance keys", out);
}

static const struct key_source sources[] = {
	{ "web identity", has_web_identity, fetch_by_web_identity },
	{ "container", has_container, fetch_from_container },
	{ "instance", has_instance, fetch_from_instance },
};

const struct key_source *
key_source_choose(const struct config *config)
{
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
		if (sources[i].is_configured(config))
			return &sources[i];
	return NULL;
}

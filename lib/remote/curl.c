#include "remote/curl.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#define HEAD_MAX (64u << 10)

/* curl resolves names in threads of its own. */
static atomic_uint refusals;

static void *
noted(void *p)
{
	if (!p)
		atomic_fetch_add(&refusals, 1);
	return p;
}

static void *
take(size_t size)
{
	return noted(malloc(size ? size : 1));
}

static void *
take_cleared(size_t n, size_t size)
{
	return noted(calloc(n ? n : 1, size ? size : 1));
}

static void *
take_more(void *p, size_t size)
{
	return noted(realloc(p, size ? size : 1));
}

static char *
take_copy(const char *s)
{
	return noted(strdup(s));
}

bool
transfer_library_init(void)
{
	static bool ready;

	ready = ready || curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, free, take_more, take_copy,
					      take_cleared) == CURLE_OK;
	return ready;
}

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	t->too_large = t->too_large || size * n > t->body.limit - t->body.len;
	buf_put(&t->body, data, size * n);
	return t->body.failed ? 0 : size * n;
}

static size_t
take_head(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)data;
	t->head_bytes += size * n;
	t->too_large = t->too_large || t->head_bytes > HEAD_MAX;
	return t->too_large ? 0 : size * n;
}

static void
start_gathering(struct transfer *t, void *ctx, size_t body_max)
{
	buf_init(&t->body, ctx, body_max);
	t->head_bytes = 0;
	t->too_large = false;
	t->refusals = atomic_load(&refusals);
}

bool
transfer_reset(struct transfer *t, void *ctx, const char *url, size_t body_max)
{
	bool good;

	if (!t->easy && (!transfer_library_init() || !(t->easy = curl_easy_init())))
		return false;
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	start_gathering(t, ctx, body_max);
	good = !curl_easy_setopt(t->easy, CURLOPT_URL, url) &&
	       !curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       !curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L) &&
	       !curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L) &&
	       !curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
	       !curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "orders.fcgi") &&
	       !curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L) &&
	       !curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 16384L) &&
	       !curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body) &&
	       !curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t) &&
	       !curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_head) &&
	       !curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	if (!good) { /* half set up, it would keep no limit */
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
	}
	return good;
}

bool
transfer_again(struct transfer *t, void *ctx, const char *url, size_t body_max)
{
	if (!t->easy)
		return transfer_reset(t, ctx, url, body_max);
	start_gathering(t, ctx, body_max);
	return !curl_easy_setopt(t->easy, CURLOPT_URL, url);
}

bool
transfer_header(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (longer)
		t->headers = longer;
	return longer != NULL;
}

void
transfer_set_headers(struct transfer *t)
{
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

void
transfer_drop_body(struct transfer *t)
{
	talloc_free(t->body.data);
	t->body.data = NULL;
	t->body.len = t->body.cap = 0;
}

void
transfer_close(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	*t = (struct transfer){ 0 };
}

bool
transfer_no_memory(const struct transfer *t)
{
	return (t->body.failed && !t->too_large) || atomic_load(&refusals) != t->refusals;
}

long
transfer_status(const struct transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

int64_t
transfer_date_us(const struct transfer *t)
{
	struct curl_header *field;
	time_t date;

	if (curl_easy_header(t->easy, "Date", 0, CURLH_HEADER, -1, &field) != CURLHE_OK)
		return 0;
	date = curl_getdate(field->value, NULL);
	return date > 0 ? date * INT64_C(1000000) : 0;
}

/* What every transfer has in common: limits, no redirects, no signals. For this folder alone. */
#ifndef REMOTE_CURL_H
#define REMOTE_CURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct transfer {
	CURL *easy;		    /* kept for its connection; NULL until transfer_reset() */
	struct curl_slist *headers; /* of the current request */
	struct buf body;	    /* of the answer */
	size_t head_bytes;
	bool too_large;
	unsigned refusals; /* of memory, when the request was readied */
};

/* Once, before the first handle. False: no memory. */
bool transfer_library_init(void);

/* Readies t for a request whose answer, of up to body_max bytes, is gathered on ctx. False: no memory. */
bool transfer_reset(struct transfer *t, void *ctx, const char *url, size_t body_max);
/* The same for one more request of the kind that t made before: everything but the URL stays as it was set. */
bool transfer_again(struct transfer *t, void *ctx, const char *url, size_t body_max);
bool transfer_header(struct transfer *t, const char *line);
/* Hands the gathered headers to curl: once, after the last transfer_header(). */
void transfer_set_headers(struct transfer *t);
void transfer_close(struct transfer *t);
/* Frees what was gathered of the answer, before its ctx goes. */
void transfer_drop_body(struct transfer *t);

/* Was memory refused since the transfer was readied, to curl or for what it gathered? curl then ends it with whatever
 * fault comes up next. */
bool transfer_no_memory(const struct transfer *t);

long transfer_status(const struct transfer *t);
/* The answer's Date, µs since 1970; 0: there is none, or none that can be read. */
int64_t transfer_date_us(const struct transfer *t);

#endif

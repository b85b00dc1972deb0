/* Where keys for a limited time come from. For credentials.c alone. */
#ifndef REMOTE_CREDENTIALS_SOURCES_H
#define REMOTE_CREDENTIALS_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "remote/curl.h"
#include "json/credentials_json.h"

struct key_fetch {
	const struct config *config;
	struct transfer *transfer;
	void *ctx;	     /* to be freed afterwards: what lies on it is wiped by that */
	int64_t deadline_ms; /* on clock_ms() */
	char fault[256];     /* what went wrong, in words, without any secret */
};

struct key_source {
	const char *name;
	bool (*is_configured)(const struct config *config);
	/* RC_SNS_REFUSED with a fault; RC_NO_MEMORY. */
	enum rc (*fetch)(struct key_fetch *f, struct aws_session *out);
};

/* The first that is configured; as with AWS's own SDKs its failure does not lead on to the next. NULL: none. */
const struct key_source *key_source_choose(const struct config *config);

__attribute__((format(printf, 2, 3))) void key_fetch_fault(struct key_fetch *f, const char *format, ...);

#endif

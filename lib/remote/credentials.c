#include "remote/credentials.h"

#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "remote/credentials_sources.h"
#include "remote/curl.h"

#define S INT64_C(1000000)

#define EARLY_US (15 * 60 * S) /* before the keys expire */
#define SPREAD_US (5 * 60 * S) /* over which a pool's workers are spread */
/* A source that has no newer keys yet answers the old ones: an instance, up to 5 minutes before the end. */
#define AGAIN_US (60 * S)
#define REFUSED_US (5 * S) /* between two fetches because AWS refuses the keys */
#define RETRY_FIRST_US (1 * S)
#define RETRY_CAP_US (30 * S)

/* Times are wall times, since AWS tells the end in wall time. */
struct credentials {
	const struct config *config;
	const struct key_source *source; /* NULL: the keys of the settings, or none */
	struct transfer transfer;
	struct aws_session session; /* expires_us 0: none */
	int64_t fetched_us;
	int64_t refresh_us; /* from here on others are fetched */
	int64_t retry_us;   /* but not before this, after a failure */
	int failures;	    /* in a row */
};

static int
close_credentials(struct credentials *c)
{
	transfer_close(&c->transfer);
	explicit_bzero(&c->session, sizeof c->session);
	return 0;
}

struct credentials *
credentials_open(void *ctx, const struct config *config)
{
	struct credentials *c = talloc_zero(ctx, struct credentials);

	if (!c)
		return NULL;
	talloc_set_destructor(c, close_credentials);
	c->config = config;
	if (config->aws_access_key_id)
		return c;
	c->source = key_source_choose(config);
	if (!c->source)
		log_error("credentials.none",
			  log_text("hint", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
	return c;
}

static int64_t
random_us(int64_t below_us)
{
	return (int64_t)id_random((uint32_t)(below_us / 1000)) * 1000;
}

static void
replace(struct credentials *c, const struct aws_session *fresh)
{
	int64_t now = clock_wall_us(), early = fresh->expires_us - EARLY_US + random_us(SPREAD_US);
	int64_t again = now + AGAIN_US + random_us(AGAIN_US);

	explicit_bzero(&c->session, sizeof c->session);
	c->session = *fresh;
	c->fetched_us = now;
	c->refresh_us = early > again ? early : again;
	c->failures = 0;
}

/* Doubled by each failure; half of it is random, so that a pool's workers do not come back at once. */
static void
back_off(struct credentials *c)
{
	int64_t delay = c->failures > 4 ? RETRY_CAP_US : RETRY_FIRST_US << c->failures;

	c->failures++;
	delay = delay < RETRY_CAP_US ? delay : RETRY_CAP_US;
	c->retry_us = clock_wall_us() + delay / 2 + random_us(delay / 2);
}

static void
report_failure(const struct credentials *c, const struct key_fetch *f, bool good)
{
	const struct log_field fields[] = {
		log_text("source", c->source->name),
		log_text("error", f->fault),
	};

	if (good)
		log_write(LOG_WARN, "credentials.not_refreshed", fields, 2);
	else
		log_write(LOG_ERROR, "credentials.failed", fields, 2);
}

static void
report_success(const struct credentials *c)
{
	char expires[RFC3339_SIZE];

	if (clock_rfc3339(c->session.expires_us, expires) == RC_OK)
		log_info("credentials.fetched", log_text("source", c->source->name),
			 log_text("expires", expires));
}

/* good: the old keys are. */
static enum rc
refresh(struct credentials *c, int64_t deadline_ms, bool good)
{
	struct key_fetch f = { .config = c->config, .transfer = &c->transfer, .ctx = talloc_new(c) };
	struct aws_session fresh = { .expires_us = 0 };
	enum rc rc;

	if (!f.ctx)
		return RC_NO_MEMORY;
	f.deadline_ms = good ? clock_ms() + clock_left_ms(deadline_ms) / 2 : deadline_ms;
	rc = c->source->fetch(&f, &fresh);
	if (!rc && fresh.expires_us <= clock_wall_us()) {
		key_fetch_fault(&f, "the keys have expired already: is this machine's clock right?");
		rc = RC_SNS_REFUSED;
	}
	if (rc) {
		back_off(c);
		if (rc != RC_NO_MEMORY)
			report_failure(c, &f, good);
	} else {
		replace(c, &fresh);
		report_success(c);
	}
	explicit_bzero(&fresh, sizeof fresh);
	talloc_free(f.ctx);
	c->transfer.body = (struct buf){ 0 };
	return rc;
}

/* A retry further away than any back-off is from before the clock was set back. */
static bool
is_backing_off(const struct credentials *c, int64_t now)
{
	return c->failures && now < c->retry_us && c->retry_us - now <= RETRY_CAP_US;
}

enum rc
credentials_get(struct credentials *c, int64_t deadline_ms, struct aws_keys *out)
{
	const struct config *config = c->config;
	int64_t now = clock_wall_us();
	bool good = c->session.expires_us > now;
	enum rc rc = RC_OK;

	if (config->aws_access_key_id) {
		*out = (struct aws_keys){
			.id = config->aws_access_key_id,
			.secret = config->aws_secret_access_key,
			.token = config->aws_session_token,
		};
		return RC_OK;
	}
	if (c->source && (!good || now >= c->refresh_us) && !is_backing_off(c, now))
		rc = refresh(c, deadline_ms, good);
	if (c->session.expires_us <= clock_wall_us())
		return rc ? rc : RC_SNS_REFUSED;
	*out = (struct aws_keys){ .id = c->session.id,
				  .secret = c->session.secret,
				  .token = c->session.token };
	return RC_OK;
}

void
credentials_refused(struct credentials *c)
{
	int64_t now = clock_wall_us(), soonest = c->fetched_us + REFUSED_US;

	if (soonest < now || soonest > now + REFUSED_US) /* the latter: the clock was set back */
		soonest = now;
	if (c->refresh_us > soonest)
		c->refresh_us = soonest;
}

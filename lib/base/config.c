#include "base/config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "base/setting.h"

#define DATABASE_S 25 /* that the calls of one request may take together, at worst */
#define FIELD(member) offsetof(struct config, member)

enum { REQUIRED = 1, EMPTY_COUNTS = 2 };

/* Of several settings for one field the last one that is set wins. */
static const struct setting {
	const char *name;
	setting_fn *parse;
	size_t offset;
	int flags;
	const char *fallback; /* used when it is unset, or empty without EMPTY_COUNTS */
	const char *wants;
} settings[] = {
	{ "DATABASE_URL", setting_database_url, FIELD(database_url), REQUIRED, NULL,
	  "a PostgreSQL URI: postgresql://user:password@host:port/database" },
	{ "SECRET_KEY", setting_secret, FIELD(secret_key), REQUIRED, NULL,
	  "the key that tokens are verified with, or @ and the path of a readable file with it" },
	{ "ALGORITHM", setting_algorithm, FIELD(algorithm), 0, "HS256",
	  "one of HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512" },
	{ "JWT_AUDIENCE", setting_text, FIELD(jwt_audience), 0, NULL, "the audience of tokens" },
	{ "JWT_ISSUER", setting_text, FIELD(jwt_issuer), 0, NULL, "the issuer of tokens" },
	{ "STAFF_ROLES", setting_list, FIELD(staff_roles), EMPTY_COUNTS, "admin",
	  "role names, separated by commas" },
	{ "OWNER_STATUS_UPDATES", setting_owner_updates, FIELD(owner_updates), 0, "all", "all or cancel" },
	{ "PRODUCT_SERVICE_URL", setting_http_url, FIELD(product_url), REQUIRED, NULL,
	  "an http:// or https:// URL" },
	{ "PRODUCT_SERVICE_TIMEOUT", setting_seconds, FIELD(product_timeout_ms), 0, "5",
	  "seconds, more than 0 and at most 3600, such as 5 or 2.5" },
	{ "PRODUCT_MAX_WORKERS", setting_int, FIELD(product_max_workers), 0, NULL,
	  "a number of workers, 0 for any (default: half of WORKERS)" },
	{ "AWS_REGION", setting_word, FIELD(aws_region), 0, "us-east-1", "a region's name" },
	{ "AWS_ENDPOINT_URL", setting_http_url, FIELD(aws_url), 0, NULL, "an http:// or https:// URL" },
	{ "AWS_ENDPOINT_URL_SNS", setting_http_url, FIELD(sns_url), 0, NULL, "an http:// or https:// URL" },
	{ "AWS_ENDPOINT_URL_STS", setting_http_url, FIELD(sts_url), 0, NULL, "an http:// or https:// URL" },
	{ "AWS_ACCESS_KEY_ID", setting_word, FIELD(aws_access_key_id), 0, NULL, "an access key id" },
	{ "AWS_SECRET_ACCESS_KEY", setting_word, FIELD(aws_secret_access_key), 0, NULL,
	  "a secret access key" },
	{ "AWS_SESSION_TOKEN", setting_word, FIELD(aws_session_token), 0, NULL, "a session token" },
	{ "AWS_ROLE_ARN", setting_role_arn, FIELD(role_arn), 0, NULL, "arn:aws:iam::account:role/name" },
	{ "AWS_ROLE_SESSION_NAME", setting_session_name, FIELD(role_session_name), 0, "orders.fcgi",
	  "2 to 64 letters, digits and _+=,.@-" },
	{ "AWS_WEB_IDENTITY_TOKEN_FILE", setting_text, FIELD(web_identity_token_file), 0, NULL,
	  "the path of a file with a token" },
	{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", setting_container_url, FIELD(container_url), 0, NULL,
	  "an https:// URL, or an http:// one to loopback, " SETTING_CONTAINER_HOST
	  ", 169.254.170.23 or [fd00:ec2::23]" },
	{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", setting_container_path, FIELD(container_url), 0, NULL,
	  "a path that begins with /" },
	{ "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", setting_text, FIELD(container_token_file), 0, NULL,
	  "the path of a file with a token" },
	{ "AWS_CONTAINER_AUTHORIZATION_TOKEN", setting_field_value, FIELD(container_token), 0, NULL,
	  "printable ASCII" },
	{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", setting_imds_mode, FIELD(imds_url), 0, "IPv4",
	  "IPv4 or IPv6" },
	{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", setting_http_url, FIELD(imds_url), 0, NULL,
	  "an http:// or https:// URL" },
	{ "AWS_EC2_METADATA_DISABLED", setting_disabled, FIELD(imds_url), 0, "false", "true or false" },
	{ "SNS_TOPIC_NAME", setting_topic_name, FIELD(topic_name), 0, NULL,
	  "up to 256 letters, digits, - and _, for a FIFO topic with .fifo behind them" },
	{ "SNS_TOPIC_ARN", setting_topic_arn, FIELD(topic_arn), 0, NULL, "arn:aws:sns:region:account:name" },
	{ "LOG_LEVEL", setting_log_level, FIELD(log_level), 0, "info", "one of debug, info, warn, error" },
	{ "WORKER_DEADLINE", setting_int, FIELD(deadline_s), 0, NULL, "seconds, 0 for no limit" },
	{ "WORKER_MAX_REQUESTS", setting_int, FIELD(max_requests), 0, "0",
	  "a number of requests, 0 for no limit" },
	{ "WORKER_MAX_RSS_MB", setting_int, FIELD(max_rss_mb), 0, "0", "MiB, 0 for no limit" },
	{ "WORKERS", setting_int, FIELD(workers), 0, "0", "the number of workers in the pool" },
	{ "POOL_FILE", setting_text, FIELD(pool_file), 0, NULL,
	  "the path of a file that the pool's workers share" },
};

static bool
apply(const struct setting_target *l, const struct setting *s, const char *value)
{
	void *field = (char *)l->c + s->offset;

	if (!value || (!*value && !(s->flags & EMPTY_COUNTS)))
		value = s->fallback;
	return value ? s->parse(l, value, field) : !(s->flags & REQUIRED);
}

static bool
is_set(char *(*get)(const char *), const char *name)
{
	const char *value = get(name);

	return value && *value;
}

/* What one setting alone cannot tell: a line for each fault among several. Goes by what is set: a value that is
 * wrong has its own line. */
static const char *
check_together(const struct config *c, char *(*get)(const char *), size_t i)
{
	const struct {
		bool wrong;
		const char *line;
	} rules[] = {
		{ !is_set(get, "SNS_TOPIC_NAME") && !is_set(get, "SNS_TOPIC_ARN"),
		  "SNS_TOPIC_NAME or SNS_TOPIC_ARN: one of them is required" },
		{ is_set(get, "AWS_ACCESS_KEY_ID") != is_set(get, "AWS_SECRET_ACCESS_KEY"),
		  "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set both or neither" },
		{ is_set(get, "AWS_SESSION_TOKEN") && !is_set(get, "AWS_ACCESS_KEY_ID"),
		  "AWS_SESSION_TOKEN: wants AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY beside it" },
		{ is_set(get, "AWS_WEB_IDENTITY_TOKEN_FILE") && !is_set(get, "AWS_ROLE_ARN"),
		  "AWS_WEB_IDENTITY_TOKEN_FILE: wants AWS_ROLE_ARN beside it" },
		{ c->deadline_s > 0 && c->deadline_s * INT64_C(1000) <= c->product_timeout_ms,
		  "WORKER_DEADLINE: wants to be longer than PRODUCT_SERVICE_TIMEOUT, 0 for no limit" },
	};

	if (i >= sizeof rules / sizeof *rules)
		return NULL;
	return rules[i].wrong ? rules[i].line : "";
}

/* The domain of a region's services. */
static const char *
domain_of(const char *region)
{
	static const struct {
		const char *begin, *domain;
	} partitions[] = {
		{ "cn-", "amazonaws.com.cn" },	  { "eusc-", "amazonaws.eu" },
		{ "us-iso-", "c2s.ic.gov" },	  { "us-isob-", "sc2s.sgov.gov" },
		{ "us-isof-", "csp.hci.ic.gov" }, { "eu-isoe-", "cloud.adc-e.uk" },
	};

	for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++)
		if (strncmp(region, partitions[i].begin, strlen(partitions[i].begin)) == 0)
			return partitions[i].domain;
	return "amazonaws.com";
}

/* Where a service is, unless its own setting says so. */
static bool
default_endpoint(const struct setting_target *l, const char *service, const char **url)
{
	const struct config *c = l->c;

	if (!*url && !(*url = c->aws_url))
		*url = talloc_asprintf(l->ctx, "https://%s.%s.%s", service, c->aws_region,
				       domain_of(c->aws_region));
	return *url != NULL;
}

enum rc
config_load(void *ctx, char *(*get)(const char *), struct config *c, config_fault_fn *fault, void *arg)
{
	struct config loaded = { .product_max_workers = -1, .deadline_s = -1 };
	const struct setting_target l = { .ctx = ctx, .c = &loaded };
	const char *line;
	int faults = 0;

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		const struct setting *s = &settings[i];
		char text[256];

		if (apply(&l, s, get(s->name)))
			continue;
		(void)snprintf(text, sizeof text, "%s: wants %s", s->name, s->wants);
		fault(arg, text);
		faults++;
	}
	for (size_t i = 0; (line = check_together(&loaded, get, i)); i++)
		if (*line) {
			fault(arg, line);
			faults++;
		}
	if (faults)
		return RC_INVALID;
	if (loaded.product_max_workers < 0)
		loaded.product_max_workers = config_half_pool(&loaded);
	if (loaded.deadline_s < 0)
		loaded.deadline_s = loaded.product_timeout_ms / 1000 + DATABASE_S;
	if (!default_endpoint(&l, "sns", &loaded.sns_url) || !default_endpoint(&l, "sts", &loaded.sts_url))
		return RC_NO_MEMORY;
	*c = loaded;
	return RC_OK;
}

bool
config_is_hmac(const struct config *c)
{
	return c->algorithm[0] == 'H';
}

int
config_half_pool(const struct config *c)
{
	return c->workers > 1 ? c->workers / 2 : c->workers;
}

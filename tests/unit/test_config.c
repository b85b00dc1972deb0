/* The settings. */
#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "context.h"
#include "table.h"

#define ENV_MAX 30
#define LINES_MAX 40

struct var {
	const char *name, *value;
};

/* What every worker needs. */
static const struct var least[] = {
	{ "DATABASE_URL", "postgresql://db/orders" },
	{ "SECRET_KEY", "0123456789abcdef" },
	{ "PRODUCT_SERVICE_URL", "http://products:8001" },
	{ "SNS_TOPIC_NAME", "order-events" },
};

static struct var env[ENV_MAX];
static char lines[LINES_MAX][300];
static size_t n_lines;

static void
set_up(void)
{
	open_ctx();
	memcpy(env, least, sizeof least);
}

static char *
get(const char *name)
{
	for (size_t i = 0; i < ENV_MAX; i++)
		if (env[i].name && strcmp(env[i].name, name) == 0)
			return (char *)(uintptr_t)env[i].value;
	return NULL;
}

/* A NULL value unsets. */
static void
set(const char *name, const char *value)
{
	size_t i = 0;

	while (env[i].name && strcmp(env[i].name, name) != 0)
		i++;
	cr_assert_lt(i, ENV_MAX);
	env[i] = (struct var){ name, value };
}

static void
keep_line(void *arg, const char *line)
{
	cr_assert_eq(arg, lines);
	cr_assert_lt(n_lines, LINES_MAX);
	(void)snprintf(lines[n_lines++], sizeof lines[0], "%s", line);
}

static enum rc
load(struct config *c)
{
	n_lines = 0;
	return config_load(ctx, get, c, keep_line, lines);
}

TestSuite(config, .init = set_up, .fini = close_ctx);

Test(config, needs_little_and_has_the_contracts_defaults)
{
	struct config c;

	cr_assert_eq(load(&c), RC_OK);
	cr_expect_eq(n_lines, 0);
	cr_expect_str_eq(c.database_url, "postgresql://db/orders");
	cr_expect_str_eq(c.secret_key, "0123456789abcdef");
	cr_expect_eq(c.secret_key_len, 16);
	cr_expect_str_eq(c.algorithm, "HS256");
	cr_expect_null(c.jwt_audience);
	cr_expect_null(c.jwt_issuer);
	cr_expect_str_eq(c.staff_roles[0], "admin");
	cr_expect_null(c.staff_roles[1]);
	cr_expect_eq(c.owner_updates, OWNER_UPDATES_ALL);
	cr_expect_str_eq(c.product_url, "http://products:8001");
	cr_expect_eq(c.product_timeout_ms, 5000);
	cr_expect_eq(c.product_max_workers, 0);
	cr_expect_str_eq(c.aws_region, "us-east-1");
	cr_expect_str_eq(c.sns_url, "https://sns.us-east-1.amazonaws.com");
	cr_expect_null(c.aws_access_key_id);
	cr_expect_null(c.aws_secret_access_key);
	cr_expect_null(c.aws_session_token);
	cr_expect_str_eq(c.topic_name, "order-events");
	cr_expect_null(c.topic_arn);
	cr_expect_eq(c.log_level, LOG_INFO);
	cr_expect_eq(c.max_requests, 0);
	cr_expect_eq(c.max_rss_mb, 0);
	cr_expect_eq(c.workers, 0);
	cr_expect_null(c.pool_file);
	cr_expect(config_is_hmac(&c));
}

Test(config, takes_an_empty_value_for_none)
{
	static const char *const names[] = {
		"ALGORITHM",
		"JWT_AUDIENCE",
		"JWT_ISSUER",
		"OWNER_STATUS_UPDATES",
		"PRODUCT_SERVICE_TIMEOUT",
		"PRODUCT_MAX_WORKERS",
		"AWS_REGION",
		"AWS_ENDPOINT_URL",
		"AWS_ENDPOINT_URL_SNS",
		"AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN",
		"SNS_TOPIC_ARN",
		"LOG_LEVEL",
		"WORKER_MAX_REQUESTS",
		"WORKER_MAX_RSS_MB",
		"WORKERS",
		"POOL_FILE",
	};
	struct config c;

	for (size_t i = 0; i < ROWS(names); i++)
		set(names[i], "");
	cr_assert_eq(load(&c), RC_OK, "%s", lines[0]);
	cr_expect_str_eq(c.algorithm, "HS256");
	cr_expect_null(c.jwt_audience);
	cr_expect_null(c.aws_access_key_id);
	cr_expect_null(c.topic_arn);
	cr_expect_eq(c.product_timeout_ms, 5000);
	cr_expect_str_eq(c.sns_url, "https://sns.us-east-1.amazonaws.com");
}

Test(config, reads_every_setting)
{
	struct config c;

	set("JWT_AUDIENCE", "orders api");
	set("JWT_ISSUER", "https://issuer/");
	set("AWS_REGION", "eu-central-1");
	set("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
	set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
	set("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
	set("AWS_SESSION_TOKEN", "token==");
	set("SNS_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:orders");
	set("WORKER_MAX_REQUESTS", "100000");
	set("WORKER_MAX_RSS_MB", "64");
	set("POOL_FILE", "/run/orders/pool");
	cr_assert_eq(load(&c), RC_OK, "%s", lines[0]);
	cr_expect_str_eq(c.jwt_audience, "orders api");
	cr_expect_str_eq(c.jwt_issuer, "https://issuer/");
	cr_expect_str_eq(c.aws_region, "eu-central-1");
	cr_expect_str_eq(c.sns_url, "http://127.0.0.1:4566");
	cr_expect_str_eq(c.aws_access_key_id, "AKIDEXAMPLE");
	cr_expect_str_eq(c.aws_secret_access_key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
	cr_expect_str_eq(c.aws_session_token, "token==");
	cr_expect_str_eq(c.topic_arn, "arn:aws:sns:eu-central-1:123456789012:orders");
	cr_expect_str_eq(c.topic_name, "order-events");
	cr_expect_eq(c.max_requests, 100000);
	cr_expect_eq(c.max_rss_mb, 64);
	cr_expect_str_eq(c.pool_file, "/run/orders/pool");
}

struct row {
	const char *name, *value;
	bool good;
	const char *why;
};

/* Each value alone beside the least of settings: taken, or refused with one line that begins with its name. */
static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		size_t name = strlen(r->name);
		struct config c;
		enum rc rc;

		memset(env, 0, sizeof env);
		memcpy(env, least, sizeof least);
		set(r->name, r->value);
		rc = load(&c);
		cr_expect(rc == (r->good ? RC_OK : RC_INVALID), "%s=%s: %s: rc %d, %s", r->name, r->value,
			  r->why, rc, n_lines ? lines[0] : "no line");
		cr_expect(n_lines == (r->good ? 0 : 1), "%s=%s: %s: %zu lines", r->name, r->value, r->why,
			  n_lines);
		if (!r->good && n_lines)
			cr_expect(strncmp(lines[0], r->name, name) == 0 &&
					  strncmp(lines[0] + name, ": wants ", 8) == 0,
				  "%s", lines[0]);
	}
}

Test(config, takes_what_fits_and_refuses_the_rest_with_one_line)
{
	static const struct row rows[] = {
		{ "DATABASE_URL", "postgres://db/orders", true, "the short scheme" },
		{ "DATABASE_URL", "mysql://db/orders", false, "another database" },
		{ "DATABASE_URL", "postgresql+psycopg2://db/orders", false,
		  "a driver that the contract does not name" },
		{ "DATABASE_URL", "host=db", false, "no URI" },
		{ "DATABASE_URL", "postgresql://db/or ders", false, "a blank" },
		{ "DATABASE_URL", "", false, "required" },
		{ "DATABASE_URL", NULL, false, "required" },
		{ "SECRET_KEY", "", false, "required: an empty key forges" },
		{ "SECRET_KEY", NULL, false, "required" },
		{ "SECRET_KEY", "@/nonexistent/key", false, "no file" },
		{ "SECRET_KEY", "@", false, "no path" },
		{ "SECRET_KEY", "@/tmp", false, "a folder" },
		{ "SECRET_KEY", "@/dev/null", false, "an empty file" },
		{ "SECRET_KEY", "@/dev/zero", false, "a file without end" },
		{ "SECRET_KEY", " with blanks ", true, "bytes as they are" },
		{ "ALGORITHM", "HS256", true, "" },
		{ "ALGORITHM", "HS384", true, "" },
		{ "ALGORITHM", "HS512", true, "" },
		{ "ALGORITHM", "RS256", true, "" },
		{ "ALGORITHM", "RS384", true, "" },
		{ "ALGORITHM", "RS512", true, "" },
		{ "ALGORITHM", "ES256", true, "" },
		{ "ALGORITHM", "ES384", true, "" },
		{ "ALGORITHM", "ES512", true, "" },
		{ "ALGORITHM", "none", false, "never" },
		{ "ALGORITHM", "hs256", false, "another spelling" },
		{ "ALGORITHM", "PS256", false, "libjwt has none" },
		{ "ALGORITHM", "HS256 ", false, "a blank" },
		{ "OWNER_STATUS_UPDATES", "all", true, "" },
		{ "OWNER_STATUS_UPDATES", "cancel", true, "" },
		{ "OWNER_STATUS_UPDATES", "none", false, "" },
		{ "PRODUCT_SERVICE_URL", "https://[::1]:8001/base", true, "an address, a path" },
		{ "PRODUCT_SERVICE_URL", NULL, false, "required" },
		{ "PRODUCT_SERVICE_URL", "products:8001", false, "no scheme" },
		{ "PRODUCT_SERVICE_URL", "ftp://products", false, "another scheme" },
		{ "PRODUCT_SERVICE_URL", "HTTP://products", false, "as curl is told its protocols" },
		{ "PRODUCT_SERVICE_URL", "http://", false, "no authority" },
		{ "PRODUCT_SERVICE_URL", "http:///", false, "no authority" },
		{ "PRODUCT_SERVICE_URL", "http:///path", false, "no authority" },
		{ "PRODUCT_SERVICE_URL", "http://:8001", false, "no host" },
		{ "PRODUCT_SERVICE_URL", "http://a?b=c", false, "a query" },
		{ "PRODUCT_SERVICE_URL", "http://a#b", false, "a fragment" },
		{ "PRODUCT_SERVICE_URL", "http://a b", false, "a blank" },
		{ "PRODUCT_SERVICE_URL", "http://a\r\nX: y", false, "a line feed" },
		{ "PRODUCT_SERVICE_TIMEOUT", "3600", true, "an hour" },
		{ "PRODUCT_SERVICE_TIMEOUT", "3600.001", false, "more" },
		{ "PRODUCT_SERVICE_TIMEOUT", "99999999999999999999", false, "much more" },
		{ "PRODUCT_SERVICE_TIMEOUT", "0", false, "nothing" },
		{ "PRODUCT_SERVICE_TIMEOUT", "0.0004", false, "below a millisecond" },
		{ "PRODUCT_SERVICE_TIMEOUT", "-1", false, "negative" },
		{ "PRODUCT_SERVICE_TIMEOUT", ".5", false, "no digit before the point" },
		{ "PRODUCT_SERVICE_TIMEOUT", "5s", false, "a unit" },
		{ "PRODUCT_SERVICE_TIMEOUT", "1.2.3", false, "two points" },
		{ "PRODUCT_SERVICE_TIMEOUT", "1e1", false, "an exponent" },
		{ "PRODUCT_SERVICE_TIMEOUT", " 5", false, "a blank" },
		{ "PRODUCT_MAX_WORKERS", "0", true, "any number" },
		{ "PRODUCT_MAX_WORKERS", "2147483647", true, "the greatest" },
		{ "PRODUCT_MAX_WORKERS", "2147483648", false, "one more" },
		{ "PRODUCT_MAX_WORKERS", "99999999999999999999", false, "beyond a long" },
		{ "PRODUCT_MAX_WORKERS", "-1", false, "negative" },
		{ "PRODUCT_MAX_WORKERS", "+1", false, "a sign" },
		{ "PRODUCT_MAX_WORKERS", " 1", false, "a blank" },
		{ "PRODUCT_MAX_WORKERS", "1 ", false, "a blank" },
		{ "PRODUCT_MAX_WORKERS", "0x10", false, "hex" },
		{ "AWS_REGION", "eu central", false, "a blank" },
		{ "AWS_ENDPOINT_URL", "localhost:4566", false, "no scheme" },
		{ "AWS_ENDPOINT_URL_SNS", "sns", false, "no URL" },
		{ "SNS_TOPIC_NAME", "a-b_C9", true, "" },
		{ "SNS_TOPIC_NAME", "orders.fifo", true, "a FIFO topic" },
		{ "SNS_TOPIC_NAME", "or.ders", false, "a point" },
		{ "SNS_TOPIC_NAME", "orders.fifo.fifo", false, "twice" },
		{ "SNS_TOPIC_NAME", "orders.fifox", false, "nearly" },
		{ "SNS_TOPIC_NAME", ".fifo", false, "nothing in front of it" },
		{ "SNS_TOPIC_NAME", "or ders", false, "a blank" },
		{ "SNS_TOPIC_NAME", "caf\xc3\xa9", false, "not ASCII" },
		{ "SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:orders.fifo", true, "" },
		{ "SNS_TOPIC_ARN", "arn:aws-cn:sns:cn-north-1:123456789012:orders", true,
		  "another partition" },
		{ "SNS_TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:orders", false, "a queue" },
		{ "SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:orders:uuid", false,
		  "a subscription" },
		{ "SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:", false, "no name" },
		{ "SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:12345 6789012:orders", false, "a blank" },
		{ "SNS_TOPIC_ARN", "orders", false, "a name" },
		{ "LOG_LEVEL", "debug", true, "" },
		{ "LOG_LEVEL", "INFO", false, "capitals" },
		{ "LOG_LEVEL", "warning", false, "another word" },
		{ "AWS_ENDPOINT_URL_STS", "sts", false, "no URL" },
		{ "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/orders", true, "" },
		{ "AWS_ROLE_ARN", "orders", false, "a name" },
		{ "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/or ders", false, "a blank" },
		{ "AWS_ROLE_SESSION_NAME", "a_+=,.@-Z9", true, "all that AWS takes" },
		{ "AWS_ROLE_SESSION_NAME", "x", false, "too short" },
		{ "AWS_ROLE_SESSION_NAME", "or ders", false, "a blank" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://example.com/keys?a=b", true,
		  "TLS to anywhere" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:51679/keys", true, "loopback" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.8.9.1/", true, "all of it" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/", true, "by name" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1]:80/", true, "in IPv6" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.2/keys", true, "ECS" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/keys", true, "EKS" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::23]/keys", true, "EKS in IPv6" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/keys", false,
		  "in the clear to anywhere" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.169.254/keys", false,
		  "another agent" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost.example.com/", false,
		  "a name that begins so" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1.example.com/", false,
		  "a name that begins so" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1@example.com/", false,
		  "a user's name" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:80@example.com/", false,
		  "and password" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1\\@example.com/", false,
		  "a backslash" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.1/", false, "a short form" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://2130706433/", false, "a number" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::ffff:8.8.8.8]/", false, "IPv4 in IPv6" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1/", false, "no end" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://", false, "no host" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "ftp://127.0.0.1/", false, "another scheme" },
		{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", true, "" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://keys.example:8443", true, "a port" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost:1234/x", true, "with a port" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1]", true, "without a path" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2:0:0::23]", true,
		  "EKS, written otherwise" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1?query", true, "a query alone" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.3/", false, "next to ECS" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::24]/", false, "next to EKS" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1]x/", false, "more than an address" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[]/", false, "an empty one" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[127.0.0.1]/", false, "IPv4 in brackets" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1#@keys.example/", false,
		  "a fragment" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://0x7f000001/", false, "hex" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:80x/", false,
		  "a port that is none" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://user@keys.example/", false,
		  "a user's name" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://", false, "no host" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http:", false, "no slashes" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "h", false, "hardly begun" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/a b", false, "a blank" },
		{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/\r\nX: y", false, "another field" },
		{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@keys.example/", false,
		  "what would make the address a user's name" },
		{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/1?x=2", true, "a query" },
		{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "v2", false, "no slash" },
		{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/a b", false, "a blank" },
		{ "AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc=", true, "" },
		{ "AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y", false, "another field" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6", true, "" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", false, "" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "imds", false, "no URL" },
		{ "AWS_EC2_METADATA_DISABLED", "TRUE", true, "" },
		{ "AWS_EC2_METADATA_DISABLED", "yes", false, "" },
		{ "WORKER_DEADLINE", "0", true, "for ever" },
		{ "WORKER_DEADLINE", "6", true, "longer than the Product Service may take" },
		{ "WORKER_DEADLINE", "5", false, "no longer" },
		{ "WORKER_DEADLINE", "30s", false, "a unit" },
		{ "WORKER_MAX_REQUESTS", "many", false, "no number" },
		{ "WORKER_MAX_RSS_MB", "64M", false, "a unit" },
		{ "WORKERS", "four", false, "no number" },
		{ "POOL_FILE", "/run/a pool", true, "a blank" },
	};

	check(rows, ROWS(rows));
}

Test(config, takes_topic_names_of_up_to_256_bytes)
{
	char name[258];
	struct config c;

	memset(name, 'x', 257);
	name[256] = '\0';
	set("SNS_TOPIC_NAME", name);
	cr_expect_eq(load(&c), RC_OK);
	name[256] = 'x';
	name[257] = '\0';
	cr_expect_eq(load(&c), RC_INVALID);
}

Test(config, reads_enums_in_order)
{
	static const struct {
		const char *value;
		int level;
	} levels[] = {
		{ "debug", LOG_DEBUG }, { "info", LOG_INFO }, { "warn", LOG_WARN }, { "error", LOG_ERROR }
	};
	struct config c;

	for (size_t i = 0; i < ROWS(levels); i++) {
		set("LOG_LEVEL", levels[i].value);
		cr_assert_eq(load(&c), RC_OK);
		expect_int(c.log_level, levels[i].level, levels[i].value);
	}
	set("OWNER_STATUS_UPDATES", "cancel");
	cr_assert_eq(load(&c), RC_OK);
	cr_expect_eq(c.owner_updates, OWNER_UPDATES_CANCEL);
	set("ALGORITHM", "ES256");
	cr_assert_eq(load(&c), RC_OK);
	cr_expect_not(config_is_hmac(&c));
}

Test(config, reads_seconds_down_to_the_millisecond)
{
	static const struct {
		const char *text;
		int ms;
	} rows[] = { { "5", 5000 },	  { "2.5", 2500 },    { "0.001", 1 },
		     { "0.25", 250 },	  { "1.2345", 1234 }, { "1.", 1000 },
		     { "3600", 3600000 }, { "007", 7000 },    { "3600.0004", 3600000 } };
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		set("PRODUCT_SERVICE_TIMEOUT", rows[i].text);
		cr_assert_eq(load(&c), RC_OK, "%s", rows[i].text);
		expect_int(c.product_timeout_ms, rows[i].ms, rows[i].text);
	}
}

Test(config, splits_staff_roles_at_commas)
{
	static const struct {
		const char *text;
		const char *roles[4];
		const char *why;
	} rows[] = {
		{ "admin", { "admin" }, "one" },
		{ "admin,desk", { "admin", "desk" }, "two" },
		{ " admin , order desk\t,x", { "admin", "order desk", "x" }, "blanks around, not inside" },
		{ ",admin,,", { "admin" }, "empty ones" },
		{ "", { NULL }, "empty: nobody is staff" },
		{ " , ", { NULL }, "nothing but blanks" },
		{ "a,b,c", { "a", "b", "c" }, "short ones" },
	};
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t j = 0;

		set("STAFF_ROLES", rows[i].text);
		cr_assert_eq(load(&c), RC_OK);
		for (; rows[i].roles[j]; j++) {
			cr_assert_not_null(c.staff_roles[j], "%s", rows[i].why);
			expect_text(c.staff_roles[j], rows[i].roles[j], rows[i].why);
		}
		cr_expect_null(c.staff_roles[j], "%s", rows[i].why);
	}
}

Test(config, drops_trailing_slashes_of_urls)
{
	static const struct {
		const char *text, *url;
	} rows[] = { { "http://p:1/", "http://p:1" },
		     { "http://p//", "http://p" },
		     { "https://p/a/b/", "https://p/a/b" } };
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		set("PRODUCT_SERVICE_URL", rows[i].text);
		set("AWS_ENDPOINT_URL", rows[i].text);
		cr_assert_eq(load(&c), RC_OK);
		expect_text(c.product_url, rows[i].url, rows[i].text);
		expect_text(c.sns_url, rows[i].url, rows[i].text);
	}
}

Test(config, finds_the_endpoint_of_sns)
{
	static const struct {
		const char *region, *all, *sns, *url, *why;
	} rows[] = {
		{ "eusc-de-east-1", NULL, NULL, "https://sns.eusc-de-east-1.amazonaws.eu",
		  "of Europe's own" },
		{ "us-iso-east-1", NULL, NULL, "https://sns.us-iso-east-1.c2s.ic.gov", "isolated" },
		{ "us-isob-east-1", NULL, NULL, "https://sns.us-isob-east-1.sc2s.sgov.gov", "isolated" },
		{ "us-isof-south-1", NULL, NULL, "https://sns.us-isof-south-1.csp.hci.ic.gov", "isolated" },
		{ "eu-isoe-west-1", NULL, NULL, "https://sns.eu-isoe-west-1.cloud.adc-e.uk", "isolated" },
		{ NULL, NULL, NULL, "https://sns.us-east-1.amazonaws.com", "real AWS" },
		{ "eu-west-3", NULL, NULL, "https://sns.eu-west-3.amazonaws.com", "of the region" },
		{ "cn-north-1", NULL, NULL, "https://sns.cn-north-1.amazonaws.com.cn", "of China" },
		{ "us-gov-west-1", NULL, NULL, "https://sns.us-gov-west-1.amazonaws.com",
		  "of the government" },
		{ NULL, "http://all:4566", NULL, "http://all:4566", "one for all services" },
		{ NULL, NULL, "http://sns:1", "http://sns:1", "its own" },
		{ NULL, "http://all:4566", "http://sns:1", "http://sns:1", "its own wins" },
		{ NULL, "http://all:4566", "", "http://all:4566", "an empty one does not" },
	};
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		set("AWS_REGION", rows[i].region);
		set("AWS_ENDPOINT_URL", rows[i].all);
		set("AWS_ENDPOINT_URL_SNS", rows[i].sns);
		cr_assert_eq(load(&c), RC_OK);
		expect_text(c.sns_url, rows[i].url, rows[i].why);
	}
}

Test(config, finds_the_endpoint_of_sts)
{
	static const struct {
		const char *region, *all, *sns, *sts, *url, *why;
	} rows[] = {
		{ NULL, NULL, NULL, NULL, "https://sts.us-east-1.amazonaws.com",
		  "of the region, not the global one" },
		{ "cn-north-1", NULL, NULL, NULL, "https://sts.cn-north-1.amazonaws.com.cn", "of China" },
		{ "us-gov-west-1", NULL, NULL, NULL, "https://sts.us-gov-west-1.amazonaws.com",
		  "of the government" },
		{ "eusc-de-east-1", NULL, NULL, NULL, "https://sts.eusc-de-east-1.amazonaws.eu",
		  "of Europe's own" },
		{ NULL, "http://all:4566", NULL, NULL, "http://all:4566", "one for all services" },
		{ NULL, NULL, NULL, "http://sts/", "http://sts", "its own" },
		{ NULL, "http://all:4566", NULL, "http://sts", "http://sts", "its own wins" },
		{ NULL, NULL, "http://sns", NULL, "https://sts.us-east-1.amazonaws.com",
		  "that of SNS is none" },
	};
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		set("AWS_REGION", rows[i].region);
		set("AWS_ENDPOINT_URL", rows[i].all);
		set("AWS_ENDPOINT_URL_SNS", rows[i].sns);
		set("AWS_ENDPOINT_URL_STS", rows[i].sts);
		cr_assert_eq(load(&c), RC_OK);
		expect_text(c.sts_url, rows[i].url, rows[i].why);
	}
}

Test(config, translates_other_drivers_database_urls)
{
	static const struct {
		const char *text, *url;
	} rows[] = {
		{ "postgresql://u:p@h:5432/d", "postgresql://u:p@h:5432/d" },
		{ "postgres://u:p@h/d", "postgresql://u:p@h/d" },
		{ "postgresql+asyncpg://u:p@h/d", "postgresql://u:p@h/d" },
		{ "postgresql+asyncpg://u:p@h/d?ssl=require", "postgresql://u:p@h/d?sslmode=require" },
		{ "postgresql+asyncpg://h/d?ssl=true", "postgresql://h/d?sslmode=require" },
		{ "postgresql+asyncpg://h/d?ssl=1", "postgresql://h/d?sslmode=require" },
		{ "postgresql+asyncpg://h/d?ssl=false", "postgresql://h/d?sslmode=disable" },
		{ "postgresql+asyncpg://h/d?ssl=verify-full&application_name=x",
		  "postgresql://h/d?sslmode=verify-full&application_name=x" },
		{ "postgresql+asyncpg://h/d?application_name=x&ssl=off&connect_timeout=3",
		  "postgresql://h/d?application_name=x&sslmode=disable&connect_timeout=3" },
		{ "postgresql://h/d?sslmode=prefer", "postgresql://h/d?sslmode=prefer" },
		{ "postgresql://ssl=x/d?nossl=1", "postgresql://ssl=x/d?nossl=1" },
		{ "postgresql://a,b:5433/d?target_session_attrs=primary",
		  "postgresql://a,b:5433/d?target_session_attrs=primary" },
		{ "postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql" },
	};
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		set("DATABASE_URL", rows[i].text);
		cr_assert_eq(load(&c), RC_OK, "%s", rows[i].text);
		expect_text(c.database_url, rows[i].url, rows[i].text);
	}
}

/* Writes data to a file whose "@path" it returns. */
static const char *
secret_file(const char *data, size_t len)
{
	static char at[] = "@/tmp/orders-key.XXXXXX";
	int fd;

	strcpy(at, "@/tmp/orders-key.XXXXXX");
	fd = mkstemp(at + 1);
	cr_assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	(void)close(fd);
	return at;
}

Test(config, reads_the_key_from_a_file_without_its_last_newline)
{
	static const struct {
		const char *data;
		size_t len, key_len;
		const char *why;
	} rows[] = {
		{ LITERAL("key"), 3, "none" },		 { LITERAL("key\n"), 3, "one" },
		{ LITERAL("key\n\n"), 4, "only one" },	 { LITERAL("ke\0y\n"), 4, "a NUL is a byte" },
		{ LITERAL("\n"), 0, "nothing remains" }, { LITERAL(" k "), 3, "blanks stay" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *at = secret_file(rows[i].data, rows[i].len);
		struct config c;
		enum rc rc;

		set("SECRET_KEY", at);
		rc = load(&c);
		(void)unlink(at + 1);
		expect_int(rc, rows[i].key_len ? RC_OK : RC_INVALID, rows[i].why);
		if (rc)
			continue;
		expect_int(c.secret_key_len, rows[i].key_len, rows[i].why);
		cr_expect(memcmp(c.secret_key, rows[i].data, rows[i].key_len) == 0, "%s", rows[i].why);
	}
}

Test(config, reads_a_key_file_of_64_kib_and_no_more)
{
	static char data[65538];

	for (size_t len = 65535; len <= 65537; len++) {
		const char *at;
		struct config c;
		enum rc rc;

		memset(data, 'k', len);
		at = secret_file(data, len);
		set("SECRET_KEY", at);
		rc = load(&c);
		(void)unlink(at + 1);
		expect_int(rc, len <= 65536 ? RC_OK : RC_INVALID, "length");
	}
}

Test(config, finds_where_aws_keys_come_from)
{
	static const struct {
		struct var vars[3];
		const char *container, *imds, *why;
	} rows[] = {
		{ { { NULL, NULL } }, NULL, "http://169.254.169.254", "the instance's own" },
		{ { { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6" } },
		  NULL,
		  "http://[fd00:ec2::254]",
		  "in IPv6" },
		{ { { "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/" } },
		  NULL,
		  "http://127.0.0.1:1338",
		  "elsewhere" },
		{ { { "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://a" },
		    { "AWS_EC2_METADATA_DISABLED", "true" } },
		  NULL,
		  NULL,
		  "nowhere" },
		{ { { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/x" } },
		  "http://localhost/x",
		  "http://169.254.169.254",
		  "a container's" },
		{ { { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/x" },
		    { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/y" } },
		  "http://169.254.170.2/y",
		  "http://169.254.169.254",
		  "the relative one wins, as in the SDKs" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;

		memset(env, 0, sizeof env);
		memcpy(env, least, sizeof least);
		for (const struct var *v = rows[i].vars; v->name; v++)
			set(v->name, v->value);
		cr_assert_eq(load(&c), RC_OK, "%s", lines[0]);
		expect_text(c.container_url ? c.container_url : "none",
			    rows[i].container ? rows[i].container : "none", rows[i].why);
		expect_text(c.imds_url ? c.imds_url : "none", rows[i].imds ? rows[i].imds : "none",
			    rows[i].why);
		expect_text(c.sts_url, "https://sts.us-east-1.amazonaws.com", rows[i].why);
		expect_text(c.role_session_name, "orders.fcgi", rows[i].why);
	}
}

Test(config, gives_a_worker_time_for_the_product_service_and_the_database)
{
	static const struct {
		const char *timeout, *deadline;
		int s;
	} rows[] = { { NULL, NULL, 30 },
		     { "3600", NULL, 3625 },
		     { "0.5", NULL, 25 },
		     { "5", "0", 0 },
		     { "5", "7", 7 } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;

		set("PRODUCT_SERVICE_TIMEOUT", rows[i].timeout);
		set("WORKER_DEADLINE", rows[i].deadline);
		cr_assert_eq(load(&c), RC_OK, "%s", lines[0]);
		expect_int(c.deadline_s, rows[i].s, "deadline");
	}
}

Test(config, lets_half_the_workers_wait_on_the_product_service)
{
	static const struct {
		const char *workers, *max;
		int result;
		const char *why;
	} rows[] = {
		{ NULL, NULL, 0, "a pool of unknown size" },
		{ "8", NULL, 4, "half" },
		{ "5", NULL, 2, "rounded down" },
		{ "1", NULL, 1, "a lone worker may" },
		{ "8", "3", 3, "as told" },
		{ "8", "0", 0, "any number" },
	};
	struct config c;

	for (size_t i = 0; i < ROWS(rows); i++) {
		set("WORKERS", rows[i].workers);
		set("PRODUCT_MAX_WORKERS", rows[i].max);
		cr_assert_eq(load(&c), RC_OK);
		expect_int(c.product_max_workers, rows[i].result, rows[i].why);
	}
}

Test(config, tells_what_settings_want_of_each_other)
{
	static const struct {
		struct var vars[3];
		const char *begin;
		const char *why;
	} rows[] = {
		{ { { "SNS_TOPIC_NAME", NULL } }, "SNS_TOPIC_NAME or SNS_TOPIC_ARN: ", "no topic" },
		{ { { "AWS_ACCESS_KEY_ID", "AKID" } },
		  "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: ",
		  "an id without a key" },
		{ { { "AWS_SECRET_ACCESS_KEY", "s3cr3t" } },
		  "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: ",
		  "a key without an id" },
		{ { { "AWS_WEB_IDENTITY_TOKEN_FILE", "/token" } },
		  "AWS_WEB_IDENTITY_TOKEN_FILE: ",
		  "a token for no role" },
		{ { { "AWS_SESSION_TOKEN", "t0ken" } }, "AWS_SESSION_TOKEN: ", "a session without keys" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;

		memset(env, 0, sizeof env);
		memcpy(env, least, sizeof least);
		for (const struct var *v = rows[i].vars; v->name; v++)
			set(v->name, v->value);
		expect_int(load(&c), RC_INVALID, rows[i].why);
		expect_int(n_lines, 1, rows[i].why);
		cr_expect(strncmp(lines[0], rows[i].begin, strlen(rows[i].begin)) == 0, "%s: %s", rows[i].why,
			  lines[0]);
	}
}

Test(config, says_one_fault_once)
{
	static const struct var wrong[] = { { "SNS_TOPIC_NAME", "not a name" },
					    { "AWS_ACCESS_KEY_ID", "not an id" },
					    { "AWS_SECRET_ACCESS_KEY", "not a key" } };
	struct config c;

	for (size_t i = 0; i < ROWS(wrong); i++)
		set(wrong[i].name, wrong[i].value);
	cr_expect_eq(load(&c), RC_INVALID);
	cr_expect_eq(n_lines, ROWS(wrong), "%zu lines, the last: %s", n_lines, lines[n_lines - 1]);
}

Test(config, tells_all_faults_at_once_and_no_value)
{
	static const struct var wrong[] = {
		{ "DATABASE_URL", "mysql://u:MARK@h/d" },
		{ "SECRET_KEY", "@/nonexistent/MARK" },
		{ "ALGORITHM", "MARK" },
		{ "OWNER_STATUS_UPDATES", "MARK" },
		{ "PRODUCT_SERVICE_URL", "MARK" },
		{ "PRODUCT_SERVICE_TIMEOUT", "MARK" },
		{ "PRODUCT_MAX_WORKERS", "MARK" },
		{ "AWS_REGION", "MARK MARK" },
		{ "AWS_ENDPOINT_URL", "MARK" },
		{ "AWS_ENDPOINT_URL_SNS", "MARK" },
		{ "AWS_ACCESS_KEY_ID", "MARK MARK" },
		{ "AWS_SECRET_ACCESS_KEY", "MARK MARK" },
		{ "AWS_SESSION_TOKEN", "MARK MARK" },
		{ "SNS_TOPIC_NAME", "MARK MARK" },
		{ "SNS_TOPIC_ARN", "MARK" },
		{ "LOG_LEVEL", "MARK" },
		{ "WORKER_MAX_REQUESTS", "MARK" },
		{ "WORKER_MAX_RSS_MB", "MARK" },
		{ "WORKERS", "MARK" },
	};
	struct config c;

	for (size_t i = 0; i < ROWS(wrong); i++)
		set(wrong[i].name, wrong[i].value);
	cr_expect_eq(load(&c), RC_INVALID);
	cr_expect_eq(n_lines, ROWS(wrong));
	for (size_t i = 0; i < ROWS(wrong); i++) {
		size_t said = 0;

		for (size_t j = 0; j < n_lines; j++) {
			size_t len = strlen(wrong[i].name);

			said += strncmp(lines[j], wrong[i].name, len) == 0 && lines[j][len] == ':';
			cr_expect_null(strstr(lines[j], "MARK"), "%s", lines[j]);
			cr_expect_null(strchr(lines[j], '\n'), "%s", lines[j]);
		}
		cr_expect_eq(said, 1, "%s: %zu lines", wrong[i].name, said);
	}
}

Test(config, without_memory_is_no_config)
{
	struct config c = { .workers = -7 };

	limit_memory(ctx, 16);
	cr_expect_neq(load(&c), RC_OK);
	cr_expect_eq(c.workers, -7, "nothing is written");
}

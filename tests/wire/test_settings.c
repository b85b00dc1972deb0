/* orders.fcgi -t and -V: every wrong setting in a line of its own, never with its value. */
#include <criterion/criterion.h>
#include <string.h>
#include <sysexits.h>

#include "support/expect.h"
#include "support/fastcgi.h"

static char **
environment(const char *a, const char *b, const char *c)
{
	return pool_environment(&(const struct pool_options){ .sns = 1,
							      .products = 1,
							      .settings = { a, b, a && b ? c : NULL } },
				&(const struct pool){ .dir = "/nowhere", .topic = "topic", .database = "d" });
}

static const char *const test_option[] = { "-t", NULL };

static int
lines(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

Test(settings, pass_the_test_when_they_are_good)
{
	struct ran r = worker_run(test_option, environment(NULL, NULL, NULL));

	cr_expect(r.status == 0 && !*r.out && !*r.err, "%d %s%s", r.status, r.out, r.err);
}

Test(settings, may_be_spelled_as_other_drivers_do)
{
	static const char *const good[] = {
		"DATABASE_URL=postgresql://u:p@h/d",
		"DATABASE_URL=postgresql+asyncpg://u:p@h:5432/d",
		"DATABASE_URL=postgresql+asyncpg://u:p@h/d?ssl=require",
		"DATABASE_URL=postgres://u:p@h/d?ssl=true&application_name=x",
		"DATABASE_URL=postgresql://u:p@h1:5432,h2:5433/d?target_session_attrs=read-write",
		"DATABASE_URL=postgresql:///d?host=/run/postgresql",
		"ALGORITHM=HS512",
		"ALGORITHM=",
		"STAFF_ROLES=",
		"OWNER_STATUS_UPDATES=cancel",
		"OWNER_STATUS_UPDATES=all",
		"PRODUCT_SERVICE_URL=http://products",
		"PRODUCT_SERVICE_URL=https://products.example:8443/api/",
		"PRODUCT_SERVICE_TIMEOUT=0.25",
		"PRODUCT_SERVICE_TIMEOUT=30",
		"AWS_REGION=eu-central-1",
		"AWS_ENDPOINT_URL=",
		"AWS_ENDPOINT_URL_SNS=https://vpce-1.sns.us-east-1.vpce.amazonaws.com",
		"SNS_TOPIC_NAME=a-topic_1.fifo",
		"SNS_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:orders",
		"SNS_TOPIC_ARN=arn:aws-cn:sns:cn-north-1:123456789012:orders.fifo",
		"LOG_LEVEL=debug",
		"WORKER_MAX_REQUESTS=1000",
		"WORKER_MAX_RSS_MB=64",
		"JWT_AUDIENCE=orders",
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct ran r = worker_run(test_option, environment(good[i], NULL, NULL));

		cr_expect(r.status == 0 && !*r.err, "%s: %d %s", good[i], r.status, r.err);
	}
}

Test(settings, are_named_when_they_are_wrong_and_their_values_are_not)
{
	static const struct {
		const char *setting, *named;
		const char *value; /* that must not be shown; NULL: any is fine */
	} rows[] = {
		{ "DATABASE_URL", "DATABASE_URL", NULL },
		{ "DATABASE_URL=", "DATABASE_URL", NULL },
		{ "DATABASE_URL=mysql://u:s3cret-pw@h/d", "DATABASE_URL", "s3cret-pw" },
		{ "DATABASE_URL=h/d", "DATABASE_URL", NULL },
		{ "DATABASE_URL=postgresql://u:s3cret-pw@h/d?no_such_option=1", "DATABASE_URL", "s3cret-pw" },
		{ "DATABASE_URL=postgresql://u:s3cret pw@h/d", "DATABASE_URL", "s3cret" },
		{ "SECRET_KEY", "SECRET_KEY", NULL },
		{ "SECRET_KEY=", "SECRET_KEY", NULL },
		{ "SECRET_KEY=@/no/such/file", "SECRET_KEY", NULL },
		{ "SECRET_KEY=@/dev/null", "SECRET_KEY", NULL },
		{ "SECRET_KEY=-----BEGIN PUBLIC KEY-----\nMIIBIjANBg\n-----END PUBLIC KEY-----\n",
		  "SECRET_KEY", "MIIBIjANBg" },
		{ "ALGORITHM=none", "ALGORITHM", NULL },
		{ "ALGORITHM=hs256", "ALGORITHM", NULL },
		{ "ALGORITHM=PS256", "ALGORITHM", NULL },
		{ "ALGORITHM=EdDSA", "ALGORITHM", NULL },
		{ "ALGORITHM=RS256", "SECRET_KEY", TEST_SECRET }, /* no PEM */
		{ "OWNER_STATUS_UPDATES=none", "OWNER_STATUS_UPDATES", NULL },
		{ "OWNER_STATUS_UPDATES=ALL", "OWNER_STATUS_UPDATES", NULL },
		{ "PRODUCT_SERVICE_URL", "PRODUCT_SERVICE_URL", NULL },
		{ "PRODUCT_SERVICE_URL=products:8001", "PRODUCT_SERVICE_URL", NULL },
		{ "PRODUCT_SERVICE_URL=ftp://products", "PRODUCT_SERVICE_URL", NULL },
		{ "PRODUCT_SERVICE_URL=http://", "PRODUCT_SERVICE_URL", NULL },
		{ "PRODUCT_SERVICE_URL=http://h/?x=1", "PRODUCT_SERVICE_URL", NULL },
		{ "PRODUCT_SERVICE_TIMEOUT=0", "PRODUCT_SERVICE_TIMEOUT", NULL },
		{ "PRODUCT_SERVICE_TIMEOUT=-1", "PRODUCT_SERVICE_TIMEOUT", NULL },
		{ "PRODUCT_SERVICE_TIMEOUT=5s", "PRODUCT_SERVICE_TIMEOUT", NULL },
		{ "PRODUCT_SERVICE_TIMEOUT=1,5", "PRODUCT_SERVICE_TIMEOUT", NULL },
		{ "PRODUCT_SERVICE_TIMEOUT=inf", "PRODUCT_SERVICE_TIMEOUT", NULL },
		{ "AWS_REGION=us east", "AWS_REGION", NULL },
		{ "AWS_ENDPOINT_URL=localhost:4566", "AWS_ENDPOINT_URL", NULL },
		{ "AWS_ENDPOINT_URL_SNS=x", "AWS_ENDPOINT_URL_SNS", NULL },
		{ "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID", "a-secret-access-key-of-tests" },
		{ "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AKIATESTACCESSKEY" },
		{ "SNS_TOPIC_NAME", "SNS_TOPIC_NAME", NULL },
		{ "SNS_TOPIC_NAME=with blank", "SNS_TOPIC_NAME", NULL },
		{ "SNS_TOPIC_NAME=x.fifo2", "SNS_TOPIC_NAME", NULL },
		{ "SNS_TOPIC_ARN=arn:aws:sqs:us-east-1:1:q", "SNS_TOPIC_ARN", NULL },
		{ "SNS_TOPIC_ARN=topic", "SNS_TOPIC_ARN", NULL },
		{ "LOG_LEVEL=verbose", "LOG_LEVEL", NULL },
		{ "WORKER_MAX_REQUESTS=-1", "WORKER_MAX_REQUESTS", NULL },
		{ "WORKER_MAX_REQUESTS=many", "WORKER_MAX_REQUESTS", NULL },
		{ "WORKER_MAX_RSS_MB=64M", "WORKER_MAX_RSS_MB", NULL },
		{ "WORKER_MAX_RSS_MB=99999999999", "WORKER_MAX_RSS_MB", NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ran r = worker_run(test_option, environment(rows[i].setting, NULL, NULL));

		cr_expect(r.status == EX_CONFIG, "%s: %d %s", rows[i].setting, r.status, r.err);
		cr_expect(lines(r.err) == 1 && strstr(r.err, rows[i].named), "%s: %s", rows[i].setting,
			  r.err);
		cr_expect(!*r.out, "%s", r.out);
		cr_expect(!rows[i].value || !strstr(r.err, rows[i].value), "%s shows its value: %s",
			  rows[i].setting, r.err);
	}
}

Test(settings, are_all_named_at_once)
{
	static const char *const named[] = { "DATABASE_URL",	    "SECRET_KEY", "ALGORITHM",
					     "PRODUCT_SERVICE_URL", "LOG_LEVEL",  "SNS_TOPIC_NAME" };
	struct pool_options o = { .sns = 1,
				  .products = 1,
				  .settings = { "DATABASE_URL=x", "SECRET_KEY", "ALGORITHM=none",
						"PRODUCT_SERVICE_URL=", "LOG_LEVEL=x", "SNS_TOPIC_NAME" } };
	char **env = pool_environment(
		&o, &(const struct pool){ .dir = "/nowhere", .topic = "topic", .database = "d" });
	struct ran r = worker_run(test_option, env);

	cr_expect(r.status == EX_CONFIG, "%d", r.status);
	cr_expect(lines(r.err) == 6, "%s", r.err);
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		cr_expect(strstr(r.err, named[i]) != NULL, "%s is not named: %s", named[i], r.err);
	r = worker_run(NULL, env); /* the start is refused in the same words */
	cr_expect(r.status == EX_CONFIG && lines(r.err) == 6, "%d %s", r.status, r.err);
}

Test(settings, want_a_key_that_fits_the_algorithm)
{
	struct key_pair rsa = key_pair_new("RSA"), p256 = key_pair_new("P-256"), p384 = key_pair_new("P-384");
	const struct {
		const char *algorithm, *key;
		bool good;
		const char *reason;
	} rows[] = {
		{ "RS256", rsa.public_pem, true, "RSA" },
		{ "RS512", rsa.public_pem, true, "RSA" },
		{ "ES256", p256.public_pem, true, "P-256" },
		{ "ES384", p384.public_pem, true, "P-384" },
		{ "RS256", p256.public_pem, false, "a curve for RSA" },
		{ "ES256", rsa.public_pem, false, "RSA for a curve" },
		{ "ES256", p384.public_pem, false, "another curve" },
		{ "ES384", p256.public_pem, false, "another curve" },
		{ "ES512", p384.public_pem, false, "another curve" },
		{ "HS256", rsa.public_pem, false, "a public key as a secret" },
		{ "RS256", "no PEM at all", false, "no PEM" },
		{ "RS256", text("%.100s", rsa.public_pem), false, "a PEM cut short" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ran r = worker_run(test_option, environment(text("ALGORITHM=%s", rows[i].algorithm),
								   text("SECRET_KEY=%s", rows[i].key), NULL));

		cr_expect(r.status == (rows[i].good ? 0 : EX_CONFIG), "%s with %s: %d %s", rows[i].algorithm,
			  rows[i].reason, r.status, r.err);
		cr_expect(rows[i].good ||
				  (lines(r.err) == 1 && strstr(r.err, "SECRET_KEY") && !strstr(r.err, "MI")),
			  "%s", r.err);
	}
}

Test(settings, tell_the_version)
{
	static const char *const version[] = { "-V", NULL }, *const unknown[] = { "-x", NULL },
				 *const more[] = { "-t", "more", NULL };
	struct ran r = worker_run(version, environment("DATABASE_URL", NULL, NULL));

	cr_expect(r.status == 0 && !differs(r.out, "orders.fcgi <int>.<int>.<int>\n") && !*r.err, "%d %s%s",
		  r.status, r.out, r.err);
	r = worker_run(unknown, environment(NULL, NULL, NULL));
	cr_expect(r.status == EX_USAGE && !*r.out && strstr(r.err, "usage:"), "%d %s%s", r.status, r.out,
		  r.err);
	r = worker_run(more, environment(NULL, NULL, NULL));
	cr_expect(r.status == EX_USAGE && !*r.out && strstr(r.err, "usage:"), "%d %s%s", r.status, r.out,
		  r.err);
}

/* Where AWS keys come from: each source, the order in which they count, and every way in which they fail. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/keys.h"

TestSuite(credentials, .init = keys_set_up, .fini = keys_tear_down, .timeout = 60);

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

		scene.config = (struct config){
			.aws_access_key_id = rows[i].environment ? "AKIAenv" : NULL,
			.aws_secret_access_key = rows[i].environment ? "secret/env" : NULL,
			.role_arn = "arn:aws:iam::123456789012:role/orders", /* alone: nothing */
			.role_session_name = "orders.fcgi",
			.web_identity_token_file = rows[i].web_identity ? scene.token_file : NULL,
			.sts_url = server_url(""),
			.container_url = rows[i].container ? server_url("/v1/credentials") : NULL,
			.imds_url = rows[i].instance ? server_url("") : NULL,
		};
		open_credentials();
		cr_expect_eq(get_keys(&keys), rows[i].asked ? RC_SNS_REFUSED : RC_OK, "row %zu", i);
		cr_expect_eq(strncmp(server_request(scene.server, 0), rows[i].asked ? rows[i].asked : "",
				     rows[i].asked ? strlen(rows[i].asked) : 1),
			     0, "row %zu: %s", i, server_request(scene.server, 0));
		expect_asked(rows[i].asked ? 1 : 0, "a source that fails does not lead on to the next");
	}
}

Test(credentials, of_the_environment_need_nobody)
{
	struct aws_keys keys;

	scene.config = (struct config){ .aws_access_key_id = "AKIAenv",
					.aws_secret_access_key = "secret/env" };
	open_credentials();
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(credentials_get(scene.credentials, clock_ms() - 1, &keys), RC_OK,
			     "they need no time");
		cr_expect_str_eq(keys.id, "AKIAenv");
		cr_expect_str_eq(keys.secret, "secret/env");
		cr_expect_null(keys.token);
		credentials_refused(scene.credentials);
	}
	scene.config.aws_session_token = "token";
	cr_expect_eq(get_keys(&keys), RC_OK);
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
	SAYS(scene.server, { TO("POST / ", 200, xml_keys("sts", NOW + 60 * MIN)) });
	open_credentials();
	expect_keys("sts", "STS");
	request = server_request(scene.server, 0);
	cr_expect_null(strstr(request, "Authorization"), "it is not signed");
	cr_expect_not_null(strstr(request, "Content-Type: application/x-www-form-urlencoded\r\n"));
	cr_expect_str_eq(strstr(request, "\r\n\r\n") + 4,
			 "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
			 "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Forders"
			 "&RoleSessionName=orders%40pod&WebIdentityToken=first.token%2F%2B");
	expect_asked(1, "STS");

	write_token("second.token");
	SAYS(scene.server, { TO("POST / ", 200, xml_keys("sts2", NOW + 180 * MIN)),
			     .needs = "WebIdentityToken=second.token" });
	clock_set_wall_us(NOW + 60 * MIN);
	expect_keys("sts2", "the file was rotated");
}

Test(credentials, of_a_web_identity_may_come_through_a_proxy)
{
	use_web_identity();
	(void)setenv("http_proxy", server_url(""), 1);
	scene.config.sts_url = "http://sts.example";
	SAYS(scene.server, { TO("POST http://sts.example/ ", 200, xml_keys("sts", NOW + 60 * MIN)) });
	open_credentials();
	expect_keys("sts", "a proxy stands between us and STS");
}

Test(credentials, of_a_container_come_from_its_agent)
{
	use_container();
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("pod", NOW + 60 * MIN)),
			     .needs = "\r\nAuthorization: first.token\r\n" });
	scene.config.container_token = "not this one";
	open_credentials();
	expect_keys("pod", "the file wins");
	expect_asked(1, "the agent");

	write_token("second.token\n");
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("pod2", NOW + 180 * MIN)),
			     .needs = "\r\nAuthorization: second.token\r\n" });
	clock_set_wall_us(NOW + 60 * MIN);
	expect_keys("pod2", "the file was rotated");
	expect_asked(1, "the agent");

	scene.config.container_token_file = NULL;
	scene.config.container_token = "Basic dXNlcjp4";
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("pod3", NOW + 60 * MIN)),
			     .needs = "\r\nAuthorization: Basic dXNlcjp4\r\n" });
	open_credentials();
	clock_set_wall_us(NOW);
	expect_keys("pod3", "a token that is set");
	expect_asked(1, "the agent");

	scene.config.container_token = NULL;
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("task", NOW + 60 * MIN)) });
	open_credentials();
	expect_keys("task", "ECS wants no token");
	cr_expect_null(strstr(server_request(scene.server, 0), "Authorization"));
}

Test(credentials, of_an_instance_come_by_imds_v2)
{
	use_instance();
	instance_has(json_keys("role", NOW + 360 * MIN));
	open_credentials();
	expect_keys("role", "the role's");
	cr_expect_eq(strncmp(server_request(scene.server, 0), "PUT ", 4), 0);
	cr_expect_not_null(strstr(server_request(scene.server, 0), "Content-Length: 0\r\n"));
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
		off_t before = lseek(scene.log, 0, SEEK_END);
		const char *log;

		replies[0].request = request;
		if (n_others)
			memcpy(replies + 1, others, n_others * sizeof *others);
		server_says(scene.server, replies);
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
	SAYS(scene.server, { TO("PUT /latest/api/token ", 200, "other-token") },
	     { TO("GET " ROLES " ", 200, "orders-role"), .needs = IMDS_FIELD });
	open_credentials();
	expect_keys(NULL, "the service refuses the token");
	cr_expect_not_null(strstr(logged(), "instance role: HTTP 401"));
	expect_asked(2, "token, role");
}

Test(credentials, of_a_token_file_that_is_none_fail)
{
	char *large = talloc_size(scene.ctx, 20002);
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
			off_t before = lseek(scene.log, 0, SEEK_END);

			if (rows[i].content)
				write_token(rows[i].content);
			else
				(void)unlink(scene.token_file);
			open_credentials();
			expect_keys(NULL, rows[i].error);
			cr_expect_not_null(strstr(logged() + before, rows[i].error), "%s", logged() + before);
			expect_asked(0, rows[i].error);
		}
	}
}

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
		SAYS(scene.server, { TO("", 200, keys), .act = rows[i].act });
		open_credentials();
		started = clock_ms();
		cr_expect_eq(credentials_get(scene.credentials, started + rows[i].deadline_ms, &out),
			     RC_SNS_REFUSED, "%s", rows[i].why);
		took = clock_ms() - started;
		cr_expect(took >= rows[i].least_ms && took <= rows[i].most_ms, "%s: %d ms", rows[i].why,
			  (int)took);
	}
}

Test(credentials, are_never_logged)
{
	static const char *const secrets[] = { "AKIA", "secret/", "token+", "first.token", "imds-token" };
	void (*const use[])(void) = { use_web_identity, use_container, use_instance };

	(void)unsetenv("http_proxy");
	for (size_t i = 0; i < ROWS(use); i++) {
		use[i]();
		instance_has(json_keys("a", NOW + 60 * MIN));
		server_says_too(scene.server, 3,
				&(const struct reply){ TO(i ? "GET /v1/" : "POST / ", 200,
							  i ? json_keys("a", NOW + 60 * MIN)
							    : xml_keys("a", NOW + 60 * MIN)) });
		open_credentials();
		expect_keys("a", "a source");
		SAYS(scene.server, { TO("", 200, "AKIAa secret/a token+a== first.token imds-token==") });
		clock_set_wall_us(NOW + 60 * MIN);
		expect_keys(NULL, "garbage");
		clock_set_wall_us(NOW);
	}
	cr_expect_not_null(strstr(logged(), "credentials.fetched"));
	cr_expect_not_null(strstr(logged(), "credentials.failed"));
	for (size_t i = 0; i < ROWS(secrets); i++)
		cr_expect_null(strstr(logged(), secrets[i]), "%s: %s", secrets[i], logged());
}

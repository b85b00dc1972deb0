#include "base/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>
#include <unistd.h>

#define SECRET_FILE_MAX 65536
#define CONTAINER_HOST "169.254.170.2"

struct load {
	void *ctx;
	struct config *c;
};

/* Reads value into field. False: it is not what the setting wants. */
typedef bool parse_fn(const struct load *l, const char *value, void *field);

static bool
is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127)
			return false;
	return true;
}

static bool
parse_text(const struct load *l, const char *value, void *field)
{
	const char **out = field;

	*out = talloc_strdup(l->ctx, value);
	return *out != NULL;
}

static bool
parse_word(const struct load *l, const char *value, void *field)
{
	return is_printable(value) && parse_text(l, value, field);
}

static bool
parse_int(const struct load *l, const char *value, void *field)
{
	long v;
	char *end;

	(void)l;
	errno = 0;
	v = strtol(value, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*value) || v > INT_MAX)
		return false;
	*(int *)field = (int)v;
	return true;
}

/* "5", "2.5": seconds, down to a millisecond and up to an hour. */
static bool
parse_seconds(const struct load *l, const char *value, void *field)
{
	int ms = 0, scale = 1000;
	const char *p = value;

	(void)l;
	for (; isdigit((unsigned char)*p); p++) {
		ms = ms * 10 + (*p - '0') * 1000;
		if (ms > 3600 * 1000)
			return false;
	}
	if (p != value && *p == '.')
		for (p++; isdigit((unsigned char)*p); p++)
			ms += (*p - '0') * (scale /= 10);
	*(int *)field = ms;
	return *p == '\0' && ms > 0 && ms <= 3600 * 1000;
}

static bool
parse_name(const char *value, const char *const *names, int *out)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(value, names[i]) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool
parse_log_level(const struct load *l, const char *value, void *field)
{
	static const char *const names[] = { "debug", "info", "warn", "error", NULL };

	(void)l;
	return parse_name(value, names, field);
}

static bool
parse_owner_updates(const struct load *l, const char *value, void *field)
{
	static const char *const names[] = { "all", "cancel", NULL };

	(void)l;
	return parse_name(value, names, field);
}

static bool
parse_algorithm(const struct load *l, const char *value, void *field)
{
	static const char *const names[] = { "HS256", "HS384", "HS512", "RS256", "RS384",
					     "RS512", "ES256", "ES384", "ES512", NULL };
	int i;

	return parse_name(value, names, &i) && parse_text(l, value, field);
}

static bool
parse_list(const struct load *l, const char *value, void *field)
{
	const char ***out = field;
	const char **items = talloc_zero_size(l->ctx, (strlen(value) / 2 + 2) * sizeof *items);
	size_t n = 0;

	while (items && *value) {
		size_t len = strcspn(value, ","), from = 0, to = len;

		while (from < to && isspace((unsigned char)value[from]))
			from++;
		while (to > from && isspace((unsigned char)value[to - 1]))
			to--;
		if (to > from && !(items[n++] = talloc_strndup(items, value + from, to - from)))
			return false;
		value += len + (value[len] == ',');
	}
	*out = items;
	return items != NULL;
}

/* http(s)://authority[/path], neither query nor fragment; without its trailing slashes. */
static bool
parse_http_url(const struct load *l, const char *value, void *field)
{
	const char **out = field;
	size_t len = strlen(value), scheme;

	scheme = strncmp(value, "http://", 7) == 0 ? 7 : strncmp(value, "https://", 8) == 0 ? 8 : 0;
	while (len > scheme && value[len - 1] == '/')
		len--;
	if (!scheme || strchr("/?#:", value[scheme]) || strpbrk(value, "?#") || !is_printable(value))
		return false;
	*out = talloc_strndup(l->ctx, value, len);
	return *out != NULL;
}

/* SQLAlchemy's and asyncpg's spellings of a libpq URI. */
static bool
parse_database_url(const struct load *l, const char *value, void *field)
{
	static const char *const schemes[] = { "postgresql+asyncpg://", "postgresql://",
					       "postgres://" };
	static const struct {
		const char *ssl, *sslmode;
	} modes[] = { { "true", "require" }, { "1", "require" }, { "on", "require" },
		      { "false", "disable" }, { "0", "disable" }, { "off", "disable" } };
	const char **out = field;
	const char *rest = NULL, *query, *ssl = NULL;
	size_t len;

	for (size_t i = 0; !rest && i < sizeof schemes / sizeof *schemes; i++)
		if (strncmp(value, schemes[i], strlen(schemes[i])) == 0)
			rest = value + strlen(schemes[i]);
	if (!rest || !is_printable(value))
		return false;
	query = strchr(rest, '?');
	for (const char *p = query; p && !ssl; p = strchr(p, '&'))
		if (strncmp(++p, "ssl=", 4) == 0)
			ssl = p;
	if (!ssl) {
		*out = talloc_asprintf(l->ctx, "postgresql://%s", rest);
		return *out != NULL;
	}
	len = strcspn(ssl + 4, "&");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strlen(modes[i].ssl) == len && strncmp(ssl + 4, modes[i].ssl, len) == 0) {
			*out = talloc_asprintf(l->ctx, "postgresql://%.*ssslmode=%s%s",
					       (int)(ssl - rest), rest, modes[i].sslmode,
					       ssl + 4 + len);
			return *out != NULL;
		}
	*out = talloc_asprintf(l->ctx, "postgresql://%.*ssslmode=%s", (int)(ssl - rest), rest,
			       ssl + 4);
	return *out != NULL;
}

static bool
read_file(void *ctx, const char *path, const char **out, size_t *out_len)
{
	char *data = talloc_array(ctx, char, SECRET_FILE_MAX + 1);
	int fd = data ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	size_t len = 0;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	while (len <= SECRET_FILE_MAX && (n = read(fd, data + len, SECRET_FILE_MAX + 1 - len)) > 0)
		len += (size_t)n;
	(void)close(fd);
	if (n != 0 || len > SECRET_FILE_MAX)
		return false;
	len -= len > 0 && data[len - 1] == '\n';
	data[len] = '\0';
	*out = data;
	*out_len = len;
	return len > 0;
}

static bool
parse_secret(const struct load *l, const char *value, void *field)
{
	if (*value == '@')
		return read_file(l->ctx, value + 1, field, &l->c->secret_key_len);
	l->c->secret_key_len = strlen(value);
	return parse_text(l, value, field);
}

static bool
parse_topic_name(const struct load *l, const char *value, void *field)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && !strchr("-_", value[i]) &&
		    (i == 0 || strcmp(value + i, ".fifo") != 0))
			return false;
		else if (value[i] == '.')
			break;
	return len <= 256 && parse_text(l, value, field);
}

/* arn:partition:sns:region:account:name */
static bool
parse_topic_arn(const struct load *l, const char *value, void *field)
{
	int colons = 0;

	for (const char *p = value; *p; p++)
		colons += *p == ':';
	return strncmp(value, "arn:aws", 7) == 0 && strstr(value, ":sns:") && colons == 5 &&
	       value[strlen(value) - 1] != ':' && parse_word(l, value, field);
}

static bool
parse_role_arn(const struct load *l, const char *value, void *field)
{
	return strncmp(value, "arn:", 4) == 0 && strlen(value) <= 2048 && parse_word(l, value, field);
}

/* https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
static bool
parse_session_name(const struct load *l, const char *value, void *field)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && !strchr("_+=,.@-", value[i]))
			return false;
	return len >= 2 && len <= 64 && parse_text(l, value, field);
}

/* What can stand behind the name of a header field. */
static bool
parse_field_value(const struct load *l, const char *value, void *field)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			return false;
	return parse_text(l, value, field);
}

/* host or host:port whose answers do not leave the machine: loopback, and the link-local addresses of the
 * agents of ECS and EKS. */
static bool
is_local_authority(const char *s, size_t len)
{
	char host[INET6_ADDRSTRLEN];
	bool v6 = *s == '[';
	size_t n = v6 ? strcspn(s, "]") + 1 : strcspn(s, ":/?"), from = v6, to = n - v6;
	struct in6_addr a6, eks6;
	struct in_addr a4;

	if (n > len || to - from >= sizeof host)
		return false;
	memcpy(host, s + from, to - from);
	host[to - from] = '\0';
	if (n < len && (s[n] != ':' || strspn(s + n + 1, "0123456789") != len - n - 1))
		return false;
	if (v6)
		return inet_pton(AF_INET6, host, &a6) == 1 && inet_pton(AF_INET6, "fd00:ec2::23", &eks6) == 1 &&
		       (IN6_IS_ADDR_LOOPBACK(&a6) || IN6_ARE_ADDR_EQUAL(&a6, &eks6));
	return strcmp(host, "localhost") == 0 || strcmp(host, CONTAINER_HOST) == 0 ||
	       strcmp(host, "169.254.170.23") == 0 ||
	       (inet_pton(AF_INET, host, &a4) == 1 && ntohl(a4.s_addr) >> 24 == 127);
}

/* AWS_CONTAINER_CREDENTIALS_FULL_URI: keys must not be asked for in the clear beyond this machine. */
static bool
parse_container_url(const struct load *l, const char *value, void *field)
{
	bool tls = strncmp(value, "https://", 8) == 0;
	const char *authority;
	size_t len;

	if (!tls && strncmp(value, "http://", 7) != 0)
		return false;
	authority = value + (tls ? 8 : 7);
	len = strcspn(authority, "/?#@\\");
	return len > 0 && strchr("/?", authority[len]) && !strchr(value, '#') && is_printable(value) &&
	       (tls || is_local_authority(authority, len)) && parse_text(l, value, field);
}

static bool
parse_container_path(const struct load *l, const char *value, void *field)
{
	const char **out = field;

	if (*value != '/' || strchr(value, '#') || !is_printable(value))
		return false;
	*out = talloc_asprintf(l->ctx, "http://" CONTAINER_HOST "%s", value);
	return *out != NULL;
}

static bool
parse_imds_mode(const struct load *l, const char *value, void *field)
{
	bool v6 = strcasecmp(value, "IPv6") == 0;

	return (v6 || strcasecmp(value, "IPv4") == 0) &&
	       parse_text(l, v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254", field);
}

/* "true" takes back what other settings have put into the field. */
static bool
parse_disabled(const struct load *l, const char *value, void *field)
{
	const char **out = field;
	bool disabled = strcasecmp(value, "true") == 0;

	(void)l;
	*out = disabled ? NULL : *out;
	return disabled || strcasecmp(value, "false") == 0;
}

#define FIELD(member) offsetof(struct config, member)

enum { REQUIRED = 1, EMPTY_COUNTS = 2 };

/* Of several settings for one field the last one that is set wins. */
static const struct setting {
	const char *name;
	parse_fn *parse;
	size_t offset;
	int flags;
	const char *fallback;	/* used when it is unset, or empty without EMPTY_COUNTS */
	const char *wants;
} settings[] = {
	{ "DATABASE_URL", parse_database_url, FIELD(database_url), REQUIRED, NULL,
	  "a PostgreSQL URI: postgresql://user:password@host:port/database" },
	{ "SECRET_KEY", parse_secret, FIELD(secret_key), REQUIRED, NULL,
	  "the key that tokens are verified with, or @ and the path of a readable file with it" },
	{ "ALGORITHM", parse_algorithm, FIELD(algorithm), 0, "HS256",
	  "one of HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512" },
	{ "JWT_AUDIENCE", parse_text, FIELD(jwt_audience), 0, NULL, "the audience of tokens" },
	{ "JWT_ISSUER", parse_text, FIELD(jwt_issuer), 0, NULL, "the issuer of tokens" },
	{ "STAFF_ROLES", parse_list, FIELD(staff_roles), EMPTY_COUNTS, "admin",
	  "role names, separated by commas" },
	{ "OWNER_STATUS_UPDATES", parse_owner_updates, FIELD(owner_updates), 0, "all",
	  "all or cancel" },
	{ "PRODUCT_SERVICE_URL", parse_http_url, FIELD(product_url), REQUIRED, NULL,
	  "an http:// or https:// URL" },
	{ "PRODUCT_SERVICE_TIMEOUT", parse_seconds, FIELD(product_timeout_ms), 0, "5",
	  "seconds, more than 0 and at most 3600, such as 5 or 2.5" },
	{ "PRODUCT_MAX_WORKERS", parse_int, FIELD(product_max_workers), 0, NULL,
	  "a number of workers, 0 for any (default: half of WORKERS)" },
	{ "AWS_REGION", parse_word, FIELD(aws_region), 0, "us-east-1", "a region's name" },
	{ "AWS_ENDPOINT_URL", parse_http_url, FIELD(aws_url), 0, NULL,
	  "an http:// or https:// URL" },
	{ "AWS_ENDPOINT_URL_SNS", parse_http_url, FIELD(sns_url), 0, NULL,
	  "an http:// or https:// URL" },
	{ "AWS_ENDPOINT_URL_STS", parse_http_url, FIELD(sts_url), 0, NULL,
	  "an http:// or https:// URL" },
	{ "AWS_ACCESS_KEY_ID", parse_word, FIELD(aws_access_key_id), 0, NULL, "an access key id" },
	{ "AWS_SECRET_ACCESS_KEY", parse_word, FIELD(aws_secret_access_key), 0, NULL,
	  "a secret access key" },
	{ "AWS_SESSION_TOKEN", parse_word, FIELD(aws_session_token), 0, NULL, "a session token" },
	{ "AWS_ROLE_ARN", parse_role_arn, FIELD(role_arn), 0, NULL, "arn:aws:iam::account:role/name" },
	{ "AWS_ROLE_SESSION_NAME", parse_session_name, FIELD(role_session_name), 0, "orders.fcgi",
	  "2 to 64 letters, digits and _+=,.@-" },
	{ "AWS_WEB_IDENTITY_TOKEN_FILE", parse_text, FIELD(web_identity_token_file), 0, NULL,
	  "the path of a file with a token" },
	{ "AWS_CONTAINER_CREDENTIALS_FULL_URI", parse_container_url, FIELD(container_url), 0, NULL,
	  "an https:// URL, or an http:// one to loopback, " CONTAINER_HOST
	  ", 169.254.170.23 or [fd00:ec2::23]" },
	{ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", parse_container_path, FIELD(container_url), 0, NULL,
	  "a path that begins with /" },
	{ "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", parse_text, FIELD(container_token_file), 0, NULL,
	  "the path of a file with a token" },
	{ "AWS_CONTAINER_AUTHORIZATION_TOKEN", parse_field_value, FIELD(container_token), 0, NULL,
	  "printable ASCII" },
	{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", parse_imds_mode, FIELD(imds_url), 0, "IPv4",
	  "IPv4 or IPv6" },
	{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", parse_http_url, FIELD(imds_url), 0, NULL,
	  "an http:// or https:// URL" },
	{ "AWS_EC2_METADATA_DISABLED", parse_disabled, FIELD(imds_url), 0, "false", "true or false" },
	{ "SNS_TOPIC_NAME", parse_topic_name, FIELD(topic_name), 0, NULL,
	  "up to 256 letters, digits, - and _, for a FIFO topic with .fifo behind them" },
	{ "SNS_TOPIC_ARN", parse_topic_arn, FIELD(topic_arn), 0, NULL,
	  "arn:aws:sns:region:account:name" },
	{ "LOG_LEVEL", parse_log_level, FIELD(log_level), 0, "info",
	  "one of debug, info, warn, error" },
	{ "WORKER_MAX_REQUESTS", parse_int, FIELD(max_requests), 0, "0",
	  "a number of requests, 0 for no limit" },
	{ "WORKER_MAX_RSS_MB", parse_int, FIELD(max_rss_mb), 0, "0", "MiB, 0 for no limit" },
	{ "WORKERS", parse_int, FIELD(workers), 0, "0", "the number of workers in the pool" },
	{ "POOL_FILE", parse_word, FIELD(pool_file), 0, NULL,
	  "the path of a file that the pool's workers share" },
};

static bool
apply(const struct load *l, const struct setting *s, const char *value)
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
check_together(char *(*get)(const char *), size_t i)
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
	};

	if (i >= sizeof rules / sizeof *rules)
		return NULL;
	return rules[i].wrong ? rules[i].line : "";
}

/* Where a service is, unless its own setting says so. */
static bool
default_endpoint(const struct load *l, const char *service, const char **url)
{
	const struct config *c = l->c;
	bool china = strncmp(c->aws_region, "cn-", 3) == 0;

	if (!*url && !(*url = c->aws_url))
		*url = talloc_asprintf(l->ctx, "https://%s.%s.amazonaws.com%s", service, c->aws_region,
				       china ? ".cn" : "");
	return *url != NULL;
}

enum rc
config_load(void *ctx, char *(*get)(const char *), struct config *c, config_fault_fn *fault,
	    void *arg)
{
	struct config loaded = { .product_max_workers = -1 };
	const struct load l = { .ctx = ctx, .c = &loaded };
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
	for (size_t i = 0; (line = check_together(get, i)); i++)
		if (*line) {
			fault(arg, line);
			faults++;
		}
	if (faults)
		return RC_INVALID;
	if (loaded.product_max_workers < 0)
		loaded.product_max_workers = loaded.workers > 1 ? loaded.workers / 2 : loaded.workers;
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

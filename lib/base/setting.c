#include "base/setting.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>
#include <unistd.h>

#define SECRET_FILE_MAX 65536
#define URL_MAX 1024

static bool
is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127)
			return false;
	return true;
}

bool
setting_text(const struct setting_target *l, const char *value, void *field)
{
	const char **out = field;

	*out = talloc_strdup(l->ctx, value);
	return *out != NULL;
}

bool
setting_word(const struct setting_target *l, const char *value, void *field)
{
	return is_printable(value) && setting_text(l, value, field);
}

bool
setting_int(const struct setting_target *l, const char *value, void *field)
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
bool
setting_seconds(const struct setting_target *l, const char *value, void *field)
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

bool
setting_log_level(const struct setting_target *l, const char *value, void *field)
{
	static const char *const names[] = { "debug", "info", "warn", "error", NULL };

	(void)l;
	return parse_name(value, names, field);
}

bool
setting_owner_updates(const struct setting_target *l, const char *value, void *field)
{
	static const char *const names[] = { "all", "cancel", NULL };

	(void)l;
	return parse_name(value, names, field);
}

bool
setting_algorithm(const struct setting_target *l, const char *value, void *field)
{
	static const char *const names[] = { "HS256", "HS384", "HS512", "RS256", "RS384",
					     "RS512", "ES256", "ES384", "ES512", NULL };
	int i;

	return parse_name(value, names, &i) && setting_text(l, value, field);
}

bool
setting_list(const struct setting_target *l, const char *value, void *field)
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
bool
setting_http_url(const struct setting_target *l, const char *value, void *field)
{
	const char **out = field;
	size_t len = strlen(value), scheme;

	scheme = strncmp(value, "http://", 7) == 0 ? 7 : strncmp(value, "https://", 8) == 0 ? 8 : 0;
	while (len > scheme && value[len - 1] == '/')
		len--;
	if (!scheme || len > URL_MAX || strchr("/?#:", value[scheme]) || strpbrk(value, "?#") ||
	    !is_printable(value))
		return false;
	*out = talloc_strndup(l->ctx, value, len);
	return *out != NULL;
}

/* SQLAlchemy's and asyncpg's spellings of a libpq URI. */
bool
setting_database_url(const struct setting_target *l, const char *value, void *field)
{
	static const char *const schemes[] = { "postgresql+asyncpg://", "postgresql://", "postgres://" };
	static const struct {
		const char *ssl, *sslmode;
	} modes[] = { { "true", "require" },  { "1", "require" }, { "on", "require" },
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
			*out = talloc_asprintf(l->ctx, "postgresql://%.*ssslmode=%s%s", (int)(ssl - rest),
					       rest, modes[i].sslmode, ssl + 4 + len);
			return *out != NULL;
		}
	*out = talloc_asprintf(l->ctx, "postgresql://%.*ssslmode=%s", (int)(ssl - rest), rest, ssl + 4);
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

bool
setting_secret(const struct setting_target *l, const char *value, void *field)
{
	if (*value == '@')
		return read_file(l->ctx, value + 1, field, &l->c->secret_key_len);
	l->c->secret_key_len = strlen(value);
	return setting_text(l, value, field);
}

bool
setting_topic_name(const struct setting_target *l, const char *value, void *field)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && !strchr("-_", value[i]) &&
		    (i == 0 || strcmp(value + i, ".fifo") != 0))
			return false;
		else if (value[i] == '.')
			break;
	return len <= 256 && setting_text(l, value, field);
}

/* arn:partition:sns:region:account:name */
bool
setting_topic_arn(const struct setting_target *l, const char *value, void *field)
{
	int colons = 0;

	for (const char *p = value; *p; p++)
		colons += *p == ':';
	return strncmp(value, "arn:aws", 7) == 0 && strstr(value, ":sns:") && colons == 5 &&
	       value[strlen(value) - 1] != ':' && setting_word(l, value, field);
}

bool
setting_role_arn(const struct setting_target *l, const char *value, void *field)
{
	return strncmp(value, "arn:", 4) == 0 && strlen(value) <= 2048 && setting_word(l, value, field);
}

/* https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
bool
setting_session_name(const struct setting_target *l, const char *value, void *field)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && !strchr("_+=,.@-", value[i]))
			return false;
	return len >= 2 && len <= 64 && setting_text(l, value, field);
}

/* What can stand behind the name of a header field. */
bool
setting_field_value(const struct setting_target *l, const char *value, void *field)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			return false;
	return setting_text(l, value, field);
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
		return inet_pton(AF_INET6, host, &a6) == 1 &&
		       inet_pton(AF_INET6, "fd00:ec2::23", &eks6) == 1 &&
		       (IN6_IS_ADDR_LOOPBACK(&a6) || IN6_ARE_ADDR_EQUAL(&a6, &eks6));
	return strcmp(host, "localhost") == 0 || strcmp(host, SETTING_CONTAINER_HOST) == 0 ||
	       strcmp(host, "169.254.170.23") == 0 ||
	       (inet_pton(AF_INET, host, &a4) == 1 && ntohl(a4.s_addr) >> 24 == 127);
}

/* AWS_CONTAINER_CREDENTIALS_FULL_URI: keys must not be asked for in the clear beyond this machine. */
bool
setting_container_url(const struct setting_target *l, const char *value, void *field)
{
	bool tls = strncmp(value, "https://", 8) == 0;
	const char *authority;
	size_t len;

	if (!tls && strncmp(value, "http://", 7) != 0)
		return false;
	authority = value + (tls ? 8 : 7);
	len = strcspn(authority, "/?#@\\");
	return len > 0 && strchr("/?", authority[len]) && !strchr(value, '#') && is_printable(value) &&
	       (tls || is_local_authority(authority, len)) && setting_text(l, value, field);
}

bool
setting_container_path(const struct setting_target *l, const char *value, void *field)
{
	const char **out = field;

	if (*value != '/' || strchr(value, '#') || !is_printable(value))
		return false;
	*out = talloc_asprintf(l->ctx, "http://" SETTING_CONTAINER_HOST "%s", value);
	return *out != NULL;
}

bool
setting_imds_mode(const struct setting_target *l, const char *value, void *field)
{
	bool v6 = strcasecmp(value, "IPv6") == 0;

	return (v6 || strcasecmp(value, "IPv4") == 0) &&
	       setting_text(l, v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254", field);
}

/* "true" takes back what other settings have put into the field. */
bool
setting_disabled(const struct setting_target *l, const char *value, void *field)
{
	const char **out = field;
	bool disabled = strcasecmp(value, "true") == 0;

	(void)l;
	*out = disabled ? NULL : *out;
	return disabled || strcasecmp(value, "false") == 0;
}

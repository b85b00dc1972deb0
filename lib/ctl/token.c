/* ordersctl token: a JWT for trying, as the settings would have it. */
#include <errno.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <talloc.h>

#include "api/auth.h"
#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/env.h"
#include "json/write.h"

#define KEY_MAX (64u << 10)
#define CLAIMS_MAX (16u << 10) /* more than a worker takes */

static void
add_list(struct buf *b, const char *name, const char *const *values)
{
	json_open_array(b, name);
	for (; *values; values++)
		json_add_text(b, NULL, *values);
	json_close(b, ']');
}

/* Claims as the contract has them: sub as a string, roles as an array, scope separated by blanks. */
static const char *
claims_of(const struct ctl *c, struct buf *b)
{
	const struct ctl_options *o = c->opt;
	int64_t now_s = clock_wall_us() / 1000000;
	char *scope = talloc_strdup(c->ctx, o->scopes[0] ? o->scopes[0] : "");

	for (size_t i = 1; scope && o->scopes[0] && o->scopes[i]; i++)
		scope = talloc_asprintf_append(scope, " %s", o->scopes[i]);
	buf_init(b, c->ctx, CLAIMS_MAX);
	json_open_object(b, NULL);
	json_add_text(b, "sub", talloc_asprintf(c->ctx, "%lld", (long long)o->sub));
	if (o->email)
		json_add_text(b, "email", o->email);
	if (o->roles[0])
		add_list(b, "roles", o->roles);
	if (o->scopes[0])
		json_add_text(b, "scope", scope);
	if (c->config.jwt_audience)
		json_add_text(b, "aud", c->config.jwt_audience);
	if (c->config.jwt_issuer)
		json_add_text(b, "iss", c->config.jwt_issuer);
	json_add_i64(b, "iat", now_s);
	json_add_i64(b, "exp", now_s + o->expires_s);
	json_close(b, '}');
	return b->failed ? NULL : b->data;
}

/* The key that signs: SECRET_KEY itself for HMAC; else SECRET_KEY is the public half, and the other one is in a file. */
static int
signing_key(const struct ctl *c, const char **key, size_t *len)
{
	const char *path = c->opt->private_key;

	if (config_is_hmac(&c->config) && path) {
		ctl_say("token: ALGORITHM is %s, which signs with SECRET_KEY: no --private-key",
			c->config.algorithm);
		return EX_USAGE;
	}
	if (config_is_hmac(&c->config)) {
		*key = c->config.secret_key;
		*len = c->config.secret_key_len;
		return EX_OK;
	}
	if (!path) {
		ctl_say("token: ALGORITHM is %s, and SECRET_KEY the public key, which cannot sign: --private-key FILE names its other half",
			c->config.algorithm);
		return EX_USAGE;
	}
	*key = file_read(c->ctx, path, KEY_MAX, len);
	if (!*key)
		ctl_say("%s: cannot be read: %s", path, strerror(errno));
	return *key ? EX_OK : EX_NOINPUT;
}

/* On ctx; NULL: the library does not do it with this key. */
static const char *
sign(void *ctx, const char *algorithm, const char *key, size_t len, const char *claims)
{
	const char *token = NULL;
	char *encoded = NULL;
	jwt_t *jwt = NULL;

	if (jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, claims) == 0 &&
	    jwt_set_alg(jwt, jwt_str_alg(algorithm), (const unsigned char *)key, (int)len) == 0)
		encoded = jwt_encode_str(jwt);
	if (encoded)
		token = talloc_strdup(ctx, encoded);
	free(encoded);
	jwt_free(jwt);
	return token;
}

int
ctl_token(struct ctl *c)
{
	const char *key, *claims, *token, *fault;
	struct caller caller;
	struct buf json;
	size_t len;
	int status = ctl_settings(c);
	enum rc rc;

	if (!status && (fault = auth_check_key(&c->config))) {
		ctl_say("%s", fault);
		status = EX_CONFIG;
	}
	if (status || (status = signing_key(c, &key, &len)))
		return status;
	claims = claims_of(c, &json);
	token = claims ? sign(c->ctx, c->config.algorithm, key, len, claims) : NULL;
	if (c->opt->private_key)
		explicit_bzero((char *)key, len);
	/* What the workers would say of it: a private key may be another one's. */
	rc = token ? auth_verify(&c->config, c->ctx, token, &caller) : RC_BAD_TOKEN;
	if (!claims || rc == RC_NO_MEMORY) {
		ctl_say("token: no memory, or too long");
		return EX_OSERR;
	}
	if (rc) {
		ctl_say(token ? "token: the service would not take it: is the private key the other half of SECRET_KEY, and --email at most 320 bytes?"
			      : "token: cannot sign for %s with this key",
			c->config.algorithm);
		return EX_DATAERR;
	}
	ctl_say("as good as user %lld's password until it expires%s: keep it out of logs and histories",
		(long long)c->opt->sub, caller.staff ? ", and its bearer is staff" : "");
	if (c->opt->json) {
		json_open_object(&c->out, NULL);
		json_add_text(&c->out, "token", token);
		json_add_bool(&c->out, "staff", caller.staff);
		json_add_i64(&c->out, "expires_in_s", c->opt->expires_s);
		json_close(&c->out, '}');
	} else {
		buf_puts(&c->out, token);
	}
	buf_putc(&c->out, '\n');
	return EX_OK;
}

#include "remote/credentials.h"

#include <talloc.h>

#include "base/log.h"

struct credentials {
	const struct config *config;
};

struct credentials *
credentials_open(void *ctx, const struct config *config)
{
	struct credentials *c = talloc_zero(ctx, struct credentials);

	if (c)
		c->config = config;
	return c;
}

enum rc
credentials_get(struct credentials *c, struct aws_keys *out)
{
	if (!c->config->aws_access_key_id) {
		log_error("sns.no_credentials");
		return RC_SNS_REFUSED;
	}
	*out = (struct aws_keys){
		.id = c->config->aws_access_key_id,
		.secret = c->config->aws_secret_access_key,
		.token = c->config->aws_session_token,
	};
	return RC_OK;
}

void
credentials_refused(struct credentials *c)
{
	(void)c;
}

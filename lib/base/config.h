/* The settings: environment → struct config, by one table. See docs/orders.fcgi.8, ENVIRONMENT. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "rc.h"

enum owner_updates { OWNER_UPDATES_ALL, OWNER_UPDATES_CANCEL };

struct config {
	const char *database_url; /* a libpq URI: other drivers' spellings are translated */
	const char *secret_key;	  /* the HMAC key's bytes, or a PEM public key */
	size_t secret_key_len;
	const char *algorithm;	  /* HS256 … ES512 */
	const char *jwt_audience; /* NULL: not checked; so is jwt_issuer */
	const char *jwt_issuer;
	const char *const *staff_roles; /* ends with NULL */
	int owner_updates;		/* enum owner_updates */
	const char *product_url;	/* without trailing slashes */
	int product_timeout_ms;
	int product_max_workers; /* that may wait on the Product Service at a time; 0: any number */
	const char *aws_region;
	const char *aws_access_key_id; /* NULL with the other two: the role of container, pod or instance */
	const char *aws_secret_access_key;
	const char *aws_session_token;
	const char *role_arn; /* web identity: counts beside a token file only */
	const char *role_session_name;
	const char *web_identity_token_file; /* NULL: no web identity */
	const char *container_url;	     /* of the container's or pod's keys; NULL: there are none */
	const char *container_token_file;    /* wins over the token; both may be NULL */
	const char *container_token;
	const char *imds_url; /* the instance's metadata; NULL: not to be asked */
	const char *aws_url;  /* NULL: AWS itself. sns_url and sts_url are what counts */
	const char *sns_url;  /* the endpoint, always set; so is sts_url */
	const char *sts_url;
	const char *topic_name; /* one of the two is set; the ARN wins */
	const char *topic_arn;
	int log_level;	  /* enum log_level */
	int deadline_s;	  /* that a worker may be stuck before it ends itself, 0: for ever */
	int max_requests; /* 0: never retires; so has max_rss_mb */
	int max_rss_mb;
	int workers;	       /* of the pool, 0 when unknown */
	const char *pool_file; /* NULL: the worker is alone */
};

/* One line for each wrong setting, naming it and what it wants, never its value. */
typedef void config_fault_fn(void *arg, const char *line);

/* Reads every setting through get (getenv() or a test's) onto ctx. RC_INVALID after at least one fault,
 * which leaves c unusable. */
enum rc config_load(void *ctx, char *(*get)(const char *), struct config *c, config_fault_fn *fault,
		    void *arg) MUST_CHECK;

bool config_is_hmac(const struct config *c);

/* Half of the pool's workers, at least one: so many may wait for one thing at a time; 0 when their number is unknown. */
int config_half_pool(const struct config *c);

#endif

/* How the text of a setting becomes a value: one function for each kind of setting. For config.c alone. */
#ifndef BASE_SETTING_H
#define BASE_SETTING_H

#include "base/config.h"

#define SETTING_CONTAINER_HOST "169.254.170.2" /* where ECS gives a container its credentials */

struct setting_target {
	void *ctx;
	struct config *c;
};

/* Reads value into field, a member of l->c, with what it takes on l->ctx. False: it is not what the setting
 * wants. */
typedef bool setting_fn(const struct setting_target *l, const char *value, void *field);

setting_fn setting_algorithm, setting_container_path, setting_container_url, setting_database_url,
	setting_disabled, setting_field_value, setting_http_url, setting_imds_mode, setting_int, setting_list,
	setting_log_level, setting_owner_updates, setting_role_arn, setting_seconds, setting_secret,
	setting_session_name, setting_text, setting_topic_arn, setting_topic_name, setting_word;

#endif

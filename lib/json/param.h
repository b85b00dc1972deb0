/* The parameters of a query, each judged as pydantic does. Each adds a fault and returns false, or writes *out. */
#ifndef JSON_PARAM_H
#define JSON_PARAM_H

#include "order/status.h"
#include "json/fault.h"

struct param {
	const char *name;
	const char *text; /* decoded, any bytes */
	size_t len;
};

bool param_int(struct faults *f, const struct param *p, const struct int_rule *rule, int64_t *out);
bool param_status(struct faults *f, const struct param *p, enum status *out);

/* RFC 3339; the + of its offset may have come as a blank, which it means in a query. What lies outside the years 1 to 9999 of UTC counts as
 * the first or the last moment of them. In µs since 1970. */
bool param_time(struct faults *f, const struct param *p, int64_t *out_us);

#endif

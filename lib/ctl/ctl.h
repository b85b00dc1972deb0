/* What the commands of ordersctl have in common: the options, the settings, the database, where to write. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "store/pg.h"

#define CTL_LIST_MAX 32 /* --role and --scope, each */
#define CTL_OUT_MAX (64u << 20)

struct ctl_options {
	const char *env_file; /* NULL: not told */
	bool json, dry_run, parked;
	int64_t limit;	     /* of a list */
	int64_t count;	     /* blocks of top; 0: no end */
	int64_t interval_ms; /* of top */
	int64_t product_id;  /* that check asks for */
	int64_t order_id;    /* of order */
	int64_t sub;
	int64_t expires_s;
	const char *reason, *email, *private_key; /* NULL: not told */
	const char *roles[CTL_LIST_MAX + 1];	  /* end with NULL; so do scopes */
	const char *scopes[CTL_LIST_MAX + 1];
};

struct ctl {
	void *ctx;
	const struct ctl_options *opt;
	char *const *args; /* what follows the command; n of them */
	int n_args;
	bool colored;	      /* stdout is a terminal that wants colours */
	size_t width;	      /* of stdout where it is a terminal; else 0 */
	struct config config; /* once ctl_settings() was good */
	bool configured;
	struct pg *pg; /* once ctl_database() was good */
	struct breaker breaker;
	const char *by; /* who acts, for the record; on ctx */
	struct buf out; /* goes to stdout when the command is done, or by ctl_flush() */
};

/* A command; its result is the exit status. */
typedef int ctl_command_fn(struct ctl *c);

ctl_command_fn ctl_check, ctl_order, ctl_outbox_discard, ctl_outbox_list, ctl_outbox_retry, ctl_outbox_show,
	ctl_outbox_stats, ctl_status, ctl_token, ctl_top;

/* One line on stderr, with the program's name. */
__attribute__((format(printf, 1, 2))) void ctl_say(const char *format, ...);

/* Reads the settings of --env, of ORDERS_ENV or, where neither is told and PRODUCT_SERVICE_URL is not set, of the first installed file that
 * can be read, into the environment. EX_OK; EX_CONFIG, EX_NOINPUT or EX_OSERR, said. */
int ctl_environment(void *ctx, const struct ctl_options *opt);

/* The settings, whole. EX_OK; EX_CONFIG or EX_OSERR, after a line for each fault. */
int ctl_settings(struct ctl *c);

/* Where the pool's file is, without its layout number: POOL_FILE, or pool in RUN_DIR. */
const char *ctl_pool_path(void *ctx);

/* Settings and a connection, not made yet. As whom the pool runs, where root asks and only that user may log in without a password. */
int ctl_database(struct ctl *c);

/* What a call to the database ended with, said: an exit status. */
int ctl_database_failed(enum rc rc);

/* The last warning or error that was logged in this process, for one who explains what went wrong; "" when there was none. */
const char *ctl_last_event(void);
const char *ctl_last_text(void);
void ctl_forget_events(void);

/* Says why there is no pool: the exit status. */
int ctl_no_pool(const char *why);

/* Is all of it written that went to stdout? EX_OK; EX_IOERR, said. */
int ctl_written(void);

/* Writes c->out to stdout and empties it. EX_OK; EX_IOERR, EX_OSERR, said. */
int ctl_flush(struct ctl *c);

#endif

/* orders.fcgi, the worker. See orders.fcgi(8). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

#include "api/app.h"
#include "base/reserve.h"
#include "http/fcgi.h"

#ifndef VERSION
#error "the Makefile says which version this is"
#endif

static void
print_fault(void *arg, const char *line)
{
	(void)fprintf(arg, "orders.fcgi: %s\n", line);
}

static int
not_started(void *ctx)
{
	print_fault(stderr, "no memory, or what the line above says");
	talloc_free(ctx);
	return EX_OSERR;
}

static int
usage(FILE *to, int status)
{
	(void)fputs("usage: orders.fcgi [-t | -V]\n", to);
	return status;
}

int
main(int argc, char **argv)
{
	struct config config;
	struct app *app;
	void *ctx;
	bool test = false;
	int opt, status;
	enum rc rc;

	while ((opt = getopt(argc, argv, "tVh")) != -1)
		switch (opt) {
		case 't':
			test = true;
			break;
		case 'V':
			(void)puts("orders.fcgi " VERSION);
			return EX_OK;
		case 'h':
			return usage(stdout, EX_OK);
		default:
			return usage(stderr, EX_USAGE);
		}
	if (optind != argc)
		return usage(stderr, EX_USAGE);

	(void)reserve_for_openssl(); /* nobody was before us */
	ctx = talloc_new(NULL);
	if (!ctx)
		return not_started(NULL);
	if ((rc = config_load(ctx, getenv, &config, print_fault, stderr)) == RC_NO_MEMORY)
		return not_started(ctx);
	if (rc || app_check(ctx, &config, print_fault, stderr)) {
		talloc_free(ctx);
		return EX_CONFIG;
	}
	log_set_level((enum log_level)config.log_level);
	if (test) {
		status = !config.pool_file || pool_check(config.pool_file) ? EX_OK : EX_CONFIG;
		if (status)
			print_fault(stderr,
				    talloc_asprintf(ctx, "POOL_FILE: cannot be opened: %s", strerror(errno)));
		talloc_free(ctx);
		return status;
	}
	app = app_open(ctx, &config);
	if (!app)
		return not_started(ctx);
	status = fcgi_serve(&(struct fcgi_app){
		.arg = app,
		.answer = app_answer,
		.after = app_after,
		.turn = app_turn,
		.retire = app_retire,
		.deadline_s = config.deadline_s,
	});
	talloc_free(ctx);
	return status;
}

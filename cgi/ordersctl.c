/* ordersctl, the operator's tool. See ordersctl(8). */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

#include "base/reserve.h"
#include "base/utf8.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/term.h"

#ifndef VERSION
#error "the Makefile says which version this is"
#endif

#define DAY_S 86400

/* The options, which are bits for the commands that take them; those of COMMON are everybody's. */
enum option_id {
	OPTION_ENV,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_DRY_RUN,
	OPTION_PARKED,
	OPTION_LIMIT,
	OPTION_REASON,
	OPTION_DELAY,
	OPTION_COUNT,
	OPTION_PRODUCT,
	OPTION_SUB,
	OPTION_EMAIL,
	OPTION_ROLE,
	OPTION_SCOPE,
	OPTION_EXPIRES_IN,
	OPTION_PRIVATE_KEY,
	OPTIONS
};

#define BIT(option) (1u << (option))
#define COMMON (BIT(OPTION_ENV) | BIT(OPTION_JSON) | BIT(OPTION_HELP) | BIT(OPTION_VERSION))

static const struct {
	const char *name;
	const char *argument; /* NULL: none */
	int letter;	      /* 0: none */
	const char *help;
} options[OPTIONS] = {
	[OPTION_ENV] = { "env", "FILE", 0, "settings, as spawn.sh reads them" },
	[OPTION_JSON] = { "json", NULL, 0, "for programs" },
	[OPTION_HELP] = { "help", NULL, 'h', "this, or a command's own" },
	[OPTION_VERSION] = { "version", NULL, 'V', "which one this is" },
	[OPTION_DRY_RUN] = { "dry-run", NULL, 0, "say what would be done" },
	[OPTION_PARKED] = { "parked", NULL, 0, "those that are parked" },
	[OPTION_LIMIT] = { "limit", "N", 0, "at most so many (50)" },
	[OPTION_REASON] = { "reason", "TEXT", 0, "why, for who asks later" },
	[OPTION_DELAY] = { "delay", "SECONDS", 'd', "between two looks (1)" },
	[OPTION_COUNT] = { "count", "N", 'n', "end after so many looks" },
	[OPTION_PRODUCT] = { "product", "ID", 0, "which one to ask for (1)" },
	[OPTION_SUB] = { "sub", "ID", 0, "the user, required" },
	[OPTION_EMAIL] = { "email", "ADDRESS", 0, "the user's" },
	[OPTION_ROLE] = { "role", "NAME", 0, "such as admin; may come again" },
	[OPTION_SCOPE] = { "scope", "NAME", 0, "may come again" },
	[OPTION_EXPIRES_IN] = { "expires-in", "TIME", 0, "90s, 30m, 1h (the default), 1d12h" },
	[OPTION_PRIVATE_KEY] = { "private-key", "FILE", 0, "PEM, where SECRET_KEY is a public key" },
};

static const struct command {
	const char *name; /* one word or two */
	const char *arguments;
	int least, most; /* arguments */
	unsigned options;
	ctl_command_fn *run;
	const char *help;
} commands[] = {
	{ "status", "", 0, 0, 0, ctl_status,
	  "The pool: workers, rates, latency, neighbours, outbox, recent faults." },
	{ "top", "", 0, 0, BIT(OPTION_DELAY) | BIT(OPTION_COUNT), ctl_top,
	  "The same live; q ends it. Without a terminal, one block after the other." },
	{ "outbox stats", "", 0, 0, 0, ctl_outbox_stats, "How many events are owed, and since when." },
	{ "outbox list", "", 0, 0, BIT(OPTION_PARKED) | BIT(OPTION_LIMIT), ctl_outbox_list,
	  "Events that are owed, parked ones first, those owed the longest first." },
	{ "outbox show", "EVENT", 1, 1, 0, ctl_outbox_show, "All that is known of one event, sent or not." },
	{ "outbox retry", "EVENT... | --parked", 0, 1000000, BIT(OPTION_PARKED) | BIT(OPTION_DRY_RUN),
	  ctl_outbox_retry, "Have events sent now, parked ones too." },
	{ "outbox discard", "EVENT... --reason TEXT", 1, 1000000, BIT(OPTION_REASON) | BIT(OPTION_DRY_RUN),
	  ctl_outbox_discard,
	  "Give events up for good; a record is kept, and the next of each order goes on." },
	{ "order", "ID", 1, 1, 0, ctl_order, "An order: items, history, what became of its events." },
	{ "token", "--sub ID", 0, 0,
	  BIT(OPTION_SUB) | BIT(OPTION_EMAIL) | BIT(OPTION_ROLE) | BIT(OPTION_SCOPE) |
		  BIT(OPTION_EXPIRES_IN) | BIT(OPTION_PRIVATE_KEY),
	  ctl_token, "A JWT for trying the service, signed as the settings have it." },
	{ "check", "", 0, 0, BIT(OPTION_PRODUCT), ctl_check,
	  "Settings, pool, database, Product Service, SNS, clocks: a verdict on each, and what to do." },
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void
print_options(FILE *to, unsigned which)
{
	for (int i = 0; i < OPTIONS; i++) {
		char name[48];

		if (!(which & BIT(i)))
			continue;
		(void)snprintf(name, sizeof name, "--%s%s%s", options[i].name, options[i].argument ? " " : "",
			       options[i].argument ? options[i].argument : "");
		if (options[i].letter)
			(void)fprintf(to, "  -%c, %-22s %s\n", options[i].letter, name, options[i].help);
		else
			(void)fprintf(to, "      %-22s %s\n", name, options[i].help);
	}
}

static void
print_help(FILE *to, const struct command *command)
{
	if (command) {
		(void)fprintf(to, "usage: ordersctl %s%s%s\n\n%s\n\n", command->name,
			      *command->arguments ? " " : "", command->arguments, command->help);
		print_options(to, command->options | COMMON);
		return;
	}
	(void)fputs("usage: ordersctl [--env FILE] [--json] COMMAND\n\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].help);
	(void)fputs("\n", to);
	print_options(to, COMMON);
	(void)fputs("\nordersctl COMMAND --help tells its options, ordersctl(8) the rest.\n", to);
}

static int
wrong_usage(const char *what, const char *which)
{
	ctl_say("%s%s; ordersctl --help", what, which);
	return EX_USAGE;
}

/* How many of the words name a command: *out. 0: none. */
static int
find_command(char *const *words, int n, const struct command **out)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const char *blank = strchr(commands[i].name, ' ');
		size_t first = blank ? (size_t)(blank - commands[i].name) : strlen(commands[i].name);

		if (n < (blank ? 2 : 1) || strncmp(words[0], commands[i].name, first) != 0 ||
		    words[0][first] || (blank && strcmp(words[1], blank + 1) != 0))
			continue;
		*out = &commands[i];
		return blank ? 2 : 1;
	}
	return 0;
}

static bool
read_number(const char *text, int64_t most, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return text[strspn(text, "0123456789")] == '\0' && !errno && end != text && *out > 0 && *out <= most;
}

/* Seconds, fractions allowed. */
static bool
read_delay(const char *text, int64_t *out_ms)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.1 && s <= DAY_S))
		return false;
	*out_ms = (int64_t)(s * 1000);
	return true;
}

static bool
add_to_list(const char **list, const char *text)
{
	size_t n = 0;

	while (list[n])
		n++;
	if (n == CTL_LIST_MAX || !*text)
		return false;
	list[n] = text;
	return true;
}

static bool
set_text(const char **field, const char *text)
{
	*field = text;
	return *text != '\0';
}

static bool
set_flag(bool *flag)
{
	return *flag = true;
}

/* False: the argument is not what the option wants. */
static bool
take_option(struct ctl_options *o, enum option_id id, const char *argument)
{
	switch (id) {
	case OPTION_ENV:
		return set_text(&o->env_file, argument);
	case OPTION_JSON:
		return set_flag(&o->json);
	case OPTION_DRY_RUN:
		return set_flag(&o->dry_run);
	case OPTION_PARKED:
		return set_flag(&o->parked);
	case OPTION_LIMIT:
		return read_number(argument, 10000, &o->limit);
	case OPTION_REASON:
		return set_text(&o->reason, argument) && utf8_is_valid(argument, strlen(argument)) &&
		       utf8_length(argument, strlen(argument)) <= 255;
	case OPTION_DELAY:
		return read_delay(argument, &o->interval_ms);
	case OPTION_COUNT:
		return read_number(argument, INT64_MAX, &o->count);
	case OPTION_PRODUCT:
		return read_number(argument, INT64_MAX, &o->product_id);
	case OPTION_SUB:
		return read_number(argument, INT64_MAX, &o->sub);
	case OPTION_EMAIL:
		return set_text(&o->email, argument);
	case OPTION_ROLE:
		return add_to_list(o->roles, argument);
	case OPTION_SCOPE:
		return !strchr(argument, ' ') && add_to_list(o->scopes, argument);
	case OPTION_EXPIRES_IN:
		return duration_parse(argument, 366 * DAY_S, &o->expires_s) == RC_OK;
	case OPTION_PRIVATE_KEY:
		return set_text(&o->private_key, argument);
	default:
		return true;
	}
}

/* Reads argv, whatever order options and words come in. *given: the bits of the options. */
static int
read_options(int argc, char **argv, struct ctl_options *o, unsigned *given)
{
	struct option longs[OPTIONS + 1] = { { 0 } };
	char letters[3 * OPTIONS + 2] = ":";
	int c, which;

	for (int i = 0; i < OPTIONS; i++) {
		longs[i] = (struct option){ .name = options[i].name,
					    .has_arg = options[i].argument ? required_argument : no_argument,
					    .val = 256 + i };
		if (options[i].letter)
			(void)snprintf(letters + strlen(letters), 3, "%c%s", options[i].letter,
				       options[i].argument ? ":" : "");
	}
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == ':')
			return wrong_usage(argv[optind - 1], " wants an argument");
		if (c == '?')
			return wrong_usage("unknown option ", argv[optind - 1]);
		which = c - 256;
		for (int i = 0; c < 256 && i < OPTIONS; i++)
			if (options[i].letter == c)
				which = i;
		if (!take_option(o, (enum option_id)which, optarg)) {
			ctl_say("--%s: wants %s, not '%s': %s", options[which].name, options[which].argument,
				optarg, options[which].help);
			return EX_USAGE;
		}
		*given |= BIT(which);
	}
	return EX_OK;
}

static bool
is_uuid(const char *s)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-'
							    : !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	return i == 36;
}

/* Arguments that no command has to look at again. */
static int
check_arguments(struct ctl *c, const struct command *command, struct ctl_options *o, unsigned given)
{
	unsigned strange = given & ~(command->options | COMMON);

	for (int i = 0; i < OPTIONS; i++)
		if (strange & BIT(i)) {
			ctl_say("%s takes no --%s; ordersctl %s --help", command->name, options[i].name,
				command->name);
			return EX_USAGE;
		}
	if (c->n_args < command->least || c->n_args > command->most) {
		ctl_say("usage: ordersctl %s %s", command->name, command->arguments);
		return EX_USAGE;
	}
	for (int i = 0; strncmp(command->name, "outbox", 6) == 0 && i < c->n_args; i++)
		if (!is_uuid(c->args[i])) {
			ctl_say("'%s' is not the id of an event, such as 6f0c2f3e-9d0a-4a51-8b1c-2f8f3e1d0a11",
				c->args[i]);
			return EX_USAGE;
		}
	if (command->run == ctl_order && !read_number(c->args[0], INT64_MAX, &o->order_id))
		return wrong_usage("the id of an order is a number, not ", c->args[0]);
	if (command->run == ctl_token && !o->sub)
		return wrong_usage("token: --sub says for whom", "");
	return EX_OK;
}

static int
run(struct ctl *c, const struct command *command)
{
	int status = ctl_environment(c->ctx, c->opt), flushed;

	if (status)
		return status;
	buf_init(&c->out, c->ctx, CTL_OUT_MAX);
	status = command->run(c);
	flushed = ctl_flush(c);
	return status ? status : flushed;
}

int
main(int argc, char **argv)
{
	struct ctl_options o = { .limit = 50, .interval_ms = 1000, .product_id = 1, .expires_s = 3600 };
	struct ctl c = { .opt = &o };
	const struct command *command = NULL;
	unsigned given = 0;
	size_t lines;
	int words, status = read_options(argc, argv, &o, &given);

	(void)signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of writing */
	if (status)
		return status;
	words = find_command(argv + optind, argc - optind, &command);
	if (given & BIT(OPTION_HELP)) {
		print_help(stdout, command);
		return ctl_written();
	}
	if (given & BIT(OPTION_VERSION)) {
		(void)puts("ordersctl " VERSION);
		return ctl_written();
	}
	if (!command && optind == argc) {
		print_help(stderr, NULL);
		return EX_USAGE;
	}
	if (!command)
		return wrong_usage("no such command: ", argv[optind]);
	c.args = argv + optind + words;
	c.n_args = argc - optind - words;
	if ((status = check_arguments(&c, command, &o, given)))
		return status;
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of what is shown */
	(void)reserve_for_openssl();
	c.ctx = talloc_new(NULL);
	c.colored = !o.json && term_wants_color(STDOUT_FILENO);
	if (!c.ctx) {
		ctl_say("no memory");
		return EX_OSERR;
	}
	if (!o.json)
		(void)term_size(STDOUT_FILENO, &c.width, &lines);
	status = run(&c, command);
	talloc_free(c.ctx);
	return status;
}

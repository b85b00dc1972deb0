/*
 * What must hold after any fault, seen from outside: what the clients were told, against the database, against what a
 * subscriber received. The invariants themselves are in audit.sql.
 */
#ifndef FAULT_AUDIT_H
#define FAULT_AUDIT_H

#include <stdbool.h>

#include "fault/load.h"
#include "support/pool.h"

#define AUDIT_INVARIANTS 20

struct audit_options {
	const struct pool *p; /* its database and its queue; no queue (""): nothing more is to be received */
	const struct load *const *loads; /* all that placed orders there, ended; each has its own seed */
	int n_loads;
	bool exactly_once; /* an event that is delivered twice is a violation too */
	bool in_order; /* so is one whose first delivery overtakes that of an earlier event of the order */
	int limit_ms;  /* for the events that are owed yet; 0: not to be waited for */
	int sns_port;  /* of the emulator that has the queue; 0: that of the tests */
	const char *conninfo; /* the superuser's, without dbname; NULL: that of the tests' PostgreSQL */
};

struct audit {
	long acked_orders, acked_changes; /* different ones */
	long stored_orders, changes;
	long delivered, distinct; /* messages, events */
	struct {
		const char *name;
		long violations;
	} invariants[AUDIT_INVARIANTS];
	int n;
	long violations; /* the sum */
};

/*
 * Waits until no event is owed, receives what is in the queue, and judges; true: nothing was violated. Received
 * messages are deleted from the queue and kept in audit_mailbox(): an audit knows what the earlier ones of this
 * database have received. Ends the program where it cannot be carried out.
 */
bool audit(struct audit *out, const struct audit_options *o);

/* The violations of one invariant; ends the program when there is none of that name. */
long audit_of(const struct audit *a, const char *name);

/* The file with all messages received for a database, as receive.mjs prints them. */
const char *audit_mailbox(const char *database);

#endif

/* What a caller may do. */
#include "order/access.h"

#include <stdio.h>

#include "table.h"

static const struct caller owner = { 9, false, "" }, staff = { 1, true, "" };

/* The rule of OWNER_STATUS_UPDATES, said again: true when the contract answers 403. */
static bool
is_403(bool is_staff, bool cancel_only, enum status from, enum status to)
{
	if (!cancel_only || is_staff)
		return false;
	return !(from == STATUS_PENDING && to == STATUS_CANCELLED);
}

Test(access, is_judged_before_the_machine)
{
	for (int bits = 0; bits < 4; bits++)
		for (int from = 0; from < STATUS_COUNT; from++)
			for (int to = 0; to < STATUS_COUNT; to++) {
				bool is_staff = bits & 1, cancel_only = bits & 2;
				const struct caller *c = is_staff ? &staff : &owner;
				struct why why = { 0 }, other;
				enum rc machine = status_judge((enum status)from, (enum status)to, &other),
					rc;
				char row[96];

				(void)snprintf(row, sizeof row, "%s, %s: %s → %s",
					       is_staff ? "staff" : "owner", cancel_only ? "cancel" : "all",
					       status_name((enum status)from), status_name((enum status)to));
				rc = access_judge(c, cancel_only, (enum status)from, (enum status)to, &why);
				if (is_403(is_staff, cancel_only, (enum status)from, (enum status)to)) {
					expect_int(rc, RC_FORBIDDEN, row);
					cr_expect_null(why.from, "%s", row);
				} else {
					expect_int(rc, machine, row);
				}
				cr_expect(
					!(access_predecessors(c, cancel_only, (enum status)to) &
					  STATUS_BIT(from)) == (rc != RC_OK),
					"%s: allowed before the change and refused after it, or the reverse",
					row);
			}
}

Test(access, of_an_owner_who_may_only_cancel_is_one_step)
{
	for (int to = 0; to < STATUS_COUNT; to++)
		expect_int(access_predecessors(&owner, true, (enum status)to),
			   to == STATUS_CANCELLED ? STATUS_BIT(STATUS_PENDING) : 0,
			   status_name((enum status)to));
}

/* The life of an order. */
#include "order/status.h"

#include <stdio.h>

#include "table.h"

enum {
	P = STATUS_PENDING,
	C = STATUS_CONFIRMED,
	S = STATUS_SHIPPED,
	D = STATUS_DELIVERED,
	X = STATUS_CANCELLED
};

static const char *const names[STATUS_COUNT] = { "pending", "confirmed", "shipped", "delivered",
						 "cancelled" };

/* From the contract, by hand: row = from, column = to. */
static const enum rc judgement[STATUS_COUNT][STATUS_COUNT] = {
	/*        pending         confirmed       shipped         delivered       cancelled */
	[P] = { RC_STATUS_STEP, RC_OK, RC_STATUS_STEP, RC_STATUS_STEP, RC_OK },
	[C] = { RC_STATUS_STEP, RC_STATUS_STEP, RC_OK, RC_STATUS_STEP, RC_OK },
	[S] = { RC_STATUS_STEP, RC_STATUS_STEP, RC_STATUS_STEP, RC_OK, RC_OK },
	[D] = { RC_STATUS_FINAL, RC_STATUS_FINAL, RC_STATUS_FINAL, RC_STATUS_FINAL, RC_STATUS_FINAL },
	[X] = { RC_STATUS_FINAL, RC_STATUS_FINAL, RC_STATUS_FINAL, RC_STATUS_FINAL, RC_STATUS_FINAL },
};

Test(status, judges_every_step_as_the_contract_does)
{
	for (int from = 0; from < STATUS_COUNT; from++)
		for (int to = 0; to < STATUS_COUNT; to++) {
			struct why why = { 0 };
			char step[64];
			enum rc rc = status_judge((enum status)from, (enum status)to, &why);

			(void)snprintf(step, sizeof step, "%s → %s", names[from], names[to]);
			expect_int(rc, judgement[from][to], step);
			cr_expect_str_eq(why.from ? why.from : "", rc ? names[from] : "", "%s", step);
			cr_expect_str_eq(why.to ? why.to : "", rc ? names[to] : "", "%s", step);
		}
}

Test(status, knows_from_where_one_step_leads)
{
	for (int to = 0; to < STATUS_COUNT; to++) {
		unsigned want = 0;

		for (int from = 0; from < STATUS_COUNT; from++)
			if (judgement[from][to] == RC_OK)
				want |= STATUS_BIT(from);
		expect_int(status_predecessors((enum status)to), want, names[to]);
	}
}

Test(status, has_names_that_lead_back_to_it)
{
	for (int s = 0; s < STATUS_COUNT; s++) {
		enum status back = STATUS_COUNT;

		expect_text(status_name((enum status)s), names[s], "name");
		cr_expect(status_parse(names[s], strlen(names[s]), &back), "%s", names[s]);
		expect_int(back, s, names[s]);
	}
}

Test(status, has_no_other_names)
{
	static const struct {
		const char *name;
		size_t len;
		const char *why;
	} rows[] = {
		{ LITERAL(""), "nothing" },
		{ LITERAL("pendin"), "cut short" },
		{ LITERAL("pendingg"), "too long" },
		{ LITERAL("pending\0"), "a NUL behind it" },
		{ LITERAL("Pending"), "a capital" },
		{ LITERAL(" pending"), "a space" },
		{ LITERAL("canceled"), "the other spelling" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		enum status s = STATUS_COUNT;

		cr_expect_not(status_parse(rows[i].name, rows[i].len, &s), "%s", rows[i].why);
		expect_int(s, STATUS_COUNT, rows[i].why);
	}
}

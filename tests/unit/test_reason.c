/* Why somebody changed an order. */
#include "order/reason.h"

#include "table.h"

Test(reason, is_one_of_the_contracts_words)
{
	static const struct {
		const char *name;
		size_t len;
		const char *found; /* NULL: none */
	} rows[] = {
		{ LITERAL("customer"), "customer" },
		{ LITERAL("declined"), "declined" },
		{ LITERAL("fraud"), "fraud" },
		{ LITERAL("inventory"), "inventory" },
		{ LITERAL("staff"), "staff" },
		{ LITERAL("other"), "other" },
		{ LITERAL(""), NULL },
		{ LITERAL("Staff"), NULL },
		{ LITERAL("staff "), NULL },
		{ LITERAL("staf"), NULL },
		{ LITERAL("staff\0"), NULL },
		{ LITERAL("whim"), NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *found = reason_find(rows[i].name, rows[i].len);

		cr_assert_eq(!found, !rows[i].found, "%s", rows[i].name);
		if (found)
			expect_text(found, rows[i].found, rows[i].name);
	}
}

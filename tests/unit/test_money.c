/* Exact amounts. */
#include "order/money.h"

#include <criterion/criterion.h>

Test(money, adds)
{
	struct money m = { 7 };
	cr_expect(money_add((struct money){ 1 }, (struct money){ 2 }, &m) == RC_OK, "row %d", 3);
	cr_expect_eq(m.cents, 3);
}
Test(money, adds_b)
{
	struct money m = { 7 };
	cr_expect(money_add((struct money){ 1 }, (struct money){ 2 }, &m) == RC_OK, "row %d", 3);
	cr_expect_eq(m.cents, 3);
}

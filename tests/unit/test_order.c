/* Drafts and products → orders. */
#include "order/order.h"

#include "table.h"

#define BIG INT64_C(9223372036854775807)

Test(order, asks_for_each_distinct_product_once_in_the_order_of_its_first_line)
{
	static const struct {
		struct draft draft;
		int64_t ids[4];
		size_t n;
		const char *why;
	} rows[] = {
		{ { 1, { { 3, 1 } } }, { 3 }, 1, "one" },
		{ { 3, { { 3, 1 }, { 7, 1 }, { 5, 1 } } }, { 3, 7, 5 }, 3, "all different" },
		{ { 4, { { 7, 1 }, { 3, 1 }, { 7, 1 }, { 3, 1 } } }, { 7, 3 }, 2, "repeated" },
		{ { 3, { { 1, 1 }, { 1, 2 }, { 1, 3 } } }, { 1 }, 1, "only one product" },
		{ { 2, { { BIG, 1 }, { 1, 1 } } }, { BIG, 1 }, 2, "the greatest id" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t ids[ORDER_ITEMS_MAX];
		size_t n = draft_products(&rows[i].draft, ids);

		expect_int(n, rows[i].n, rows[i].why);
		for (size_t j = 0; j < n; j++)
			expect_int(ids[j], rows[i].ids[j], rows[i].why);
	}
}

Test(order, can_ask_for_100_products)
{
	struct draft d = { .n = ORDER_ITEMS_MAX };
	int64_t ids[ORDER_ITEMS_MAX];

	for (size_t i = 0; i < d.n; i++)
		d.wishes[i] = (struct wish){ 1000 - (int64_t)i, 1 };
	cr_expect_eq(draft_products(&d, ids), ORDER_ITEMS_MAX);
	for (size_t i = 0; i < d.n; i++)
		cr_expect_eq(ids[i], 1000 - (int64_t)i);
}

Test(order, needs_stock_for_the_sum_of_a_products_lines)
{
	static const struct {
		struct draft draft;
		int64_t stock;
		enum rc rc;
		int64_t requested;
		const char *why;
	} rows[] = {
		{ { 1, { { 7, 5 } } }, 5, RC_OK, 0, "just enough" },
		{ { 1, { { 7, 5 } } }, 4, RC_STOCK, 5, "one too few" },
		{ { 1, { { 7, 1 } } }, 0, RC_STOCK, 1, "sold out" },
		{ { 1, { { 7, 1 } } }, -3, RC_STOCK, 1, "less than nothing" },
		{ { 3, { { 7, 2 }, { 3, 9 }, { 7, 3 } } }, 5, RC_OK, 0, "the sum just fits" },
		{ { 3, { { 7, 2 }, { 3, 9 }, { 7, 3 } } }, 4, RC_STOCK, 5, "each line alone would fit" },
		{ { 1, { { 3, 9 } } }, 0, RC_OK, 0, "nobody asks for it" },
		{ { 2, { { 7, INT32_MAX }, { 7, INT32_MAX } } },
		  INT32_MAX,
		  RC_STOCK,
		  INT64_C(4294967294),
		  "a sum beyond 32 bits" },
		{ { 1, { { 7, INT32_MAX } } }, INT64_MAX, RC_OK, 0, "stock without end" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct product p = { .id = 7, .stock = rows[i].stock, .name = "x" };
		struct why why = { 0 };
		enum rc rc = draft_check_stock(&rows[i].draft, &p, &why);

		expect_int(rc, rows[i].rc, rows[i].why);
		expect_int(why.product_id, rc ? 7 : 0, rows[i].why);
		expect_int(why.available, rc ? rows[i].stock : 0, rows[i].why);
		expect_int(why.requested, rows[i].requested, rows[i].why);
	}
}

Test(order, sums_100_of_the_greatest_quantities)
{
	struct draft d = { .n = ORDER_ITEMS_MAX };
	const struct product p = { .id = 7, .stock = 1, .name = "x" };
	struct why why;

	for (size_t i = 0; i < d.n; i++)
		d.wishes[i] = (struct wish){ 7, INT32_MAX };
	cr_expect_eq(draft_check_stock(&d, &p, &why), RC_STOCK);
	cr_expect_eq(why.requested, INT64_C(214748364700));
}

Test(order, is_priced_line_by_line)
{
	const struct draft d = { 3, { { 3, 2 }, { 7, 1 }, { 3, 10 } } };
	const struct product products[] = {
		{ .id = 7, .price = { 1 }, .stock = 9, .name = "Sticker" },
		{ .id = 3, .price = { 4550 }, .stock = 99, .name = "USB-C Hub" },
	};
	static const struct {
		const char *name;
		int64_t product, price, quantity, subtotal;
	} want[] = { { "USB-C Hub", 3, 4550, 2, 9100 },
		     { "Sticker", 7, 1, 1, 1 },
		     { "USB-C Hub", 3, 4550, 10, 45500 } };
	struct item items[3];
	struct order o = { .user_id = 9, .email = "a@b" };

	cr_assert_eq(order_place(&d, products, 2, items, &o), RC_OK);
	cr_expect_eq(o.status, STATUS_PENDING);
	cr_expect_eq(o.version, 1);
	cr_expect_eq(o.user_id, 9);
	cr_expect_str_eq(o.email, "a@b");
	cr_expect_eq(o.total.cents, 54601);
	cr_expect_eq(o.n, 3);
	cr_expect_eq(o.items, items);
	for (size_t i = 0; i < ROWS(want); i++) {
		cr_expect_str_eq(items[i].product_name, want[i].name);
		cr_expect_eq(items[i].product_id, want[i].product);
		cr_expect_eq(items[i].price.cents, want[i].price);
		cr_expect_eq(items[i].quantity, want[i].quantity);
		cr_expect_eq(items[i].subtotal.cents, want[i].subtotal);
	}
}

Test(order, has_a_greatest_total)
{
	static const struct {
		struct draft draft;
		int64_t price;
		enum rc rc;
		const char *why;
	} rows[] = {
		{ { 1, { { 7, 1 } } }, MONEY_MAX_CENTS, RC_OK, "the greatest price, once" },
		{ { 1, { { 7, 2 } } }, MONEY_MAX_CENTS, RC_TOTAL_TOO_LARGE, "a subtotal above it" },
		{ { 1, { { 7, INT32_MAX } } },
		  MONEY_MAX_CENTS,
		  RC_TOTAL_TOO_LARGE,
		  "a subtotal beyond 64 bits" },
		{ { 2, { { 7, 1 }, { 7, 1 } } },
		  MONEY_MAX_CENTS,
		  RC_TOTAL_TOO_LARGE,
		  "only the sum is above it" },
		{ { 3, { { 7, 1 }, { 7, 1 }, { 7, 1 } } },
		  MONEY_MAX_CENTS / 3,
		  RC_OK,
		  "a sum that just fits" },
		{ { 3, { { 7, 1 }, { 7, 1 }, { 7, 1 } } },
		  MONEY_MAX_CENTS / 3 + 1,
		  RC_TOTAL_TOO_LARGE,
		  "and just not" },
		{ { 1, { { 7, INT32_MAX } } }, 0, RC_OK, "what costs nothing" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct product p = { .id = 7, .price = { rows[i].price }, .name = "x" };
		struct item items[3];
		struct order o = { .id = -7 };

		expect_int(order_place(&rows[i].draft, &p, 1, items, &o), rows[i].rc, rows[i].why);
		if (rows[i].rc) {
			expect_int(o.n, 0, rows[i].why);
			expect_int(o.total.cents, 0, rows[i].why);
		}
	}
}

Test(order, totals_agree_with_128_bit_arithmetic)
{
	uint64_t state = 4711;

	for (int round = 0; round < 10000; round++) {
		struct draft d = { .n = next_random(&state) % 5 + 1 };
		struct product products[5];
		struct item items[5];
		struct order o = { 0 };
		__int128 want = 0;
		enum rc rc;

		for (size_t i = 0; i < d.n; i++) {
			int64_t cents = (int64_t)(next_random(&state) % (uint64_t)(MONEY_MAX_CENTS + 1));
			int32_t quantity = (int32_t)(next_random(&state) % INT32_MAX >>
						     next_random(&state) % 31) +
					   1;

			cents >>= next_random(&state) % 40;
			products[i] = (struct product){ .id = (int64_t)i + 1,
							.price = { cents },
							.name = "x" };
			d.wishes[i] = (struct wish){ (int64_t)i + 1, quantity };
			want += (__int128)cents * quantity;
		}
		rc = order_place(&d, products, d.n, items, &o);
		cr_expect(want > MONEY_MAX_CENTS ? rc == RC_TOTAL_TOO_LARGE
						 : rc == RC_OK && o.total.cents == (int64_t)want,
			  "round %d: rc %d", round, rc);
	}
}

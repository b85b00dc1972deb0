/*
 * schema/citus.sql as far as one PostgreSQL can tell: with something in the place of Citus that writes down what it is told, every
 * table and every function of one user is distributed, and the functions that look across users do what the others do.
 */
#include "tool.h"

#define PATH_SIZE 4096

TestSuite(citus, .init = open_db, .fini = close_db, .timeout = 120);

static void
distribute(void)
{
	struct ran ran;

	(void)sql(
		"CREATE TABLE public.told (what text, argument text, beside text);"
		"GRANT INSERT ON public.told TO orders_owner;"
		"CREATE FUNCTION public.create_distributed_table(r regclass, c text, colocate_with text) RETURNS void LANGUAGE sql "
		"AS 'INSERT INTO public.told VALUES (r::text, c, colocate_with)';"
		"CREATE FUNCTION public.create_distributed_function(p regprocedure, a text, colocate_with text) RETURNS void LANGUAGE sql "
		"AS 'INSERT INTO public.told VALUES (p::text, a, colocate_with)'");
	ran = tool(owner_url(), "psql -Xq -1 -v ON_ERROR_STOP=1 -f '%s/schema/citus.sql' >/dev/null",
		   need("ORDERS_TEST_ROOT"));
	cr_assert_eq(ran.status, 0, "%s", ran.output);
}

Test(citus, distributes_every_table_and_every_function_of_a_user)
{
	distribute();
	cr_expect_str_eq(
		sql("SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class AS c WHERE relnamespace = 'orders'::regnamespace AND relkind IN ('r', 'p') "
		    "AND NOT EXISTS (SELECT FROM public.told WHERE what = c.oid::regclass::text AND argument = 'user_id' "
		    "AND beside = CASE c.relname WHEN 'orders' THEN 'none' ELSE 'orders.orders' END)"),
		"");
	cr_expect_str_eq(
		sql("SELECT string_agg(split_part(split_part(what, '.', 2), '(', 1), ' ' ORDER BY what) FROM public.told WHERE argument = 'p_user' AND beside = 'orders.orders'"),
		"change_status change_status create_order find_replay get_history get_order list_orders list_orders order_events why_not_owed");
	cr_expect_str_eq(
		sql("SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = 'orders'::regnamespace AND NOT has_function_privilege('orders_worker', oid, 'EXECUTE')"),
		"", "replaced, and still the worker's");
	cr_expect_str_eq(
		sql("SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'orders'::regnamespace "
		    "AND proargnames[1] IS DISTINCT FROM 'p_user' AND prosrc ~* 'skip locked|unnest|union'"),
		"", "what Citus refuses across users");
}

Test(citus, finds_whose_an_order_and_a_key_are)
{
	struct changed made;
	struct change c;
	int64_t owner, key_owner, id;

	distribute();
	id = create(9, 0);
	c = change_by(77, "staff-key", "change");
	cr_assert_eq(store_change_status(db.pg, db.ctx, &c, 9, id,
					 STEP(STATUS_CONFIRMED, status_predecessors(STATUS_CONFIRMED)),
					 &made),
		     RC_OK);
	cr_assert_eq(store_find_owner(db.pg, db.ctx, id, 77, "staff-key", &owner, &key_owner), RC_OK);
	cr_expect(owner == 9 && key_owner == 9);
	cr_assert_eq(store_find_owner(db.pg, db.ctx, id + 1, 77, NULL, &owner, &key_owner), RC_OK);
	cr_expect(owner == 0 && key_owner == 0);
	c = change_by(9, "own-key", "change");
	cr_assert_eq(store_change_status(db.pg, db.ctx, &c, 9, id,
					 STEP(STATUS_SHIPPED, status_predecessors(STATUS_SHIPPED)), &made),
		     RC_OK);
	cr_assert_eq(store_find_owner(db.pg, db.ctx, id, 9, "own-key", &owner, &key_owner), RC_OK);
	cr_expect(owner == 9 && key_owner == 9);
}

/* Tests of the others themselves, in databases made from one with these functions. */
static void
expect_passes(const char *name, const char *filter, int n)
{
	char program[PATH_SIZE];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	const char *command;

	cr_assert_gt(len, 0);
	program[len] = '\0';
	*(strrchr(program, '/') + 1) = '\0';
	distribute();
	/* A database with connections is no template. */
	talloc_free(db.pg);
	PQfinish(db.su);
	PQfinish(db.watch);
	db.su = connect_as_superuser("postgres");
	db.watch = connect_as_superuser("postgres");
	command = talloc_asprintf(
		db.ctx,
		"unset BXFI_MAP; out=$(ORDERS_TEST_TEMPLATE=%s '%s%s' -j2 --color=never --filter '%s' 2>&1) && status=0 || status=$?; "
		"case $out in *'Tested: %d | Passing: %d |'*) ;; *) status=1 ;; esac; "
		"[ $status = 0 ] || printf '%%s\\n' \"$out\" >&2; exit $status",
		db.name, program, name, filter, n, n);
	cr_expect_eq(system(command), 0);
}

Test(citus, passes_the_tests_of_the_outbox_but_for_those_of_its_size)
{
	expect_passes("test_outbox", "outbox/!(*100_000*|finds_by_index*)", 15);
}

Test(citus, passes_the_tests_of_lists)
{
	expect_passes("test_desk", "desk/@(lists|events)_*", 5);
}

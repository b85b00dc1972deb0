-- Verify orders:desk on pg
SELECT 1 / (orders.schema_version() >= 2)::int;
SELECT 1 / (count(*) = 4)::int FROM pg_proc
WHERE oid IN (
	'orders.list_orders(bigint, orders.order_status, timestamptz, timestamptz, bigint, timestamptz, bigint, integer)'::regprocedure,
	'orders.list_all_orders'::regproc,
	'orders.get_history'::regproc,
	'orders.change_status(bigint, bigint, bigint, orders.order_status, orders.order_status[], text, bytea, uuid, text, text, integer, integer[], text, text)'::regprocedure
) AND has_function_privilege('orders_api', oid, 'EXECUTE') AND NOT has_function_privilege('public', oid, 'EXECUTE');
SELECT (e).reason, (e).note FROM (SELECT NULL::orders.event_line) AS t (e);
SELECT 1 / (count(*) = 2)::int FROM pg_index
WHERE indisvalid AND indexrelid IN (
	'orders.orders_by_status'::regclass, 'orders.all_orders_by_status'::regclass
);

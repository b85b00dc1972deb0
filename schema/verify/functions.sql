-- Verify orders:functions on pg
SELECT 1 / (orders.schema_version() >= 1)::int;
SELECT 1 / (count(*) = 10)::int FROM pg_proc
WHERE oid IN (
	'orders.schema_version'::regproc,
	'orders.create_order'::regproc,
	'orders.get_order'::regproc,
	'orders.list_orders(bigint, bigint, integer)'::regprocedure,
	'orders.find_replay'::regproc,
	'orders.change_status(bigint, bigint, bigint, orders.order_status, orders.order_status[], text, bytea, uuid, text, text, integer)'::regprocedure,
	'orders.find_owner'::regproc,
	'orders.claim_due'::regproc,
	'orders.publish_done'::regproc,
	'orders.publish_failed'::regproc
) AND has_function_privilege('orders_api', oid, 'EXECUTE') AND NOT has_function_privilege('public', oid, 'EXECUTE');

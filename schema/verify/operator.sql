-- Verify orders:operator on pg
SELECT 1 / (orders.schema_version() >= 3)::int;
SELECT 1 / (count(*) = 10)::int FROM pg_proc
WHERE pronamespace = 'orders'::regnamespace AND has_function_privilege('orders_api', oid, 'EXECUTE')
  AND NOT has_function_privilege('public', oid, 'EXECUTE')
  AND proname IN ('outbox_stats', 'order_events', 'outbox_list', 'find_event', 'outbox_events', 'in_order', 'why_not_owed',
	'outbox_retry', 'outbox_retry_parked', 'outbox_discard');
SELECT 1 / (count(*) = 3)::int FROM pg_index
WHERE indisvalid AND indexrelid IN ('orders.outbox_waiting'::regclass, 'orders.outbox_parked'::regclass, 'orders.order_changes_event'::regclass);
SELECT owed_at FROM orders.outbox WHERE false;
SELECT user_id, order_id, version, event_id, discarded_at, discarded_by, reason, attempts, last_error FROM orders.outbox_discards WHERE false;
SELECT 1 / (NOT has_table_privilege('orders_api', 'orders.outbox_discards', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE'))::int;

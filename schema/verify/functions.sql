-- Verify orders:functions on pg
SELECT 1 / (orders.schema_version() >= 1)::int;
SELECT 1 / (count(*) >= 10)::int FROM pg_proc
WHERE pronamespace = 'orders'::regnamespace AND has_function_privilege('orders_api', oid, 'EXECUTE')
  AND NOT has_function_privilege('public', oid, 'EXECUTE');

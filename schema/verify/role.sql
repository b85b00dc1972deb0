-- Verify orders:role on pg
SELECT 1 / count(*) FROM pg_roles WHERE rolname = 'orders_api';
SELECT 1 / has_schema_privilege('orders_api', 'orders', 'USAGE')::int;

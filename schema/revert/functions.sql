-- Revert orders:functions from pg
BEGIN;

DROP FUNCTION orders.schema_version, orders.create_order, orders.get_order, orders.list_orders, orders.find_replay,
	orders.change_status, orders.find_owner, orders.claim_due, orders.publish_done, orders.publish_failed;
DROP TYPE orders.order_line, orders.event_line;

COMMIT;

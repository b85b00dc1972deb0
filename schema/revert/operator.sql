-- Revert orders:operator from pg
BEGIN;

DROP FUNCTION orders.outbox_stats, orders.order_events, orders.outbox_list, orders.find_event, orders.outbox_events, orders.in_order,
	orders.why_not_owed, orders.outbox_retry, orders.outbox_retry_parked, orders.outbox_discard;
DROP TYPE orders.event_state;
DROP TABLE orders.outbox_discards;
DROP INDEX orders.outbox_waiting, orders.outbox_parked, orders.order_changes_event;
ALTER TABLE orders.outbox DROP COLUMN owed_at;

CREATE OR REPLACE FUNCTION orders.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN 2;

COMMIT;

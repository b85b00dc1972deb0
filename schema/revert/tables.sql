-- Revert orders:tables from pg
BEGIN;

DROP TABLE orders.outbox, orders.order_changes, orders.order_items, orders.orders;
DROP TYPE orders.order_status;

COMMIT;

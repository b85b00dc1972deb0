-- Verify orders:tables on pg
SELECT user_id, id, email, status, version, total_amount, created_at, updated_at
FROM orders.orders WHERE false;
SELECT user_id, order_id, line, id, product_id, product_name, product_price, quantity, subtotal, created_at
FROM orders.order_items WHERE false;
SELECT user_id, order_id, version, old_status, new_status, changed_at, changed_by, reason, note,
       event_id, idempotency_key, request_digest
FROM orders.order_changes WHERE false;
SELECT user_id, order_id, version, request_id, traceparent, next_attempt_at, attempts, last_error, parked_at
FROM orders.outbox WHERE false;

-- Revert orders:desk from pg
-- publish_done() and publish_failed() stay as they are: workers of schema version 1 call them as they did.

-- As in deploy: built beside a service at work.
SET client_min_messages = warning;
DROP INDEX CONCURRENTLY IF EXISTS orders.orders_newest_first;
CREATE INDEX CONCURRENTLY orders_newest_first ON orders.orders (user_id, created_at DESC, id DESC);

BEGIN;

SET LOCAL lock_timeout = '3s';

DROP FUNCTION
	orders.list_orders(bigint, orders.order_status, timestamptz, timestamptz, bigint, timestamptz, bigint, integer),
	orders.list_all_orders,
	orders.get_history,
	orders.change_status(bigint, bigint, bigint, orders.order_status, orders.order_status[], text, bytea, uuid, text, text, integer,
		integer[], text, text);

ALTER TYPE orders.event_line DROP ATTRIBUTE reason, DROP ATTRIBUTE note;

-- As change functions has them.
CREATE OR REPLACE FUNCTION orders.list_orders(p_user bigint, p_skip bigint, p_limit integer) RETURNS SETOF orders.order_line
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT 'found', o.user_id, o.id, o.email, o.status, o.version, o.total_amount, o.created_at, o.updated_at,
	       i.line, i.id, i.product_id, i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at,
	       NULL::orders.order_status, NULL::uuid, false
	FROM (
		SELECT p.* FROM orders.orders AS p
		WHERE p.user_id = p_user
		ORDER BY p.created_at DESC, p.id DESC
		OFFSET p_skip LIMIT p_limit
	) AS o
	LEFT JOIN LATERAL (
		SELECT * FROM orders.order_items AS j
		WHERE j.user_id = p_user AND j.order_id = o.id
		ORDER BY j.line OFFSET 0
	) AS i ON true
	ORDER BY o.created_at DESC, o.id DESC, i.line;
END
$$;

CREATE OR REPLACE FUNCTION orders.change_status(
	p_user bigint, p_order bigint, p_caller bigint, p_to orders.order_status, p_from orders.order_status[],
	p_key text, p_digest bytea, p_event uuid, p_request_id text, p_traceparent text, p_lease_ms integer
) RETURNS SETOF orders.order_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
	v_status orders.order_status;
	v_version integer;
	v_now timestamp with time zone;
	v_waits_until timestamp with time zone;
	v_line orders.order_line;
BEGIN
	SELECT o.status, o.version + 1, greatest(clock_timestamp(), o.updated_at)
	INTO v_status, v_version, v_now
	FROM orders.orders AS o
	WHERE o.user_id = p_user AND o.id = p_order
	FOR NO KEY UPDATE;

	RETURN QUERY SELECT * FROM orders.find_replay(p_user, p_caller, p_key, p_digest);
	IF FOUND OR v_status IS NULL THEN
		RETURN;
	END IF;

	IF v_status = ANY (p_from) THEN
		UPDATE orders.orders AS o
		SET status = p_to, version = v_version, updated_at = v_now
		WHERE o.user_id = p_user AND o.id = p_order;

		INSERT INTO orders.order_changes
			(user_id, order_id, version, old_status, new_status, changed_at, changed_by,
			 event_id, idempotency_key, request_digest)
		VALUES (p_user, p_order, v_version, v_status, p_to, v_now, p_caller, p_event, p_key, p_digest);

		-- Locked, so that publish_done() has either taken it away before or sees what comes after it here.
		PERFORM FROM orders.outbox AS b
		WHERE b.user_id = p_user AND b.order_id = p_order AND b.parked_at IS NULL
		FOR KEY SHARE;

		SELECT max(b.next_attempt_at) INTO v_waits_until
		FROM orders.outbox AS b
		WHERE b.user_id = p_user AND b.order_id = p_order AND b.parked_at IS NULL;

		INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at)
		VALUES (p_user, p_order, v_version, p_request_id, p_traceparent,
			coalesce(v_waits_until, v_now + p_lease_ms * interval '1 millisecond'));
	END IF;

	FOR v_line IN SELECT * FROM orders.get_order(p_user, p_order) LOOP
		v_line.outcome := CASE WHEN v_status = ANY (p_from) THEN 'changed' ELSE 'refused' END;
		v_line.old_status := v_status;
		v_line.event_waits := v_waits_until IS NOT NULL;
		RETURN NEXT v_line;
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION orders.claim_due(p_limit integer, p_lease_ms integer) RETURNS SETOF orders.event_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
	v_now timestamp with time zone := clock_timestamp();
BEGIN
	IF current_setting('synchronous_standby_names') = '' THEN
		PERFORM set_config('synchronous_commit', 'off', true);
	END IF;

	RETURN QUERY
	WITH due AS MATERIALIZED (
		SELECT b.user_id, b.order_id, b.version, b.next_attempt_at AS was_due,
		       (SELECT max(e.next_attempt_at) FROM orders.outbox AS e
			WHERE e.user_id = b.user_id AND e.order_id = b.order_id AND e.version < b.version
			  AND e.parked_at IS NULL) AS waits_until
		FROM orders.outbox AS b
		WHERE b.parked_at IS NULL AND b.next_attempt_at <= v_now
		ORDER BY b.next_attempt_at
		LIMIT p_limit
		FOR UPDATE OF b SKIP LOCKED
	), claimed AS (
		UPDATE orders.outbox AS b
		SET next_attempt_at = greatest(d.waits_until + interval '1 millisecond',
					       v_now + CASE WHEN d.waits_until IS NULL THEN p_lease_ms ELSE 1 END
						       * interval '1 millisecond'),
		    attempts = b.attempts + CASE WHEN d.waits_until IS NULL THEN 1 ELSE 0 END
		FROM due AS d
		WHERE b.user_id = d.user_id AND b.order_id = d.order_id AND b.version = d.version
		RETURNING b.user_id, b.order_id, b.version, b.request_id, b.traceparent, b.attempts,
			  d.was_due, d.waits_until
	)
	SELECT k.user_id, k.order_id, k.version, c.event_id, c.changed_at, c.changed_by, c.old_status, c.new_status,
	       o.email, o.total_amount, k.request_id, k.traceparent, k.attempts,
	       i.line, i.product_id, i.product_name, i.product_price, i.quantity
	FROM claimed AS k
	JOIN orders.order_changes AS c
		ON c.user_id = k.user_id AND c.order_id = k.order_id AND c.version = k.version
	JOIN orders.orders AS o ON o.user_id = k.user_id AND o.id = k.order_id
	LEFT JOIN orders.order_items AS i
		ON k.version = 1 AND i.user_id = k.user_id AND i.order_id = k.order_id
	WHERE k.waits_until IS NULL
	ORDER BY k.was_due, k.user_id, k.order_id, k.version, i.line;
END
$$;

CREATE OR REPLACE FUNCTION orders.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN 1;

DROP INDEX orders.orders_by_status, orders.all_orders_by_status;

COMMIT;

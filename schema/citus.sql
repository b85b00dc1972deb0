-- For those who distribute: turns the deployed schema into one that Citus keeps on many machines, by the owner of the orders. Once, by the
-- owner of the schema, on the coordinator, where the extension is there and the workers are added; docs/scaling.md tells the rest:
--
--     orders-schema deploy && orders-schema psql -1 -v ON_ERROR_STOP=1 -f citus.sql
--
-- All that concerns one user lies on one machine, so the functions that take the user first run there, whole, with a commit of that machine.
-- The functions that look across users are replaced by ones that find first and then go to each user.
-- They wait for a row that another has locked, as skipping locked rows of all machines is refused, and look at it once more when they have it. Not run on Citus as it stands; the functions pass the outbox's tests on one PostgreSQL.

-- 1. The tables, orders first: the others lie beside it, and their foreign keys hold.
SELECT create_distributed_table('orders.orders', 'user_id', colocate_with => 'none');
SELECT create_distributed_table('orders.order_items', 'user_id', colocate_with => 'orders.orders');
SELECT create_distributed_table('orders.order_changes', 'user_id', colocate_with => 'orders.orders');
SELECT create_distributed_table('orders.outbox', 'user_id', colocate_with => 'orders.orders');
SELECT create_distributed_table('orders.outbox_discards', 'user_id', colocate_with => 'orders.orders');

-- 2. What runs where the user's rows are.
SELECT create_distributed_function(oid::regprocedure, 'p_user', colocate_with => 'orders.orders')
FROM pg_proc
WHERE pronamespace = 'orders'::regnamespace AND proargnames[1] = 'p_user';

-- 3. What looks across users.
CREATE OR REPLACE FUNCTION orders.find_owner(p_order bigint, p_caller bigint, p_key text)
RETURNS TABLE (owner bigint, key_owner bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT o.user_id INTO owner FROM orders.orders AS o WHERE o.id = p_order;
	SELECT b.user_id INTO key_owner
	FROM orders.order_changes AS b
	WHERE b.user_id = p_caller AND b.changed_by = p_caller AND b.idempotency_key = p_key;
	IF NOT FOUND THEN
		SELECT a.user_id INTO key_owner
		FROM orders.order_changes AS a
		WHERE a.changed_by = p_caller AND a.idempotency_key = p_key AND a.changed_by <> a.user_id;
	END IF;
	RETURN NEXT;
END
$$;

-- Each node finds its own newest, and they are merged: for that a node wants them in one row, not one for each status.
CREATE INDEX all_orders_newest_first ON orders.orders (created_at DESC, id DESC);

CREATE OR REPLACE FUNCTION orders.list_all_orders(
	p_status orders.order_status, p_from timestamp with time zone, p_to timestamp with time zone,
	p_after bigint, p_skip bigint, p_limit integer
) RETURNS SETOF orders.order_line
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_from timestamp with time zone := coalesce(p_from, '-infinity');
	v_at timestamp with time zone;
	v_id bigint := p_after;
	v_users bigint[];
	v_orders bigint[];
	v_line orders.order_line;
BEGIN
	IF p_after IS NOT NULL THEN
		SELECT o.created_at INTO v_at FROM orders.orders AS o WHERE o.id = p_after;
		IF NOT FOUND THEN
			v_line.outcome := 'no_after';
			RETURN NEXT v_line;
			RETURN;
		END IF;
	END IF;
	IF v_at IS NULL OR v_at >= p_to THEN
		v_at := coalesce(p_to, 'infinity');
		v_id := 0;
	END IF;

	IF p_status IS NULL THEN
		SELECT array_agg(w.user_id), array_agg(w.id) INTO v_users, v_orders
		FROM (
			SELECT o.user_id, o.id FROM orders.orders AS o
			WHERE o.created_at >= v_from AND (o.created_at, o.id) < (v_at, v_id)
			ORDER BY o.created_at DESC, o.id DESC
			OFFSET p_skip LIMIT p_limit
		) AS w;
	ELSE
		SELECT array_agg(w.user_id), array_agg(w.id) INTO v_users, v_orders
		FROM (
			SELECT o.user_id, o.id FROM orders.orders AS o
			WHERE o.status = p_status AND o.created_at >= v_from AND (o.created_at, o.id) < (v_at, v_id)
			ORDER BY o.created_at DESC, o.id DESC
			OFFSET p_skip LIMIT p_limit
		) AS w;
	END IF;

	RETURN QUERY
	SELECT 'found', o.user_id, o.id, o.email, o.status, o.version, o.total_amount, o.created_at, o.updated_at,
	       i.line, i.id, i.product_id, i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at,
	       NULL::orders.order_status, NULL::uuid, false
	FROM orders.orders AS o
	LEFT JOIN orders.order_items AS i ON i.user_id = o.user_id AND i.order_id = o.id
	WHERE o.user_id = ANY (v_users) AND o.id = ANY (v_orders)
	ORDER BY o.created_at DESC, o.id DESC, i.line;
END
$$;

-- As the one that it replaces, an event at a time, in one order, so that two claims do not wait for each other. What was found due and is
-- not any more was claimed meanwhile.
CREATE OR REPLACE FUNCTION orders.claim_due(p_limit integer, p_lease_ms integer) RETURNS SETOF orders.event_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_now timestamp with time zone := clock_timestamp();
	v_users bigint[];
	v_orders bigint[];
	v_versions integer[];
	v_user bigint;
	v_order bigint;
	v_version integer;
	v_waits_until timestamp with time zone;
	v_next timestamp with time zone;
	v_request_id text;
	v_traceparent text;
	v_attempts integer;
BEGIN
	SELECT array_agg(d.user_id ORDER BY d.due, d.user_id, d.order_id, d.version),
	       array_agg(d.order_id ORDER BY d.due, d.user_id, d.order_id, d.version),
	       array_agg(d.version ORDER BY d.due, d.user_id, d.order_id, d.version)
	INTO v_users, v_orders, v_versions
	FROM (
		SELECT b.user_id, b.order_id, b.version, b.next_attempt_at AS due
		FROM orders.outbox AS b
		WHERE b.parked_at IS NULL AND b.next_attempt_at <= v_now
		ORDER BY b.next_attempt_at, b.user_id, b.order_id, b.version
		LIMIT p_limit
	) AS d;

	FOR i IN 1 .. coalesce(cardinality(v_users), 0) LOOP
		v_user := v_users[i];
		v_order := v_orders[i];
		v_version := v_versions[i];

		SELECT max(e.next_attempt_at) INTO v_waits_until
		FROM orders.outbox AS e
		WHERE e.user_id = v_user AND e.order_id = v_order AND e.version < v_version AND num_nulls(e.parked_at) = 1;
		v_next := greatest(v_waits_until + interval '1 millisecond',
				   v_now + CASE WHEN v_waits_until IS NULL THEN p_lease_ms ELSE 1 END * interval '1 millisecond');

		UPDATE orders.outbox AS b
		SET next_attempt_at = v_next, attempts = b.attempts + CASE WHEN v_waits_until IS NULL THEN 1 ELSE 0 END
		WHERE b.user_id = v_user AND b.order_id = v_order AND b.version = v_version
		  AND num_nulls(b.parked_at) = 1 AND b.next_attempt_at <= v_now
		RETURNING b.request_id, b.traceparent, b.attempts INTO v_request_id, v_traceparent, v_attempts;
		CONTINUE WHEN NOT FOUND OR v_waits_until IS NOT NULL;

		RETURN QUERY
		SELECT c.user_id, c.order_id, c.version, c.event_id, c.changed_at, c.changed_by, c.old_status, c.new_status,
		       o.email, o.total_amount, v_request_id, v_traceparent, v_attempts,
		       i.line, i.product_id, i.product_name, i.product_price, i.quantity, c.reason, c.note
		FROM orders.order_changes AS c
		JOIN orders.orders AS o ON o.user_id = v_user AND o.id = v_order
		LEFT JOIN orders.order_items AS i ON v_version = 1 AND i.user_id = v_user AND i.order_id = v_order
		WHERE c.user_id = v_user AND c.order_id = v_order AND c.version = v_version
		ORDER BY i.line;
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION orders.publish_done(p_users bigint[], p_orders bigint[], p_versions integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_user bigint;
	v_order bigint;
	v_version integer;
	v_now timestamp with time zone := clock_timestamp();
BEGIN
	FOR i IN 1 .. cardinality(p_users) LOOP
		v_user := p_users[i];
		v_order := p_orders[i];
		v_version := p_versions[i];
		DELETE FROM orders.outbox AS b
		WHERE b.user_id = v_user AND b.order_id = v_order AND b.version = v_version;
		IF FOUND THEN
			UPDATE orders.outbox AS b SET next_attempt_at = v_now
			WHERE b.user_id = v_user AND b.order_id = v_order AND b.version = v_version + 1;
		END IF;
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION orders.publish_failed(
	p_users bigint[], p_orders bigint[], p_versions integer[], p_delays integer[], p_errors text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_user bigint;
	v_order bigint;
	v_version integer;
	v_now timestamp with time zone := clock_timestamp();
	v_next timestamp with time zone;
	v_parked timestamp with time zone;
	v_error text;
BEGIN
	FOR i IN 1 .. cardinality(p_users) LOOP
		v_user := p_users[i];
		v_order := p_orders[i];
		v_version := p_versions[i];
		v_next := v_now + coalesce(p_delays[i], 0) * interval '1 millisecond';
		v_parked := CASE WHEN p_delays[i] IS NULL THEN v_now END;
		v_error := p_errors[i];
		UPDATE orders.outbox AS b SET next_attempt_at = v_next, parked_at = v_parked, last_error = v_error
		WHERE b.user_id = v_user AND b.order_id = v_order AND b.version = v_version AND num_nulls(b.parked_at) = 1;
		IF FOUND AND v_parked IS NOT NULL THEN
			UPDATE orders.outbox AS b SET next_attempt_at = v_now
			WHERE b.user_id = v_user AND b.order_id = v_order AND b.version = v_version + 1;
		END IF;
	END LOOP;
END
$$;

-- Exact, which takes longer the more is owed: where its rows lie, the table that is known here has no pages to reckon from.
CREATE OR REPLACE FUNCTION orders.outbox_stats() RETURNS TABLE (waiting bigint, parked bigint, oldest_at timestamp with time zone)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_user bigint;
	v_order bigint;
	v_version integer;
BEGIN
	SELECT count(*) FILTER (WHERE b.parked_at IS NULL), count(*) FILTER (WHERE b.parked_at IS NOT NULL) INTO waiting, parked
	FROM orders.outbox AS b;
	SELECT b.user_id, b.order_id, b.version INTO v_user, v_order, v_version
	FROM orders.outbox AS b WHERE b.parked_at IS NULL ORDER BY b.owed_at LIMIT 1;
	SELECT c.changed_at INTO oldest_at
	FROM orders.order_changes AS c WHERE c.user_id = v_user AND c.order_id = v_order AND c.version = v_version;
	RETURN NEXT;
END
$$;

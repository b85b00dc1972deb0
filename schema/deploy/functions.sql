-- Deploy orders:functions to pg
-- What a worker may call: one function, one round trip and one commit a request. A function that touches
-- a user's rows takes that user first and repeats it in each query (docs/design.md).
-- Errors are told apart by SQLSTATE: 23505 means that the key was committed by somebody else meanwhile.
BEGIN;

-- An order, once for each of its items. outcome says what was done: found, changed, replayed (as it was
-- after the remembered request), key_reused or refused. event_waits: an earlier event of the order is owed.
CREATE TYPE orders.order_line AS (
	outcome         text,
	user_id         bigint,
	order_id        bigint,
	email           text,
	status          orders.order_status,
	version         integer,
	total_amount    numeric,
	created_at      timestamp with time zone,
	updated_at      timestamp with time zone,
	line            integer,
	item_id         bigint,
	product_id      bigint,
	product_name    text,
	product_price   numeric,
	quantity        integer,
	subtotal        numeric,
	item_created_at timestamp with time zone,
	old_status      orders.order_status,
	event_id        uuid,
	event_waits     boolean
);

-- What the worker was built for; it refuses to be ready with less.
CREATE FUNCTION orders.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN 1;

-- Creates an order, its items, its first change and the event that it owes, whose first attempt belongs to
-- the caller for p_lease_ms. Gives the items' ids by line. A key that exists already raises 23505.
CREATE FUNCTION orders.create_order(
	p_user bigint, p_email text, p_total numeric,
	p_products bigint[], p_names text[], p_prices numeric[], p_quantities integer[], p_subtotals numeric[],
	p_key text, p_digest bytea, p_event uuid, p_request_id text, p_traceparent text, p_lease_ms integer
) RETURNS TABLE (order_id bigint, created_at timestamp with time zone, line integer, item_id bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET lock_timeout = '2s'
AS $$
#variable_conflict use_column
DECLARE
	v_now timestamp with time zone := clock_timestamp();
	v_order bigint;
BEGIN
	INSERT INTO orders.orders AS o (user_id, email, status, version, total_amount, created_at, updated_at)
	VALUES (p_user, p_email, 'pending', 1, p_total, v_now, v_now)
	RETURNING o.id INTO v_order;

	INSERT INTO orders.order_changes
		(user_id, order_id, version, new_status, changed_at, changed_by, event_id, idempotency_key, request_digest)
	VALUES (p_user, v_order, 1, 'pending', v_now, p_user, p_event, p_key, p_digest);

	INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at)
	VALUES (p_user, v_order, 1, p_request_id, p_traceparent, v_now + p_lease_ms * interval '1 millisecond');

	RETURN QUERY
	INSERT INTO orders.order_items AS i
		(user_id, order_id, line, product_id, product_name, product_price, quantity, subtotal, created_at)
	SELECT p_user, v_order, w.line::integer, w.product_id, w.name, w.price, w.quantity, w.subtotal, v_now
	FROM unnest(p_products, p_names, p_prices, p_quantities, p_subtotals)
		WITH ORDINALITY AS w (product_id, name, price, quantity, subtotal, line)
	RETURNING v_order, v_now, i.line, i.id;
END
$$;

CREATE FUNCTION orders.get_order(p_user bigint, p_order bigint) RETURNS SETOF orders.order_line
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
	RETURN QUERY
	SELECT 'found', o.user_id, o.id, o.email, o.status, o.version, o.total_amount, o.created_at, o.updated_at,
	       i.line, i.id, i.product_id, i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at,
	       NULL::orders.order_status, NULL::uuid, false
	FROM orders.orders AS o
	LEFT JOIN orders.order_items AS i ON i.user_id = p_user AND i.order_id = p_order
	WHERE o.user_id = p_user AND o.id = p_order
	ORDER BY i.line;
END
$$;

-- A page of a user's orders, newest first. OFFSET 0 keeps the items' lookup one index scan an order,
-- whatever the statistics say.
CREATE FUNCTION orders.list_orders(p_user bigint, p_skip bigint, p_limit integer) RETURNS SETOF orders.order_line
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

-- The order as it was after the request that p_caller sent under p_key, if there was one. Whoever hears of it takes it for
-- kept, so with synchronous standbys this waits for them too: that change's own session may have been cut while it did.
CREATE FUNCTION orders.find_replay(p_user bigint, p_caller bigint, p_key text, p_digest bytea)
RETURNS SETOF orders.order_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
	v_change record;
BEGIN
	SELECT c.order_id, c.version, c.old_status, c.new_status, c.changed_at, c.event_id, c.request_digest INTO v_change
	FROM orders.order_changes AS c
	WHERE c.user_id = p_user AND c.changed_by = p_caller AND c.idempotency_key = p_key;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT CASE WHEN v_change.request_digest = p_digest THEN 'replayed' ELSE 'key_reused' END,
	       o.user_id, o.id, o.email, v_change.new_status, v_change.version, o.total_amount, o.created_at, v_change.changed_at,
	       i.line, i.id, i.product_id, i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at,
	       v_change.old_status, v_change.event_id, false
	FROM orders.orders AS o
	LEFT JOIN orders.order_items AS i ON i.user_id = p_user AND i.order_id = v_change.order_id
	WHERE o.user_id = p_user AND o.id = v_change.order_id
	ORDER BY i.line;
	IF current_setting('synchronous_standby_names') <> '' THEN
		PERFORM pg_logical_emit_message(true, 'orders', ''); -- a commit of its own, behind that of the change
	END IF;
END
$$;

-- Leads an order to p_to if its status is one of p_from, else gives it back refused, as it is. The event is
-- the caller's to send for p_lease_ms, unless an earlier one of the order is still owed: then it waits for it.
-- Who waits for a row waits twice, behind others for its turn and then for its holder: 2 s in all.
CREATE FUNCTION orders.change_status(
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

-- Whose an order is, and whose rows remember p_caller's request under p_key. For staff, who act on other
-- people's rows; p_order and p_key may be NULL. Always one row.
CREATE FUNCTION orders.find_owner(p_order bigint, p_caller bigint, p_key text)
RETURNS TABLE (owner bigint, key_owner bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
	SELECT o.user_id INTO owner FROM orders.orders AS o WHERE o.id = p_order;
	SELECT c.user_id INTO key_owner
	FROM (
		SELECT a.user_id FROM orders.order_changes AS a
		WHERE a.changed_by = p_caller AND a.idempotency_key = p_key AND a.changed_by <> a.user_id
		UNION ALL
		SELECT b.user_id FROM orders.order_changes AS b
		WHERE b.user_id = p_caller AND b.changed_by = p_caller AND b.idempotency_key = p_key
	) AS c;
	RETURN NEXT;
END
$$;

-- An owed event with what it says, once for each item that it lists.
CREATE TYPE orders.event_line AS (
	user_id       bigint,
	order_id      bigint,
	version       integer,
	event_id      uuid,
	changed_at    timestamp with time zone,
	changed_by    bigint,
	old_status    orders.order_status,
	new_status    orders.order_status,
	email         text,
	total_amount  numeric,
	request_id    text,
	traceparent   text,
	attempts      integer,
	line          integer,
	product_id    bigint,
	product_name  text,
	product_price numeric,
	quantity      integer
);

-- Up to p_limit events that are due, oldest first and of each order only the first that is owed; they are the
-- caller's for p_lease_ms. One that has another before it is put off until that one's next attempt. Neither
-- this nor publish_done() waits for the disk: what a crash undoes is sent once more, which is allowed. But it does
-- wait for synchronous standbys: a change whose own session was cut before they had it must not be told to anybody. The
-- planner must not go by the size that the queue had when the plan was made.
CREATE FUNCTION orders.claim_due(p_limit integer, p_lease_ms integer) RETURNS SETOF orders.event_line
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

-- SNS has taken these events: they are owed no more, and the next of each order is due, also where a claim is putting it off
-- at this moment: its row is waited for, whatever time it says.
CREATE FUNCTION orders.publish_done(p_users bigint[], p_orders bigint[], p_versions integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	DELETE FROM orders.outbox AS b
	USING unnest(p_users, p_orders, p_versions) AS d (user_id, order_id, version)
	WHERE b.user_id = d.user_id AND b.order_id = d.order_id AND b.version = d.version;
	UPDATE orders.outbox AS b
	SET next_attempt_at = now()
	FROM unnest(p_users, p_orders, p_versions) AS d (user_id, order_id, version)
	WHERE b.user_id = d.user_id AND b.order_id = d.order_id AND b.version = d.version + 1;
END
$$;

-- SNS has not taken these events: the next attempt is p_delays ms away or, where that is NULL, there is none
-- and the event is parked, which lets the next of its order go on.
CREATE FUNCTION orders.publish_failed(
	p_users bigint[], p_orders bigint[], p_versions integer[], p_delays integer[], p_errors text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	FOR i IN 1 .. cardinality(p_users) LOOP
		UPDATE orders.outbox AS b
		SET next_attempt_at = now() + coalesce(p_delays[i], 0) * interval '1 millisecond',
		    parked_at = CASE WHEN p_delays[i] IS NULL THEN now() END,
		    last_error = p_errors[i]
		WHERE b.user_id = p_users[i] AND b.order_id = p_orders[i] AND b.version = p_versions[i];
		IF p_delays[i] IS NULL THEN
			UPDATE orders.outbox AS b SET next_attempt_at = now()
			WHERE b.user_id = p_users[i] AND b.order_id = p_orders[i] AND b.version = p_versions[i] + 1;
		END IF;
	END LOOP;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA orders FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA orders TO orders_api;

COMMIT;

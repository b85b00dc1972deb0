-- Deploy orders:desk to pg
-- The order desk: filters and keyset pages, everybody's orders for staff, history, reasons and notes, changes on a condition.
-- What workers of schema version 1 call is still there and answers as it did, so that they serve on while others take over; only
-- orders.event_line grew, at its end.

-- Built beside a service at work, so outside a transaction; what was interrupted is begun again. That user_id > 0 holds for every order; but only a
-- query that says so may use the second index. One user's list must not: it would, wherever statistics say that a status is rare, and read
-- everybody's orders of that status when they are out of date.
SET client_min_messages = warning;
DROP INDEX CONCURRENTLY IF EXISTS orders.orders_by_status;
CREATE INDEX CONCURRENTLY orders_by_status ON orders.orders (user_id, status, created_at DESC, id DESC);
DROP INDEX CONCURRENTLY IF EXISTS orders.all_orders_by_status;
CREATE INDEX CONCURRENTLY all_orders_by_status ON orders.orders (status, created_at DESC, id DESC) WHERE user_id > 0;

BEGIN;

-- No list needs it any more, and where it is there the planner takes it for a status too, and reads past all others. Rather no deployment now than
-- every request behind a long look at this table.
SET LOCAL lock_timeout = '3s';
DROP INDEX orders.orders_newest_first;

CREATE OR REPLACE FUNCTION orders.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN 2;

-- A page of a user's orders, newest first: those of p_status, created from p_from on and before p_to, that are older than the
-- order p_after; each of these may be NULL. p_after is one of the user's, or else p_after_at says when it was created; a single
-- line no_after where it is neither.
-- A page is read from five ranges of one index, merged, as each status has its own: so it costs the same wherever it is and however rare what it
-- shows. The settings are for that: one plan for all values, which goes neither by the sizes that the tables had when it was made
-- nor by what is usual in them.
CREATE FUNCTION orders.list_orders(
	p_user bigint, p_status orders.order_status, p_from timestamp with time zone, p_to timestamp with time zone,
	p_after bigint, p_after_at timestamp with time zone, p_skip bigint, p_limit integer
) RETURNS SETOF orders.order_line
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
	v_from timestamp with time zone := coalesce(p_from, '-infinity');
	v_at timestamp with time zone := p_after_at;
	v_id bigint := p_after;
	v_line orders.order_line;
BEGIN
	IF p_after IS NOT NULL AND v_at IS NULL THEN
		SELECT o.created_at INTO v_at FROM orders.orders AS o WHERE o.user_id = p_user AND o.id = p_after;
		IF NOT FOUND THEN
			v_line.outcome := 'no_after';
			RETURN NEXT v_line;
			RETURN;
		END IF;
	END IF;
	IF v_at IS NULL OR v_at >= p_to THEN
		v_at := coalesce(p_to, 'infinity');
		v_id := 0; -- less than any
	END IF;

	RETURN QUERY
	SELECT 'found', o.user_id, o.id, o.email, o.status, o.version, o.total_amount, o.created_at, o.updated_at,
	       i.line, i.id, i.product_id, i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at,
	       NULL::orders.order_status, NULL::uuid, false
	FROM (
		SELECT p.* FROM (
			(SELECT * FROM orders.orders WHERE user_id = p_user AND status = 'pending' AND coalesce(p_status, 'pending') = 'pending'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id = p_user AND status = 'confirmed' AND coalesce(p_status, 'confirmed') = 'confirmed'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id = p_user AND status = 'shipped' AND coalesce(p_status, 'shipped') = 'shipped'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id = p_user AND status = 'delivered' AND coalesce(p_status, 'delivered') = 'delivered'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id = p_user AND status = 'cancelled' AND coalesce(p_status, 'cancelled') = 'cancelled'
			 ORDER BY created_at DESC, id DESC)
		) AS p
		WHERE p.created_at >= v_from AND (p.created_at, p.id) < (v_at, v_id)
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

-- As workers of schema version 1 call it.
CREATE OR REPLACE FUNCTION orders.list_orders(p_user bigint, p_skip bigint, p_limit integer) RETURNS SETOF orders.order_line
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM orders.list_orders(p_user, NULL, NULL, NULL, NULL, NULL, p_skip, p_limit);
END
$$;

-- The same of everybody's, for staff. Looks across users.
CREATE FUNCTION orders.list_all_orders(
	p_status orders.order_status, p_from timestamp with time zone, p_to timestamp with time zone,
	p_after bigint, p_skip bigint, p_limit integer
) RETURNS SETOF orders.order_line
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
	v_from timestamp with time zone := coalesce(p_from, '-infinity');
	v_at timestamp with time zone;
	v_id bigint := p_after;
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
		v_id := 0; -- less than any
	END IF;

	RETURN QUERY
	SELECT 'found', o.user_id, o.id, o.email, o.status, o.version, o.total_amount, o.created_at, o.updated_at,
	       i.line, i.id, i.product_id, i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at,
	       NULL::orders.order_status, NULL::uuid, false
	FROM (
		SELECT p.* FROM (
			(SELECT * FROM orders.orders WHERE user_id > 0 AND status = 'pending' AND coalesce(p_status, 'pending') = 'pending'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id > 0 AND status = 'confirmed' AND coalesce(p_status, 'confirmed') = 'confirmed'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id > 0 AND status = 'shipped' AND coalesce(p_status, 'shipped') = 'shipped'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id > 0 AND status = 'delivered' AND coalesce(p_status, 'delivered') = 'delivered'
			 ORDER BY created_at DESC, id DESC)
			UNION ALL
			(SELECT * FROM orders.orders WHERE user_id > 0 AND status = 'cancelled' AND coalesce(p_status, 'cancelled') = 'cancelled'
			 ORDER BY created_at DESC, id DESC)
		) AS p
		WHERE p.created_at >= v_from AND (p.created_at, p.id) < (v_at, v_id)
		ORDER BY p.created_at DESC, p.id DESC
		OFFSET p_skip LIMIT p_limit
	) AS o
	LEFT JOIN LATERAL (
		SELECT * FROM orders.order_items AS j
		WHERE j.user_id = o.user_id AND j.order_id = o.id
		ORDER BY j.line OFFSET 0
	) AS i ON true
	ORDER BY o.created_at DESC, o.id DESC, i.line;
END
$$;

-- What became of an order, oldest first; no line where there is no such order.
CREATE FUNCTION orders.get_history(p_user bigint, p_order bigint)
RETURNS TABLE (
	version integer, old_status orders.order_status, new_status orders.order_status,
	changed_at timestamp with time zone, changed_by bigint, reason text, note text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
BEGIN
	RETURN QUERY
	SELECT c.version, c.old_status, c.new_status, c.changed_at, c.changed_by, c.reason, c.note
	FROM orders.order_changes AS c
	WHERE c.user_id = p_user AND c.order_id = p_order
	ORDER BY c.version;
END
$$;

-- Leads an order to p_to if its version is one of p_versions (NULL: any) and its status one of p_from, else gives it back stale or
-- refused, as it is. The event is the caller's to send for p_lease_ms, unless an earlier one of the order is still owed: then it waits
-- for it. Who waits for a row waits twice, behind others for its turn and then for its holder: 2 s in all.
CREATE FUNCTION orders.change_status(
	p_user bigint, p_order bigint, p_caller bigint, p_to orders.order_status, p_from orders.order_status[],
	p_key text, p_digest bytea, p_event uuid, p_request_id text, p_traceparent text, p_lease_ms integer,
	p_versions integer[], p_reason text, p_note text
) RETURNS SETOF orders.order_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
	v_status orders.order_status;
	v_version integer;
	v_now timestamp with time zone;
	v_waits_until timestamp with time zone;
	v_outcome text;
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

	v_outcome := CASE
		WHEN NOT coalesce(v_version - 1 = ANY (p_versions), true) THEN 'stale'
		WHEN v_status = ANY (p_from) THEN 'changed'
		ELSE 'refused'
	END;
	IF v_outcome = 'changed' THEN
		UPDATE orders.orders AS o
		SET status = p_to, version = v_version, updated_at = v_now
		WHERE o.user_id = p_user AND o.id = p_order;

		INSERT INTO orders.order_changes
			(user_id, order_id, version, old_status, new_status, changed_at, changed_by,
			 reason, note, event_id, idempotency_key, request_digest)
		VALUES (p_user, p_order, v_version, v_status, p_to, v_now, p_caller,
			p_reason, p_note, p_event, p_key, p_digest);

		-- Locked, so that publish_done() has either taken it away before or sees what comes after it here; in its order.
		PERFORM FROM orders.outbox AS b
		WHERE b.user_id = p_user AND b.order_id = p_order AND num_nulls(b.parked_at) = 1
		ORDER BY b.version
		FOR KEY SHARE;

		SELECT max(b.next_attempt_at) INTO v_waits_until
		FROM orders.outbox AS b
		WHERE b.user_id = p_user AND b.order_id = p_order AND num_nulls(b.parked_at) = 1;

		INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at)
		VALUES (p_user, p_order, v_version, p_request_id, p_traceparent,
			coalesce(v_waits_until, v_now + p_lease_ms * interval '1 millisecond'));
	END IF;

	FOR v_line IN SELECT * FROM orders.get_order(p_user, p_order) LOOP
		v_line.outcome := v_outcome;
		v_line.old_status := v_status;
		v_line.event_waits := v_waits_until IS NOT NULL;
		RETURN NEXT v_line;
	END LOOP;
END
$$;

-- As workers of schema version 1 call it.
CREATE OR REPLACE FUNCTION orders.change_status(
	p_user bigint, p_order bigint, p_caller bigint, p_to orders.order_status, p_from orders.order_status[],
	p_key text, p_digest bytea, p_event uuid, p_request_id text, p_traceparent text, p_lease_ms integer
) RETURNS SETOF orders.order_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM orders.change_status(p_user, p_order, p_caller, p_to, p_from, p_key, p_digest, p_event, p_request_id,
		p_traceparent, p_lease_ms, NULL, NULL, NULL);
END
$$;

-- An owed event tells of the reason and the note too.
ALTER TYPE orders.event_line ADD ATTRIBUTE reason text, ADD ATTRIBUTE note text;

-- As it was, with these two. The size that the queue had when a plan was made says nothing of what it has when the plan is used: it is
-- empty, and then SNS is away for an hour. So here, and wherever its rows are looked up, no plan has a choice: rows that are locked are
-- known by their place, nothing can be joined in another order, which OFFSET 0 sees to, and there is but one index, as num_nulls() is not
-- taken for the IS NULL of the partial ones, and as no other gives the order in which one row is asked for (a range, or it would not count).
-- count(*) and not EXISTS, which may become a hash of all that waits.
CREATE OR REPLACE FUNCTION orders.claim_due(p_limit integer, p_lease_ms integer) RETURNS SETOF orders.event_line
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off -- a sort that has to be counts as so dear that it would be compiled
AS $$
DECLARE
	v_now timestamp with time zone := clock_timestamp();
	v_claimed orders.outbox[];
	v_places tid[];
	v_behind tid[];
BEGIN
	IF current_setting('synchronous_standby_names') = '' THEN
		PERFORM set_config('synchronous_commit', 'off', true);
	END IF;

	SELECT array_agg(d.event) FILTER (WHERE d.is_first), array_agg(d.place) FILTER (WHERE d.is_first),
	       array_agg(d.place) FILTER (WHERE NOT d.is_first)
	INTO v_claimed, v_places, v_behind
	FROM (
		SELECT b AS event, b.ctid AS place,
		       (SELECT count(*) FROM orders.outbox AS e
			WHERE e.user_id = b.user_id AND e.order_id = b.order_id AND e.version < b.version
			  AND num_nulls(e.parked_at) = 1) = 0 AS is_first
		FROM orders.outbox AS b
		WHERE b.parked_at IS NULL AND b.next_attempt_at <= v_now
		ORDER BY b.next_attempt_at
		LIMIT p_limit
		FOR UPDATE OF b SKIP LOCKED
	) AS d;

	UPDATE orders.outbox AS b
	SET next_attempt_at = v_now + p_lease_ms * interval '1 millisecond', attempts = b.attempts + 1
	WHERE b.ctid = ANY (v_places);
	-- Looks once more: who published the one before meanwhile has made this one due, and cannot any more now that its row is locked.
	UPDATE orders.outbox AS b
	SET next_attempt_at = interval '1 millisecond' + greatest(v_now, (
		SELECT max(e.next_attempt_at) FROM orders.outbox AS e
		WHERE e.user_id = b.user_id AND e.order_id = b.order_id AND e.version < b.version AND num_nulls(e.parked_at) = 1))
	WHERE b.ctid = ANY (v_behind);

	RETURN QUERY
	SELECT k.user_id, k.order_id, k.version, c.event_id, c.changed_at, c.changed_by, c.old_status, c.new_status,
	       o.email, o.total_amount, k.request_id, k.traceparent, k.attempts + 1,
	       i.line, i.product_id, i.product_name, i.product_price, i.quantity, c.reason, c.note
	FROM unnest(v_claimed) WITH ORDINALITY AS k
	CROSS JOIN LATERAL (
		SELECT * FROM orders.order_changes AS c
		WHERE c.user_id = k.user_id AND c.order_id = k.order_id AND c.version BETWEEN k.version AND k.version
		ORDER BY c.version OFFSET 0
	) AS c
	CROSS JOIN LATERAL (
		SELECT * FROM orders.orders AS o WHERE o.user_id = k.user_id AND o.id = k.order_id OFFSET 0
	) AS o
	LEFT JOIN LATERAL (
		SELECT * FROM orders.order_items AS i
		WHERE k.version = 1 AND i.user_id = k.user_id AND i.order_id = k.order_id OFFSET 0
	) AS i ON true
	ORDER BY k.ordinality, i.line;
END
$$;

-- As it was, but in the order of the keys, so that two that come late do not meet crosswise, and who comes so late that somebody else has
-- taken the event away leaves the next one's lease alone.
CREATE OR REPLACE FUNCTION orders.publish_done(p_users bigint[], p_orders bigint[], p_versions integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
	v_done record;
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	FOR v_done IN
		SELECT * FROM unnest(p_users, p_orders, p_versions) AS d (user_id, order_id, version)
		ORDER BY d.user_id, d.order_id, d.version
	LOOP
		DELETE FROM orders.outbox AS b
		WHERE b.user_id = v_done.user_id AND b.order_id = v_done.order_id AND b.version = v_done.version;
		IF FOUND THEN
			UPDATE orders.outbox AS b SET next_attempt_at = now()
			WHERE b.user_id = v_done.user_id AND b.order_id = v_done.order_id AND b.version = v_done.version + 1;
		END IF;
	END LOOP;
END
$$;

-- As it was, but who comes late, when somebody else has parked the event or taken it away, changes nothing of it, nor of the next one's
-- lease. The caller gives the events in the order of their keys.
CREATE OR REPLACE FUNCTION orders.publish_failed(
	p_users bigint[], p_orders bigint[], p_versions integer[], p_delays integer[], p_errors text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
	FOR i IN 1 .. cardinality(p_users) LOOP
		UPDATE orders.outbox AS b
		SET next_attempt_at = now() + coalesce(p_delays[i], 0) * interval '1 millisecond',
		    parked_at = CASE WHEN p_delays[i] IS NULL THEN now() END,
		    last_error = p_errors[i]
		WHERE b.user_id = p_users[i] AND b.order_id = p_orders[i] AND b.version = p_versions[i] AND num_nulls(b.parked_at) = 1;
		IF FOUND AND p_delays[i] IS NULL THEN
			UPDATE orders.outbox AS b SET next_attempt_at = now()
			WHERE b.user_id = p_users[i] AND b.order_id = p_orders[i] AND b.version = p_versions[i] + 1;
		END IF;
	END LOOP;
END
$$;

REVOKE ALL ON FUNCTION
	orders.list_orders(bigint, orders.order_status, timestamptz, timestamptz, bigint, timestamptz, bigint, integer),
	orders.list_all_orders,
	orders.get_history,
	orders.change_status(bigint, bigint, bigint, orders.order_status, orders.order_status[], text, bytea, uuid, text, text, integer,
		integer[], text, text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	orders.list_orders(bigint, orders.order_status, timestamptz, timestamptz, bigint, timestamptz, bigint, integer),
	orders.list_all_orders,
	orders.get_history,
	orders.change_status(bigint, bigint, bigint, orders.order_status, orders.order_status[], text, bytea, uuid, text, text, integer,
		integer[], text, text)
TO orders_api;

COMMIT;

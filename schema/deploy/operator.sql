-- Deploy orders:operator to pg
-- What an operator asks and does through ordersctl(8), and what the pool tells of its outbox: how much is owed and since when, which
-- events those are, trying them again, giving them up. A worker's role may all of it: it takes events off the outbox anyhow.

-- An event is known by its id, whether it is owed or not. Outside of the transaction, so that orders are taken meanwhile; what an
-- interrupted build leaves is of no use.
SET client_min_messages = warning;
DROP INDEX CONCURRENTLY IF EXISTS orders.order_changes_event;
CREATE INDEX CONCURRENTLY order_changes_event ON orders.order_changes (event_id);

BEGIN;

-- Rather no deployment now than every request behind it; with a large backlog this takes its time, so deploy when there is none.
SET LOCAL lock_timeout = '3s';

-- A worker looks at the outbox: it needs this change.
CREATE OR REPLACE FUNCTION orders.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN 3;

-- Since when an event is owed, within the moment of its change. The queue itself is ordered by the next attempt, which moves.
ALTER TABLE orders.outbox ADD COLUMN owed_at timestamp with time zone NOT NULL DEFAULT now();
UPDATE orders.outbox AS b
SET owed_at = c.changed_at
FROM orders.order_changes AS c
WHERE c.user_id = b.user_id AND c.order_id = b.order_id AND c.version = b.version;
CREATE INDEX outbox_waiting ON orders.outbox (owed_at) WHERE parked_at IS NULL;
CREATE INDEX outbox_parked ON orders.outbox (owed_at) WHERE parked_at IS NOT NULL;

-- Events that were given up: they were never sent, and will not be. A record for people, which nothing goes by: it keeps no order there.
CREATE TABLE orders.outbox_discards (
	user_id      bigint                   NOT NULL,
	order_id     bigint                   NOT NULL,
	version      integer                  NOT NULL,
	event_id     uuid                     NOT NULL,
	discarded_at timestamp with time zone NOT NULL,
	discarded_by text                     NOT NULL,
	reason       text                     NOT NULL,
	attempts     integer                  NOT NULL,
	last_error   text,
	CONSTRAINT outbox_discards_pkey PRIMARY KEY (user_id, order_id, version),
	CONSTRAINT outbox_discards_by_length CHECK (char_length(discarded_by) BETWEEN 1 AND 255),
	CONSTRAINT outbox_discards_reason_length CHECK (char_length(reason) BETWEEN 1 AND 255)
);

-- Events that are owed and not parked, those that are parked, and since when the oldest that is not parked is owed (NULL: there is
-- none). Each number is exact up to 20,000; above, it is reckoned from 1,024 pages in 128 stretches that lie evenly over the table, and
-- off by a percent or two. Some milliseconds, whatever waits: the plans must not go by the size that the queue had when they were made.
CREATE FUNCTION orders.outbox_stats() RETURNS TABLE (waiting bigint, parked bigint, oldest_at timestamp with time zone)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
	c_exact CONSTANT bigint := 20000;
	c_stretches CONSTANT integer := 128;
	v_pages bigint;
	v_length bigint;
	v_from tid;
	v_to tid;
	v_waiting bigint := 0;
	v_parked bigint := 0;
	v_more_waiting bigint;
	v_more_parked bigint;
BEGIN
	SELECT count(*) INTO waiting
	FROM (SELECT FROM orders.outbox AS b WHERE b.parked_at IS NULL ORDER BY b.owed_at LIMIT c_exact + 1) AS w;
	SELECT count(*) INTO parked
	FROM (SELECT FROM orders.outbox AS b WHERE b.parked_at IS NOT NULL ORDER BY b.owed_at LIMIT c_exact + 1) AS p;

	IF waiting > c_exact OR parked > c_exact THEN
		v_pages := pg_relation_size('orders.outbox') / current_setting('block_size')::bigint;
		v_length := greatest(1, least(8, v_pages / c_stretches));
		FOR i IN 0 .. c_stretches - 1 LOOP
			v_from := format('(%s,0)', i * v_pages / c_stretches)::tid;
			v_to := format('(%s,0)', i * v_pages / c_stretches + v_length)::tid;
			SELECT count(*) FILTER (WHERE s.parked_at IS NULL), count(*) FILTER (WHERE s.parked_at IS NOT NULL)
			INTO v_more_waiting, v_more_parked
			FROM orders.outbox AS s WHERE s.ctid >= v_from AND s.ctid < v_to;
			v_waiting := v_waiting + v_more_waiting;
			v_parked := v_parked + v_more_parked;
		END LOOP;
		IF waiting > c_exact THEN
			waiting := greatest(waiting, v_waiting * v_pages / (c_stretches * v_length));
		END IF;
		IF parked > c_exact THEN
			parked := greatest(parked, v_parked * v_pages / (c_stretches * v_length));
		END IF;
	END IF;

	SELECT c.changed_at INTO oldest_at
	FROM (
		SELECT b.user_id, b.order_id, b.version FROM orders.outbox AS b
		WHERE b.parked_at IS NULL
		ORDER BY b.owed_at
		LIMIT 1
	) AS o
	JOIN orders.order_changes AS c ON c.user_id = o.user_id AND c.order_id = o.order_id AND c.version = o.version;
	RETURN NEXT;
END
$$;

-- A change and what became of its event. state: waiting, parked, sent, discarded, or none where the change was taken over from the
-- service before this one. waits_for: the version of an earlier event of the order that has to go first.
CREATE TYPE orders.event_state AS (
	event_id        uuid,
	user_id         bigint,
	order_id        bigint,
	version         integer,
	old_status      orders.order_status,
	new_status      orders.order_status,
	changed_at      timestamp with time zone,
	changed_by      bigint,
	reason          text,
	note            text,
	state           text,
	request_id      text,
	attempts        integer,
	next_attempt_at timestamp with time zone,
	parked_at       timestamp with time zone,
	last_error      text,
	waits_for       integer,
	discarded_at    timestamp with time zone,
	discarded_by    text,
	discard_reason  text
);

-- All changes of an order, oldest first.
CREATE FUNCTION orders.order_events(p_user bigint, p_order bigint) RETURNS SETOF orders.event_state
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
BEGIN
	RETURN QUERY
	SELECT c.event_id, c.user_id, c.order_id, c.version, c.old_status, c.new_status, c.changed_at, c.changed_by, c.reason, c.note,
	       CASE WHEN b.parked_at IS NOT NULL THEN 'parked'
		    WHEN b.user_id IS NOT NULL THEN 'waiting'
		    WHEN d.user_id IS NOT NULL THEN 'discarded'
		    WHEN c.idempotency_key LIKE ' adopted-%' THEN 'none'
		    ELSE 'sent' END,
	       b.request_id, coalesce(b.attempts, d.attempts), b.next_attempt_at, b.parked_at, coalesce(b.last_error, d.last_error),
	       CASE WHEN b.parked_at IS NULL THEN (
			SELECT min(e.version) FROM orders.outbox AS e
			WHERE e.user_id = p_user AND e.order_id = p_order AND e.version < b.version AND num_nulls(e.parked_at) = 1) END,
	       d.discarded_at, d.discarded_by, d.reason
	FROM orders.order_changes AS c
	LEFT JOIN orders.outbox AS b ON b.user_id = p_user AND b.order_id = p_order AND b.version = c.version
	LEFT JOIN orders.outbox_discards AS d ON d.user_id = p_user AND d.order_id = p_order AND d.version = c.version
	WHERE c.user_id = p_user AND c.order_id = p_order
	ORDER BY c.version;
END
$$;

-- Up to p_limit events that are owed, either the parked ones or the others: those that are owed the longest, the oldest first.
CREATE FUNCTION orders.outbox_list(p_parked boolean, p_limit integer) RETURNS SETOF orders.event_state
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
	v_owed record;
BEGIN
	IF p_parked THEN
		FOR v_owed IN
			SELECT b.user_id, b.order_id, b.version FROM orders.outbox AS b
			WHERE b.parked_at IS NOT NULL ORDER BY b.owed_at LIMIT p_limit
		LOOP
			RETURN QUERY SELECT e.* FROM orders.order_events(v_owed.user_id, v_owed.order_id) AS e WHERE e.version = v_owed.version;
		END LOOP;
	ELSE
		FOR v_owed IN
			SELECT b.user_id, b.order_id, b.version FROM orders.outbox AS b
			WHERE b.parked_at IS NULL ORDER BY b.owed_at LIMIT p_limit
		LOOP
			RETURN QUERY SELECT e.* FROM orders.order_events(v_owed.user_id, v_owed.order_id) AS e WHERE e.version = v_owed.version;
		END LOOP;
	END IF;
END
$$;

-- Which change an event tells of; no row: none.
CREATE FUNCTION orders.find_event(p_event uuid) RETURNS TABLE (user_id bigint, order_id bigint, version integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT c.user_id, c.order_id, c.version FROM orders.order_changes AS c WHERE c.event_id = p_event;
END
$$;

-- The events of these ids, in this order; there is no row for an id that no event has.
CREATE FUNCTION orders.outbox_events(p_events uuid[]) RETURNS SETOF orders.event_state
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
	v_user bigint;
	v_order bigint;
	v_version integer;
BEGIN
	FOR i IN 1 .. cardinality(p_events) LOOP
		SELECT f.user_id, f.order_id, f.version INTO v_user, v_order, v_version FROM orders.find_event(p_events[i]) AS f;
		RETURN QUERY SELECT e.* FROM orders.order_events(v_user, v_order) AS e WHERE e.version = v_version;
	END LOOP;
END
$$;

-- Which changes these events tell of, by the order of their keys: in it everybody locks what is owed, or they would wait for each
-- other crosswise. place: of the event in p_events.
CREATE FUNCTION orders.in_order(p_events uuid[])
RETURNS TABLE (place integer, user_id bigint, order_id bigint, version integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT i, f.user_id, f.order_id, f.version
	FROM generate_subscripts(p_events, 1) AS i
	LEFT JOIN LATERAL orders.find_event(p_events[i]) AS f ON true
	ORDER BY f.user_id, f.order_id, f.version;
END
$$;

-- What became of an event that is not in the outbox: sent, discarded_before, or unknown.
CREATE FUNCTION orders.why_not_owed(p_user bigint, p_order bigint, p_version integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
	RETURN coalesce((
		SELECT CASE e.state WHEN 'discarded' THEN 'discarded_before' ELSE e.state END
		FROM orders.order_events(p_user, p_order) AS e
		WHERE e.version = p_version), 'unknown');
END
$$;

-- These events are due now, parked or not; their attempts still count. For each of them, in this order, what was done: retried, or
-- nothing since it is sent or was discarded before, or unknown. An event behind another of its order goes on waiting for that one.
CREATE FUNCTION orders.outbox_retry(p_events uuid[]) RETURNS TABLE (event_id uuid, outcome text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET lock_timeout = '2s'
AS $$
#variable_conflict use_column
DECLARE
	v_event record;
	v_outcomes text[] := array_fill(NULL::text, ARRAY[cardinality(p_events)]);
BEGIN
	FOR v_event IN SELECT * FROM orders.in_order(p_events) LOOP
		UPDATE orders.outbox AS b
		SET next_attempt_at = now(), parked_at = NULL
		WHERE b.user_id = v_event.user_id AND b.order_id = v_event.order_id AND b.version = v_event.version;
		v_outcomes[v_event.place] := CASE
			WHEN FOUND THEN 'retried'
			ELSE orders.why_not_owed(v_event.user_id, v_event.order_id, v_event.version)
		END;
	END LOOP;
	RETURN QUERY SELECT p_events[i], v_outcomes[i] FROM generate_subscripts(p_events, 1) AS i;
END
$$;

-- Up to p_limit events that were parked before p_before, or before now where that is NULL, are due now, those that are owed the longest
-- first. Says how many those are, and p_before, NULL when none was found: whoever goes on with it until then does not meet one twice that
-- is parked again, and does not stop because somebody else was faster with all of a batch.
CREATE FUNCTION orders.outbox_retry_parked(p_before timestamp with time zone, p_limit integer)
RETURNS TABLE (retried bigint, before timestamp with time zone)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
SET lock_timeout = '2s'
AS $$
DECLARE
	v_owed record;
BEGIN
	retried := 0;
	before := coalesce(p_before, now());
	FOR v_owed IN
		SELECT p.user_id, p.order_id, p.version
		FROM (
			SELECT * FROM orders.outbox AS b
			WHERE b.parked_at IS NOT NULL AND b.parked_at < before
			ORDER BY b.owed_at
			LIMIT p_limit
		) AS p
		ORDER BY p.user_id, p.order_id, p.version
	LOOP
		UPDATE orders.outbox AS b
		SET next_attempt_at = now(), parked_at = NULL
		WHERE b.user_id = v_owed.user_id AND b.order_id = v_owed.order_id AND b.version = v_owed.version
		  AND num_nulls(b.parked_at) = 0; -- still: not yet tried again, or given up, by somebody else
		retried := retried + FOUND::int;
	END LOOP;
	IF NOT FOUND THEN -- of the loop: there was none
		before := NULL;
	END IF;
	RETURN NEXT;
END
$$;

-- These events are given up by p_by for p_reason, which is kept with what was tried, and the next of each order goes on. For each of them,
-- in this order, what was done: discarded, or nothing since it is sent or was discarded before, or unknown. One that a worker is sending at
-- this moment may arrive nevertheless.
CREATE FUNCTION orders.outbox_discard(p_events uuid[], p_by text, p_reason text) RETURNS TABLE (event_id uuid, outcome text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET lock_timeout = '2s'
AS $$
#variable_conflict use_column
DECLARE
	v_event record;
	v_attempts integer;
	v_error text;
	v_outcomes text[] := array_fill(NULL::text, ARRAY[cardinality(p_events)]);
BEGIN
	FOR v_event IN SELECT * FROM orders.in_order(p_events) LOOP
		DELETE FROM orders.outbox AS b
		WHERE b.user_id = v_event.user_id AND b.order_id = v_event.order_id AND b.version = v_event.version
		RETURNING b.attempts, b.last_error INTO v_attempts, v_error;
		IF FOUND THEN
			INSERT INTO orders.outbox_discards
				(user_id, order_id, version, event_id, discarded_at, discarded_by, reason, attempts, last_error)
			VALUES (v_event.user_id, v_event.order_id, v_event.version, p_events[v_event.place], now(), p_by, p_reason,
				v_attempts, v_error);
			UPDATE orders.outbox AS b SET next_attempt_at = now()
			WHERE b.user_id = v_event.user_id AND b.order_id = v_event.order_id AND b.version = v_event.version + 1;
			v_outcomes[v_event.place] := 'discarded';
		ELSE
			v_outcomes[v_event.place] := orders.why_not_owed(v_event.user_id, v_event.order_id, v_event.version);
		END IF;
	END LOOP;
	RETURN QUERY SELECT p_events[i], v_outcomes[i] FROM generate_subscripts(p_events, 1) AS i;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA orders FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA orders TO orders_api;

COMMIT;

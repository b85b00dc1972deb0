-- What must hold, counted: the last query gives a row for each figure and for each invariant.
--
-- audit.answers is what clients saw (each row a request), audit.messages what a subscriber received, in that order. Both
-- are loaded when this runs (audit.c). Nothing here trusts a constraint of the schema that is audited.
SET search_path = audit, pg_catalog;
SET work_mem = '256MB';
SET jit = off;

CREATE UNLOGGED TABLE events AS
SELECT m.arrival, m.subject, m.attribute, m.message IS NULL AS unreadable,
       m.message ->> 'event_id' AS event_id,
       m.message ->> 'event_type' AS event_type,
       m.message ->> 'timestamp' AS at,
       m.message -> 'data' AS data,
       (m.message #>> '{data,order_id}')::numeric AS order_id,
       (m.message #>> '{data,version}')::numeric AS version
FROM messages AS m;

CREATE UNLOGGED TABLE changes AS
SELECT c.*, c.event_id::text AS event,
       lag(c.new_status) OVER w AS before,
       row_number() OVER w AS nth
FROM orders.order_changes AS c
WINDOW w AS (PARTITION BY c.user_id, c.order_id ORDER BY c.version);

-- Orders that were acknowledged, once for each request.
CREATE UNLOGGED TABLE acked AS
SELECT a.user_id, a.order_id, a.total, a.lines, a.items, coalesce(a.key, 'request ' || a.id) AS request, a.key
FROM answers AS a
WHERE a.kind IN ('create', 'repeat') AND a.status = 201;

CREATE UNLOGGED TABLE acked_changes AS
SELECT DISTINCT a.user_id, a.order_id, a.to_status
FROM answers AS a
WHERE a.kind = 'change' AND a.status = 200;

CREATE UNLOGGED TABLE stored AS
SELECT o.*, coalesce(i.lines, 0) AS lines, coalesce(i.total, 0) AS items_total, coalesce(i.sound, false) AS sound, i.items
FROM orders.orders AS o
LEFT JOIN (
	SELECT j.user_id, j.order_id, count(*) AS lines, sum(j.subtotal) AS total,
	       min(j.line) = 1 AND max(j.line) = count(*) AND count(DISTINCT j.line) = count(*)
	       AND bool_and(j.subtotal = j.product_price * j.quantity) AS sound,
	       string_agg(j.product_id || 'x' || j.quantity, ',' ORDER BY j.line) AS items
	FROM orders.order_items AS j
	GROUP BY j.user_id, j.order_id
) AS i ON i.user_id = o.user_id AND i.order_id = o.id;

CREATE INDEX ON events (event_id);
CREATE INDEX ON changes (event);
CREATE INDEX ON changes (user_id, order_id);
CREATE INDEX ON stored (id);
ANALYZE events, changes, acked, acked_changes, stored;

-- What the event of each change has to say. The address is that of the order.
CREATE VIEW owed_events AS
SELECT c.event, c.version, c.order_id,
       CASE WHEN c.version = 1 THEN 'order.created' ELSE 'order.status.updated' END AS event_type,
       to_char(c.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
       CASE WHEN c.version = 1 THEN
		jsonb_build_object('order_id', c.order_id, 'user_id', c.user_id, 'user_email', o.email,
				   'total_amount', o.total_amount, 'status', c.new_status, 'version', c.version, 'items', (
			SELECT jsonb_agg(jsonb_build_object('product_id', i.product_id, 'product_name', i.product_name,
							    'quantity', i.quantity, 'price', i.product_price) ORDER BY i.line)
			FROM orders.order_items AS i
			WHERE i.user_id = c.user_id AND i.order_id = c.order_id))
	    ELSE
		jsonb_build_object('order_id', c.order_id, 'user_id', c.user_id, 'user_email', o.email,
				   'old_status', c.old_status, 'new_status', c.new_status,
				   'updated_by', c.changed_by::text, 'version', c.version)
       END AS data
FROM changes AS c
LEFT JOIN stored AS o ON o.user_id = c.user_id AND o.id = c.order_id;

SELECT false AS is_invariant, 'acked_orders' AS name, count(DISTINCT (a.user_id, a.order_id)) AS n FROM acked AS a
UNION ALL SELECT false, 'acked_changes', count(*) FROM acked_changes
UNION ALL SELECT false, 'stored_orders', count(*) FROM stored
UNION ALL SELECT false, 'changes', count(*) FROM changes
UNION ALL SELECT false, 'delivered', count(*) FROM events
UNION ALL SELECT false, 'distinct', count(DISTINCT e.event_id) FROM events AS e

UNION ALL SELECT true, 'acknowledged orders exist once and are what was acknowledged', count(*)
FROM (SELECT DISTINCT a.user_id, a.order_id, a.total, a.lines, a.items FROM acked AS a) AS a
WHERE (SELECT count(*) FROM stored AS s WHERE s.id = a.order_id) <> 1
   OR NOT EXISTS (
	SELECT FROM stored AS s
	WHERE s.id = a.order_id AND s.user_id = a.user_id AND s.total_amount = a.total AND s.lines = a.lines
	  AND s.items = a.items AND s.email = 'user' || a.user_id || '@example.com')

UNION ALL SELECT true, 'no order is the answer to two requests', count(*)
FROM (SELECT FROM acked AS a GROUP BY a.order_id HAVING count(DISTINCT a.request) > 1) AS t

UNION ALL SELECT true, 'no key has two orders', (
	SELECT count(*) FROM (
		SELECT FROM acked AS a WHERE a.key IS NOT NULL
		GROUP BY a.user_id, a.key HAVING count(DISTINCT a.order_id) > 1) AS t
) + (
	SELECT count(*) FROM (
		SELECT FROM changes AS c GROUP BY c.user_id, c.changed_by, c.idempotency_key HAVING count(*) > 1) AS t
) + (
	SELECT count(*) FROM (SELECT DISTINCT a.user_id, a.key, a.order_id FROM acked AS a WHERE a.key IS NOT NULL) AS a
	WHERE NOT EXISTS (
		SELECT FROM changes AS c
		WHERE c.user_id = a.user_id AND c.order_id = a.order_id AND c.version = 1 AND c.idempotency_key = a.key)
)

UNION ALL SELECT true, 'items add up to their order', count(*)
FROM stored AS s WHERE s.items_total <> s.total_amount OR NOT s.sound

UNION ALL SELECT true, 'acknowledged changes were made', count(*)
FROM acked_changes AS a
WHERE NOT EXISTS (
	SELECT FROM changes AS c
	WHERE c.user_id = a.user_id AND c.order_id = a.order_id AND c.version > 1 AND c.new_status::text = a.to_status)

UNION ALL SELECT true, 'changes are a legal chain from 1 to the order''s version and status', (
	SELECT count(*) FROM changes AS c
	WHERE c.version <> c.nth
	   OR c.old_status IS DISTINCT FROM c.before
	   OR CASE WHEN c.old_status IS NULL THEN (c.version, c.new_status::text) <> (1, 'pending')
		   ELSE (c.old_status::text, c.new_status::text) NOT IN (
			('pending', 'confirmed'), ('confirmed', 'shipped'), ('shipped', 'delivered'),
			('pending', 'cancelled'), ('confirmed', 'cancelled'), ('shipped', 'cancelled')) END
) + (
	SELECT count(*) FROM stored AS s
	LEFT JOIN (
		SELECT DISTINCT ON (c.user_id, c.order_id) c.* FROM changes AS c
		ORDER BY c.user_id, c.order_id, c.version DESC
	) AS c ON c.user_id = s.user_id AND c.order_id = s.id
	WHERE (c.version, c.new_status) IS DISTINCT FROM (s.version, s.status)
) + (
	SELECT count(*) FROM changes AS c
	WHERE NOT EXISTS (SELECT FROM stored AS s WHERE s.user_id = c.user_id AND s.id = c.order_id)
)

UNION ALL SELECT true, 'no event is owed any more', count(*) FROM orders.outbox

UNION ALL SELECT true, 'every change has its event delivered', count(*)
FROM changes AS c WHERE NOT EXISTS (SELECT FROM events AS e WHERE e.event_id = c.event)

UNION ALL SELECT true, 'no two changes share an event', count(*)
FROM (SELECT FROM changes AS c GROUP BY c.event HAVING count(*) > 1) AS t

UNION ALL SELECT true, 'nothing is delivered that does not exist', count(*)
FROM events AS e
WHERE e.unreadable OR e.event_id IS NULL OR NOT EXISTS (SELECT FROM changes AS c WHERE c.event = e.event_id)

UNION ALL SELECT true, 'delivered events say what the database says', count(*)
FROM events AS e
JOIN owed_events AS w ON w.event = e.event_id
WHERE (e.event_type, e.subject, e.attribute, e.at, e.data) IS DISTINCT FROM (w.event_type, w.event_type, w.event_type, w.at, w.data)

UNION ALL SELECT true, 'no event is delivered twice', count(*) - count(DISTINCT e.event_id)
FROM events AS e WHERE e.event_id IS NOT NULL

UNION ALL SELECT true, 'events of an order arrive in order', count(*)
FROM (
	SELECT f.first, lag(f.first) OVER (PARTITION BY f.order_id ORDER BY f.version) AS before
	FROM (
		SELECT e.order_id, e.version, min(e.arrival) AS first FROM events AS e
		WHERE e.version IS NOT NULL
		GROUP BY e.order_id, e.version) AS f
) AS t
WHERE t.first < t.before;

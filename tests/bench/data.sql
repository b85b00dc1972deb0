-- Loads :n orders as a shop has them after two years, with items and changes, none of which owes an event: data.sh tells what they
-- are. All of it is one transaction: who asks meanwhile waits, and what fails leaves nothing behind. The same :n, :seed and :until give
-- the same rows in an empty database.
--
-- Rows are written in the order in which they would have come, so that a user's orders lie apart in the tables. Keys and
-- indexes would then be filled at random: they are taken away and made again afterwards, from their own definitions, and
-- nothing is committed unless the catalog says of them what it said before.
SET client_min_messages = warning;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET work_mem = '256MB';
SET maintenance_work_mem = '1GB';
SET enable_mergejoin = off;
SET jit = off;
BEGIN;
LOCK TABLE orders.orders, orders.order_items, orders.order_changes, orders.outbox IN ACCESS EXCLUSIVE MODE;

SELECT EXISTS (SELECT FROM orders.orders) AND NOT :'add'::boolean AS taken \gset
\if :taken
\warn the database holds orders already; ADD=1 leaves them and adds to them
DO $$ BEGIN RAISE EXCEPTION 'nothing was loaded'; END $$;
\endif

-- Ids go on where the sequence stands, or above what was stored without it.
SELECT greatest((SELECT max(id) FROM orders.orders), s.last_value, 0) AS base
FROM pg_sequences AS s
WHERE format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence('orders.orders', 'id') \gset

-- 1. Keys and indexes.
CREATE TEMP TABLE tables ON COMMIT DROP AS
SELECT unnest('{orders.orders,orders.order_items,orders.order_changes}'::regclass[]) AS oid;

CREATE TEMP TABLE keys ON COMMIT DROP AS
SELECT CASE c.contype WHEN 'f' THEN 3 ELSE 1 END AS step, c.conrelid::regclass AS tab, c.conname AS name,
       format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS leave,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS come
FROM pg_constraint AS c
WHERE c.contype IN ('p', 'u', 'x', 'f') AND (c.conrelid IN (SELECT oid FROM tables) OR c.confrelid IN (SELECT oid FROM tables))
UNION ALL
SELECT 2, i.indrelid::regclass, r.relname, format('DROP INDEX %s', r.oid::regclass), pg_get_indexdef(r.oid)
FROM pg_index AS i
JOIN pg_class AS r ON r.oid = i.indexrelid
WHERE i.indrelid IN (SELECT oid FROM tables)
  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'));

CREATE TEMP VIEW catalog AS
SELECT c.conrelid::regclass AS tab, c.conname AS name, pg_get_constraintdef(c.oid) AS definition,
       concat_ws(' ', c.contype, c.convalidated, c.condeferrable, c.condeferred, c.conindid::regclass, obj_description(c.oid)) AS rest
FROM pg_constraint AS c
WHERE c.connamespace = 'orders'::regnamespace
UNION ALL
SELECT i.indrelid::regclass, r.relname, pg_get_indexdef(r.oid),
       concat_ws(' ', i.indisvalid, i.indisunique, i.indisclustered, i.indisreplident, i.indimmediate, r.relpersistence,
		 r.reltablespace, r.relowner::regrole, obj_description(r.oid))
FROM pg_index AS i
JOIN pg_class AS r ON r.oid = i.indexrelid
WHERE r.relnamespace = 'orders'::regnamespace
UNION ALL
SELECT r.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
       concat_ws(' ', a.attnotnull, a.attidentity, a.attstattarget, pg_get_expr(d.adbin, d.adrelid), r.reloptions, r.relacl)
FROM pg_attribute AS a
JOIN pg_class AS r ON r.oid = a.attrelid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relnamespace = 'orders'::regnamespace AND r.relkind = 'r' AND a.attnum > 0;

CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM catalog;
SELECT leave FROM keys ORDER BY step DESC, tab, name \gexec

-- 2. Rows. What the sample Product Service sells, without its oddities.
CREATE TEMP TABLE products ON COMMIT DROP AS
SELECT row_number() OVER () - 1 AS k, p.* FROM (VALUES
	(1, 'Wireless Mouse', 24.99), (2, 'Mechanical Keyboard', 89.90), (3, 'USB-C Hub', 45.50), (4, '27" Monitor', 249.00),
	(5, 'Webcam 1080p', 59.95), (6, 'Laptop Stand', 34.00), (8, 'Noise-Cancelling Headphones', 199.00),
	(9, 'Portable SSD 1 TB', 109.49), (10, 'HDMI Cable 2 m', 7.99), (11, 'Kaffeemühle „Röstmeister“', 64.90),
	(12, 'Café au lait bowl', 12.50), (13, '抹茶 茶碗', 38.00), (14, 'Самовар', 149.00), (15, 'Smörgåsbräda', 27.25),
	(16, 'Jalapeño Salsa 🌶', 4.75), (17, 'Crème brûlée torch', 31.80), (18, 'Paper Clips, 100', 0.99), (19, 'Ball Pen', 1.50),
	(20, 'Gift Card', 25.00), (21, 'Office Chair', 179.00), (22, 'Standing Desk', 499.00), (30, 'Notebook A5', 3.49),
	(31, 'Backpack', 54.95), (32, 'Water Bottle', 18.00), (33, 'Phone Case', 14.90), (34, 'Screen Cleaner', 6.20),
	(35, 'Power Bank', 39.99), (36, 'Bluetooth Speaker', 74.50), (37, 'Smart Plug', 16.95), (38, 'LED Strip', 22.40),
	(39, 'Ethernet Switch', 44.00), (40, 'Cable Ties, 50', 5.05)) AS p (id, name, price);

-- Every (n / b)th order is user 9's, b of them in all: 100,000, or a tenth where there are fewer. The others' users are drawn by the square
-- of a uniform number, so that some have thousands and most a few.
SELECT :n / least(100000, :n / 10) AS step, :n / 4 AS users \gset

-- The orders from the $1st to the $2nd. A draw is some bits of a hash of the order's number. done counts the steps from pending that
-- an order has gone, s1 to s3 are the seconds after which it went them; who is cancelled is so after them. Of the newest 0.5 %, three days,
-- none has arrived yet; of the others one in a hundred each was left behind pending, confirmed and shipped.
PREPARE load(bigint, bigint) AS
WITH drawn AS MATERIALIZED (
	SELECT i, hashint8extended(i, :seed) AS a, hashint8extended(i, :seed + 1) AS b, i::float8 / :n AS place
	FROM generate_series($1, $2) AS i
), fates AS MATERIALIZED (
	SELECT d.i, d.b,
	       CASE WHEN d.i % :step = 0 THEN 9
		    ELSE 10 + floor(power((d.a & 4294967295) / 4294967296.0::float8, 2) * :users)::bigint END AS user_id,
	       :'until'::timestamptz
		- make_interval(secs => 63072000 * (1 - (d.i - 1 + ((d.b >> 40) & 1023) / 1024.0::float8) / :n)) AS created_at,
	       1 + ((d.a >> 32 & 1023) > 460)::int + ((d.a >> 32 & 1023) > 717)::int + ((d.a >> 32 & 1023) > 870)::int
	         + ((d.a >> 32 & 1023) > 973)::int AS lines,
	       f.fate < 92 AS cancelled,
	       CASE WHEN d.place > 0.999 OR f.fate < 46 THEN 0
	            WHEN d.place > 0.9975 OR f.fate < 78 THEN 1
	            WHEN d.place > 0.995 OR f.fate < 92 THEN 2
	            WHEN f.fate < 102 THEN 0 WHEN f.fate < 112 THEN 1 WHEN f.fate < 122 THEN 2 ELSE 3 END AS done,
	       60 + (d.b & 4095) AS s1, 6000 + (d.b >> 12 & 65535) AS s2, 75000 + (d.b >> 24 & 131071) AS s3
	FROM drawn AS d, LATERAL (SELECT d.a >> 42 & 1023 AS fate) AS f
), lines AS MATERIALIZED (
	SELECT f.i, f.user_id, l.line, p.id, p.name, p.price, q.quantity, p.price * q.quantity AS subtotal, f.created_at
	FROM fates AS f
	JOIN (VALUES (1), (2), (3), (4), (5)) AS l (line) ON l.line <= f.lines,
	LATERAL (SELECT hashint8extended(f.i * 8 + l.line, :seed + 2) AS c OFFSET 0) AS d,
	LATERAL (SELECT 1 + ((d.c & 1023) > 700)::int + ((d.c & 1023) > 900)::int + ((d.c & 1023) > 990)::int AS quantity) AS q,
	products AS p
	WHERE p.k = d.c >> 32 & 31
), placed AS (
	INSERT INTO orders.orders (user_id, id, email, status, version, total_amount, created_at, updated_at)
	OVERRIDING SYSTEM VALUE
	SELECT f.user_id, :base + f.i, 'user' || f.user_id || '@example.com',
	       CASE WHEN f.cancelled THEN 'cancelled'
		    ELSE ('{pending,confirmed,shipped,delivered}'::orders.order_status[])[1 + f.done] END,
	       1 + f.done + f.cancelled::int, t.total, f.created_at,
	       least(:'until', f.created_at + make_interval(secs => (ARRAY[0, f.s1, f.s2, f.s3])[1 + f.done + f.cancelled::int]))
	FROM fates AS f
	JOIN (SELECT l.i, sum(l.subtotal) AS total FROM lines AS l GROUP BY l.i) AS t ON t.i = f.i
	ORDER BY f.i
), listed AS (
	INSERT INTO orders.order_items (user_id, order_id, line, product_id, product_name, product_price, quantity, subtotal, created_at)
	SELECT l.user_id, :base + l.i, l.line, l.id, l.name, l.price, l.quantity, l.subtotal, l.created_at
	FROM lines AS l
	ORDER BY l.i, l.line
)
INSERT INTO orders.order_changes
	(user_id, order_id, version, old_status, new_status, changed_at, changed_by, reason, event_id, idempotency_key, request_digest)
SELECT c.user_id, c.order_id, c.version, c.was, c.becomes, c.changed_at,
       CASE WHEN c.version = 1 OR c.becomes = 'cancelled' AND c.by_owner THEN c.user_id ELSE 1 + c.order_id % 3 END,
       CASE WHEN c.becomes <> 'cancelled' THEN NULL WHEN c.by_owner THEN 'customer'
	    ELSE ('{inventory,declined,fraud,other}'::text[])[1 + c.order_id % 4] END,
       c.event_id, ' ' || c.event_id, decode(repeat('00', 32), 'hex')
FROM (
	SELECT f.user_id, :base + f.i AS order_id, v.version,
	       ('{pending,confirmed,shipped,delivered}'::orders.order_status[])[v.version - 1] AS was,
	       CASE WHEN v.version > 1 + f.done THEN 'cancelled'
		    ELSE ('{pending,confirmed,shipped,delivered}'::orders.order_status[])[v.version] END AS becomes,
	       least(:'until', f.created_at + make_interval(secs => (ARRAY[0, f.s1, f.s2, f.s3])[v.version])) AS changed_at,
	       f.b >> 50 & 3 > 0 AS by_owner,
	       (lpad(to_hex(hashint8extended(f.i * 8 + v.version, :seed + 3)), 16, '0')
		|| lpad(to_hex((:base + f.i) * 8 + v.version), 16, '0'))::uuid AS event_id -- far quicker than md5()
	FROM fates AS f
	JOIN (VALUES (1), (2), (3), (4)) AS v (version) ON v.version <= 1 + f.done + f.cancelled::int
	OFFSET 0
) AS c
ORDER BY c.changed_at;

SELECT format('EXECUTE load(%s, %s)', 1 + part * size, least(:n, (1 + part) * size)),
       format('SELECT format(''  %%s s: %s orders'', round(extract(epoch FROM clock_timestamp() - now())))', least(:n, (1 + part) * size))
FROM (SELECT greatest(1000, least(500000, :n / 10)) AS size) AS s, generate_series(0, (:n - 1) / size) AS part \gexec

SELECT setval(pg_get_serial_sequence('orders.orders', 'id'), :base + :n) \g /dev/null

-- 3. Keys and indexes again. The foreign keys are checked by one join each, for which the planner wants to know the sizes.
SELECT come, format('SELECT format(''  %%s s: %s'', round(extract(epoch FROM clock_timestamp() - now())))', name)
FROM keys WHERE step < 3 ORDER BY step, tab, name \gexec
ANALYZE orders.orders, orders.order_items, orders.order_changes;
SELECT come, format('SELECT format(''  %%s s: %s'', round(extract(epoch FROM clock_timestamp() - now())))', name)
FROM keys WHERE step = 3 ORDER BY tab, name \gexec

DO $$
DECLARE
	v_changed text;
BEGIN
	SELECT string_agg(DISTINCT format('%s: %s', d.tab, d.name), ', ') INTO v_changed
	FROM ((TABLE before EXCEPT TABLE catalog) UNION ALL (TABLE catalog EXCEPT TABLE before)) AS d;
	IF v_changed IS NOT NULL THEN
		RAISE EXCEPTION 'nothing was loaded: the schema would not be what it was: %', v_changed;
	END IF;
END
$$;
COMMIT;

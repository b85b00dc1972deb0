-- Takes over the tables of the service before this one: public.orders and public.order_items, which SQLAlchemy and Alembic made. One
-- transaction, which changes nothing until all of it has been checked; :dry = 1 only checks. Run by orders-schema adopt.
--
-- Each kind of thing that is not as it should be is a line of its own, with how often it occurs and the least id of those rows. Taken as
-- it is meant: a status in capitals, as SQLAlchemy writes the names of an Enum; updated_at that is NULL, which is an order that nobody changed, or
-- a moment before created_at, since the two defaults were asked for one after the other.
\set QUIET on
\pset null ''
SET client_min_messages = warning;
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL lock_timeout = '5s';
SET LOCAL work_mem = '64MB';
-- Rows that a policy hides would be left behind without a word: rather an error.
SET LOCAL row_security = off;

SELECT to_regclass('public.orders') IS NOT NULL AND to_regclass('public.order_items') IS NOT NULL AS old_there,
       to_regclass('orders.orders') IS NOT NULL AND to_regclass('orders.order_items') IS NOT NULL
       AND to_regclass('orders.order_changes') IS NOT NULL AND to_regclass('orders.outbox') IS NOT NULL AS new_there,
       :'dry' = '1' AS dry \gset

-- A look at a service at work must not stop it: what a dry run sees is the moment at which each check began.
\if :dry
SET TRANSACTION READ ONLY;
\else
\if :old_there
LOCK TABLE public.orders, public.order_items IN SHARE MODE;
\endif
\if :new_there
LOCK TABLE orders.orders, orders.order_items, orders.order_changes, orders.outbox IN SHARE ROW EXCLUSIVE MODE;
\endif
\endif

-- 1. What can be said without reading a row of theirs.
WITH known (tab, col, types) AS (
	VALUES ('orders', 'id', ARRAY['integer', 'bigint']),
	       ('orders', 'user_id', ARRAY['integer', 'bigint']),
	       ('orders', 'status', ARRAY['enum', 'character varying', 'text']),
	       ('orders', 'total_amount', ARRAY['numeric']),
	       ('orders', 'created_at', ARRAY['timestamp without time zone', 'timestamp with time zone']),
	       ('orders', 'updated_at', ARRAY['timestamp without time zone', 'timestamp with time zone']),
	       ('order_items', 'id', ARRAY['integer', 'bigint']),
	       ('order_items', 'order_id', ARRAY['integer', 'bigint']),
	       ('order_items', 'product_id', ARRAY['integer', 'bigint']),
	       ('order_items', 'product_name', ARRAY['character varying', 'text']),
	       ('order_items', 'product_price', ARRAY['numeric']),
	       ('order_items', 'quantity', ARRAY['integer', 'bigint']),
	       ('order_items', 'subtotal', ARRAY['numeric']),
	       ('order_items', 'created_at', ARRAY['timestamp without time zone', 'timestamp with time zone'])
), tables AS (
	SELECT tab, to_regclass('public.' || tab)::oid AS rel FROM (VALUES ('orders'), ('order_items')) AS t (tab)
), found AS (
	SELECT t.tab, a.attname AS col,
	       CASE y.typtype WHEN 'e' THEN 'enum' ELSE format_type(a.atttypid, NULL) END AS type
	FROM tables AS t
	JOIN pg_attribute AS a ON a.attrelid = t.rel AND a.attnum > 0 AND NOT a.attisdropped
	JOIN pg_type AS y ON y.oid = a.atttypid
), faults (fault) AS (
	SELECT format('there is no table public.%s', tab) FROM tables WHERE rel IS NULL
	UNION ALL
	SELECT 'the schema is not deployed here: orders-schema deploy' WHERE NOT :'new_there'::boolean
	UNION ALL
	SELECT 'the database is encoded in SQL_ASCII: nobody knows what its texts say'
	WHERE current_setting('server_encoding') = 'SQL_ASCII'
	UNION ALL
	SELECT format('public.%s: no column %s', k.tab, k.col)
	FROM known AS k JOIN tables AS t ON t.tab = k.tab AND t.rel IS NOT NULL
	WHERE NOT EXISTS (SELECT FROM found AS f WHERE f.tab = k.tab AND f.col = k.col)
	UNION ALL
	SELECT format('public.%s: unknown column %s (%s)', f.tab, quote_ident(f.col), f.type)
	FROM found AS f WHERE NOT EXISTS (SELECT FROM known AS k WHERE k.tab = f.tab AND k.col = f.col)
	UNION ALL
	SELECT format('public.%s: column %s is of type %s, not %s', f.tab, f.col, f.type, array_to_string(k.types, ' or '))
	FROM found AS f JOIN known AS k ON k.tab = f.tab AND k.col = f.col
	WHERE f.type <> ALL (k.types)
	UNION ALL
	SELECT format('public.%s: not an ordinary table', t.tab) FROM tables AS t JOIN pg_class AS c ON c.oid = t.rel
	WHERE c.relkind <> 'r' OR c.relispartition
	   OR EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = c.oid OR h.inhparent = c.oid)
	UNION ALL
	SELECT format('public.%s: has row-level security', t.tab) FROM tables AS t JOIN pg_class AS c ON c.oid = t.rel
	WHERE c.relrowsecurity
	UNION ALL
	SELECT format('public.%s: id is not the primary key', t.tab) FROM tables AS t
	WHERE t.rel IS NOT NULL AND NOT EXISTS (
		SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = t.rel AND a.attname = 'id'
		WHERE i.indrelid = t.rel AND i.indisprimary AND i.indisvalid AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
	UNION ALL
	SELECT format('public.%s: unknown trigger %s', t.tab, quote_ident(g.tgname))
	FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.rel AND NOT g.tgisinternal
	UNION ALL
	SELECT format('%s refers to public.%s: unknown', c.conrelid::regclass, t.tab)
	FROM tables AS t JOIN pg_constraint AS c ON c.confrelid = t.rel
	WHERE c.conrelid NOT IN (SELECT rel FROM tables WHERE rel IS NOT NULL)
)
SELECT count(*) > 0 AS faulty, coalesce(string_agg('    ' || fault, E'\n' ORDER BY fault), '') AS faults FROM faults \gset

\if :faulty
\warn :faults
DO $$ BEGIN RAISE EXCEPTION 'refused, for the reasons above; nothing was changed'; END $$;
\endif

SELECT EXISTS (SELECT FROM orders.orders) OR EXISTS (SELECT FROM orders.order_items)
       OR EXISTS (SELECT FROM orders.order_changes) OR EXISTS (SELECT FROM orders.outbox) AS faulty,
       EXISTS (SELECT FROM orders.order_changes WHERE idempotency_key LIKE ' adopted-%') AS adopted \gset

\if :faulty
\if :adopted
DO $$ BEGIN RAISE EXCEPTION 'refused: these tables were taken over already; nothing was changed'; END $$;
\else
DO $$ BEGIN RAISE EXCEPTION 'refused: the schema orders has orders of its own; nothing was changed'; END $$;
\endif
\endif

-- 2. Every row, and what they are to each other.
WITH bad_orders AS (
	SELECT o.id, f.fault
	FROM public.orders AS o, unnest(ARRAY[
		CASE WHEN o.id < 1 THEN 'id below 1' END,
		CASE WHEN o.user_id IS NULL THEN 'user_id is NULL' WHEN o.user_id < 1 THEN 'user_id below 1' END,
		CASE WHEN o.status IS NULL THEN 'status is NULL'
		     WHEN o.status::text NOT IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled',
						 'PENDING', 'CONFIRMED', 'SHIPPED', 'DELIVERED', 'CANCELLED')
		     THEN 'unknown status ' || quote_literal(left(o.status::text, 30)) END,
		CASE WHEN o.total_amount IS NULL THEN 'total_amount is NULL'
		     WHEN o.total_amount < 0 THEN 'total_amount below 0'
		     WHEN o.total_amount > 9999999999.99 THEN 'total_amount above 9999999999.99'
		     WHEN o.total_amount <> round(o.total_amount, 2) THEN 'total_amount with more than two places' END,
		CASE WHEN o.created_at IS NULL THEN 'created_at is NULL'
		     WHEN o.created_at::timestamptz > now() + interval '1 minute' THEN 'created_at in the future: not UTC?'
		     WHEN o.created_at::timestamptz < '0001-01-01' THEN 'created_at before the year 1' END,
		CASE WHEN o.updated_at::timestamptz > now() + interval '1 minute' THEN 'updated_at in the future: not UTC?'
		     WHEN o.updated_at::timestamptz < o.created_at::timestamptz - interval '1 second' THEN 'updated_at before created_at' END
	]) AS f (fault)
	WHERE f.fault IS NOT NULL
), bad_items AS (
	SELECT i.id, f.fault
	FROM public.order_items AS i, unnest(ARRAY[
		CASE WHEN i.id < 1 THEN 'id below 1' END,
		CASE WHEN i.order_id IS NULL THEN 'order_id is NULL' END,
		CASE WHEN i.product_id IS NULL THEN 'product_id is NULL' WHEN i.product_id < 1 THEN 'product_id below 1' END,
		CASE WHEN i.product_name IS NULL THEN 'product_name is NULL' WHEN i.product_name = '' THEN 'product_name is empty'
		     WHEN char_length(i.product_name) > 255 THEN 'product_name above 255 characters' END,
		CASE WHEN i.product_price IS NULL THEN 'product_price is NULL'
		     WHEN i.product_price < 0 THEN 'product_price below 0'
		     WHEN i.product_price > 9999999999.99 THEN 'product_price above 9999999999.99'
		     WHEN i.product_price <> round(i.product_price, 2) THEN 'product_price with more than two places' END,
		CASE WHEN i.quantity IS NULL THEN 'quantity is NULL' WHEN i.quantity < 1 THEN 'quantity below 1'
		     WHEN i.quantity > 2147483647 THEN 'quantity above 2147483647' END,
		CASE WHEN i.subtotal IS NULL THEN 'subtotal is NULL'
		     WHEN i.subtotal > 9999999999.99 THEN 'subtotal above 9999999999.99'
		     WHEN i.subtotal <> i.product_price * i.quantity THEN 'subtotal is not product_price × quantity' END,
		CASE WHEN i.created_at IS NULL THEN 'created_at is NULL'
		     WHEN i.created_at::timestamptz > now() + interval '1 minute' THEN 'created_at in the future: not UTC?'
		     WHEN i.created_at::timestamptz < '0001-01-01' THEN 'created_at before the year 1' END
	]) AS f (fault)
	WHERE f.fault IS NOT NULL
), sums AS (
	SELECT i.order_id, min(i.id) AS item, count(*) AS items, sum(i.subtotal) AS total
	FROM public.order_items AS i
	WHERE i.order_id IS NOT NULL
	GROUP BY i.order_id
), unequal AS (
	SELECT o.id, s.item, s.items, CASE WHEN s.order_id IS NULL THEN 'no items'
		WHEN o.total_amount <> s.total THEN 'total_amount is not the sum of the subtotals' END AS fault
	FROM public.orders AS o
	FULL JOIN sums AS s ON s.order_id = o.id
	WHERE o.id IS NULL OR s.order_id IS NULL OR o.total_amount <> s.total
), faults (tab, fault, n, example) AS (
	SELECT 'orders', fault, count(*), min(id) FROM bad_orders GROUP BY fault
	UNION ALL
	SELECT 'order_items', fault, count(*), min(id) FROM bad_items GROUP BY fault
	UNION ALL
	SELECT 'orders', fault, count(*), min(id) FROM unequal WHERE id IS NOT NULL GROUP BY fault
	UNION ALL
	SELECT 'order_items', 'of an order that is not there', sum(items), min(item) FROM unequal WHERE id IS NULL HAVING count(*) > 0
), first AS (
	SELECT * FROM faults ORDER BY tab DESC, n DESC, fault LIMIT 50
)
SELECT count(*) > 0 AS faulty,
       coalesce(string_agg(format('    public.%s: %s: %s, for instance id %s', tab, fault, n, example), E'\n' ORDER BY tab DESC, n DESC, fault), '')
       || CASE WHEN (SELECT count(*) FROM faults) > 50 THEN format(E'\n    and %s kinds more', (SELECT count(*) FROM faults) - 50) ELSE '' END AS faults
FROM first \gset

\if :faulty
\warn :faults
DO $$ BEGIN RAISE EXCEPTION 'refused, for the reasons above; nothing was changed'; END $$;
\endif

SELECT (SELECT count(*) FROM public.orders) AS orders, (SELECT count(*) FROM public.order_items) AS items \gset

\if :dry
\echo every row is understood: :orders orders with :items items could be taken over. Nothing was changed
ROLLBACK;
\q
\endif

-- 3. All of it. An order comes with its one change, as of when it got the status that it has: what was before is not known. Its key
-- begins with a space, which no client can send, and is no worker's; no event is owed.
INSERT INTO orders.orders (user_id, id, email, status, version, total_amount, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT o.user_id, o.id, '', lower(o.status::text)::orders.order_status, 1, o.total_amount, o.created_at,
       greatest(o.updated_at, o.created_at)
FROM public.orders AS o
ORDER BY o.id;

INSERT INTO orders.order_items
	(user_id, order_id, line, id, product_id, product_name, product_price, quantity, subtotal, created_at)
OVERRIDING SYSTEM VALUE
SELECT o.user_id, i.order_id, row_number() OVER (PARTITION BY i.order_id ORDER BY i.id), i.id, i.product_id,
       i.product_name, i.product_price, i.quantity, i.subtotal, i.created_at
FROM public.order_items AS i
JOIN public.orders AS o ON o.id = i.order_id
ORDER BY i.order_id, i.id;

INSERT INTO orders.order_changes
	(user_id, order_id, version, new_status, changed_at, changed_by, note, event_id, idempotency_key, request_digest)
SELECT n.user_id, n.id, 1, n.status, n.updated_at, n.user_id, 'taken over', gen_random_uuid(), ' adopted-' || n.id,
       decode(repeat('00', 32), 'hex')
FROM orders.orders AS n
ORDER BY n.id;

-- Above what the old sequences gave out, too: an order that was deleted has been told to somebody.
SELECT format('SELECT greatest(%s, (SELECT max(id) FROM public.orders), 0) AS order_id, greatest(%s, (SELECT max(id) FROM public.order_items), 0) AS item_id',
	      coalesce(format('(SELECT last_value FROM %s)', pg_get_serial_sequence('public.orders', 'id')), 'NULL'),
	      coalesce(format('(SELECT last_value FROM %s)', pg_get_serial_sequence('public.order_items', 'id')), 'NULL')) AS ask \gset
:ask \gset
SELECT setval(pg_get_serial_sequence('orders.orders', 'id'), greatest(:order_id, 1)),
       setval(pg_get_serial_sequence('orders.order_items', 'id'), greatest(:item_id, 1)) \g /dev/null
COMMIT;
\echo taken over: :orders orders with :items items; new ones go on above the ids :order_id and :item_id

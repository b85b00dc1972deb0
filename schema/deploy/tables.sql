-- Deploy orders:tables to pg
-- Every table, key and foreign key begins with user_id, the owner of the order, so that the same schema
-- can be distributed by it (docs/design.md). What must hold, a named constraint holds.
BEGIN;

CREATE TYPE orders.order_status AS ENUM ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled');

CREATE TABLE orders.orders (
	user_id      bigint                   NOT NULL,
	id           bigint                   NOT NULL GENERATED ALWAYS AS IDENTITY,
	email        text                     NOT NULL,
	status       orders.order_status      NOT NULL,
	version      integer                  NOT NULL,
	total_amount numeric(12, 2)           NOT NULL,
	created_at   timestamp with time zone NOT NULL,
	updated_at   timestamp with time zone NOT NULL,
	CONSTRAINT orders_pkey PRIMARY KEY (user_id, id),
	CONSTRAINT orders_user_positive CHECK (user_id > 0),
	CONSTRAINT orders_email_length CHECK (octet_length(email) <= 320),
	CONSTRAINT orders_version_positive CHECK (version > 0),
	CONSTRAINT orders_total_not_negative CHECK (total_amount >= 0)
) WITH (fillfactor = 90);

-- A user's orders, newest first; and whose an order is, which staff have to ask.
CREATE INDEX orders_newest_first ON orders.orders (user_id, created_at DESC, id DESC);
CREATE INDEX orders_by_id ON orders.orders (id);

CREATE TABLE orders.order_items (
	user_id       bigint                   NOT NULL,
	order_id      bigint                   NOT NULL,
	line          integer                  NOT NULL,
	id            bigint                   NOT NULL GENERATED ALWAYS AS IDENTITY,
	product_id    bigint                   NOT NULL,
	product_name  text                     NOT NULL,
	product_price numeric(12, 2)           NOT NULL,
	quantity      integer                  NOT NULL,
	subtotal      numeric(12, 2)           NOT NULL,
	created_at    timestamp with time zone NOT NULL,
	CONSTRAINT order_items_pkey PRIMARY KEY (user_id, order_id, line),
	CONSTRAINT order_items_order FOREIGN KEY (user_id, order_id) REFERENCES orders.orders (user_id, id),
	CONSTRAINT order_items_quantity_positive CHECK (quantity > 0),
	CONSTRAINT order_items_price_not_negative CHECK (product_price >= 0),
	CONSTRAINT order_items_subtotal_exact CHECK (subtotal = product_price * quantity)
);

-- Every change of an order, the creation included as version 1. Each was asked for under a key of its
-- author's: the request's Idempotency-Key or, where none came, one that the worker made and no client can
-- send (it begins with a space). So a repeat finds what it did, and no key acts twice.
CREATE TABLE orders.order_changes (
	user_id         bigint                   NOT NULL,
	order_id        bigint                   NOT NULL,
	version         integer                  NOT NULL,
	old_status      orders.order_status,
	new_status      orders.order_status      NOT NULL,
	changed_at      timestamp with time zone NOT NULL,
	changed_by      bigint                   NOT NULL,
	reason          text,
	note            text,
	event_id        uuid                     NOT NULL,
	idempotency_key text                     NOT NULL,
	request_digest  bytea                    NOT NULL,
	CONSTRAINT order_changes_pkey PRIMARY KEY (user_id, order_id, version),
	CONSTRAINT order_changes_order FOREIGN KEY (user_id, order_id) REFERENCES orders.orders (user_id, id),
	CONSTRAINT order_changes_key UNIQUE (user_id, changed_by, idempotency_key),
	CONSTRAINT order_changes_creation_has_no_past CHECK ((version = 1) = (old_status IS NULL)),
	CONSTRAINT order_changes_reason CHECK (reason IN ('customer', 'declined', 'fraud', 'inventory', 'staff', 'other')),
	CONSTRAINT order_changes_note_length CHECK (char_length(note) <= 255),
	CONSTRAINT order_changes_key_length CHECK (octet_length(idempotency_key) BETWEEN 1 AND 255),
	CONSTRAINT order_changes_digest_length CHECK (octet_length(request_digest) = 32)
);

-- Under which key a member of staff changed somebody else's order: that one lies with its owner's rows.
CREATE INDEX order_changes_staff_key ON orders.order_changes (changed_by, idempotency_key)
	WHERE changed_by <> user_id;

-- Changes whose event SNS has not taken yet. The event itself is made of the change and its order, which
-- never change again; a row here says only that it is owed, and who may try when.
CREATE TABLE orders.outbox (
	user_id         bigint                   NOT NULL,
	order_id        bigint                   NOT NULL,
	version         integer                  NOT NULL,
	request_id      text                     NOT NULL,
	traceparent     text                     NOT NULL,
	next_attempt_at timestamp with time zone NOT NULL,
	attempts        integer                  NOT NULL DEFAULT 0,
	last_error      text,
	parked_at       timestamp with time zone,
	CONSTRAINT outbox_pkey PRIMARY KEY (user_id, order_id, version),
	CONSTRAINT outbox_change FOREIGN KEY (user_id, order_id, version)
		REFERENCES orders.order_changes (user_id, order_id, version)
) WITH (
	-- A queue: rows live for milliseconds, so dead ones are to go long before they are a share of the table.
	autovacuum_vacuum_scale_factor = 0,
	autovacuum_vacuum_threshold = 2000,
	autovacuum_vacuum_insert_scale_factor = 0,
	autovacuum_vacuum_insert_threshold = 100000,
	autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX outbox_due ON orders.outbox (next_attempt_at) WHERE parked_at IS NULL;

COMMIT;

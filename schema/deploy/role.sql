-- Deploy orders:role to pg
-- The group role that a worker's login role is made a member of: it may call the API's functions and
-- nothing else. Roles belong to the cluster, so another database may have brought it already; then this
-- one's owner need not be allowed to create any.
BEGIN;

DO $$
BEGIN
	IF to_regrole('orders_api') IS NULL THEN
		CREATE ROLE orders_api NOLOGIN;
	END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
	NULL;
END
$$;

CREATE SCHEMA orders;
REVOKE ALL ON SCHEMA orders FROM PUBLIC;
GRANT USAGE ON SCHEMA orders TO orders_api;

COMMIT;

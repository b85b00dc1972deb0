-- Revert orders:role from pg
-- The role stays: other databases of the cluster may use it.
BEGIN;

ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
DROP SCHEMA orders;

COMMIT;

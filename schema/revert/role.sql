-- Revert orders:role from pg
-- The role stays: other databases of the cluster may use it.
BEGIN;

DROP SCHEMA orders;

COMMIT;

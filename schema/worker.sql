-- Lets :role call the functions of the API and nothing more, and bounds its statements: below the worker's own 6 s for a call, so
-- that the server decides first. Makes the role where there is none, with the password in WORKER_PASSWORD if that is not empty. Time-outs that
-- a role has already are its own. All of it or nothing.
SET client_min_messages = warning;
\getenv password WORKER_PASSWORD
BEGIN;

SELECT to_regrole('orders_api') IS NULL AS missing \gset
\if :missing
DO $$ BEGIN RAISE EXCEPTION 'the schema is not deployed here: orders-schema deploy'; END $$;
\endif

SELECT format('CREATE ROLE %I LOGIN', :'role') || CASE :'password' WHEN '' THEN '' ELSE format(' PASSWORD %L', :'password') END
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec

-- Who is admitted already needs nobody who may grant it, as when the schema goes to a second database of the cluster.
SELECT format('GRANT orders_api TO %I', :'role')
WHERE NOT EXISTS (
	SELECT FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.member
	WHERE m.roleid = to_regrole('orders_api') AND r.rolname = :'role') \gexec

-- The role that deploys may be the one that serves, on a machine of one's own: its statements take longer.
SELECT format('ALTER ROLE %I SET %I = %L', :'role', name, value)
FROM (VALUES ('statement_timeout', '4s'), ('idle_in_transaction_session_timeout', '10s')) AS t (name, value)
WHERE :'role' <> current_user AND NOT EXISTS (
	SELECT FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
	WHERE s.setrole = (SELECT oid FROM pg_roles WHERE rolname = :'role') AND c LIKE t.name || '=%') \gexec

COMMIT;

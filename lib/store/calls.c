#include "store/calls.h"

/* Of the catalog alone: also where nothing is deployed. */
#define DATABASE_FACTS                                                                                             \
	"SELECT current_setting('server_version_num')::integer, current_user::text, pg_is_in_recovery(), "         \
	"clock_timestamp(), coalesce(has_schema_privilege(to_regnamespace('orders'), 'USAGE'), false), "           \
	"(SELECT count(*) FROM pg_proc WHERE pronamespace = to_regnamespace('orders')), "                          \
	"(SELECT count(*) FROM pg_proc WHERE pronamespace = to_regnamespace('orders') "                            \
	"AND NOT has_function_privilege(oid, 'EXECUTE')), "                                                        \
	"(SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('orders') AND relkind IN ('r', 'p') " \
	"AND has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE')), "                                        \
	"(extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::bigint"

const struct call_text calls[CALLS] = {
	[CALL_SCHEMA_VERSION] = { "schema_version", "SELECT orders.schema_version()", 0, 0 },
	[CALL_CREATE_ORDER] = { "create_order",
				"SELECT * FROM orders.create_order($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
				14, CHANGES | WAITS },
	[CALL_CHANGE_STATUS] = { "change_status",
				 "SELECT * FROM orders.change_status($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
				 14, CHANGES | WAITS },
	[CALL_GET_ORDER] = { "get_order", "SELECT * FROM orders.get_order($1,$2)", 2, 0 },
	[CALL_LIST_ORDERS] = { "list_orders", "SELECT * FROM orders.list_orders($1,$2,$3,$4,$5,$6,$7,$8)", 8,
			       0 },
	[CALL_LIST_ALL_ORDERS] = { "list_all_orders",
				   "SELECT * FROM orders.list_all_orders($1,$2,$3,$4,$5,$6)", 6, 0 },
	[CALL_GET_HISTORY] = { "get_history", "SELECT * FROM orders.get_history($1,$2)", 2, 0 },
	[CALL_FIND_REPLAY] = { "find_replay", "SELECT * FROM orders.find_replay($1,$2,$3,$4)", 4, WAITS },
	[CALL_FIND_OWNER] = { "find_owner", "SELECT * FROM orders.find_owner($1,$2,$3)", 3, 0 },
	[CALL_CLAIM_DUE] = { "claim_due", "SELECT * FROM orders.claim_due($1,$2)", 2, WAITS },
	[CALL_PUBLISH_DONE] = { "publish_done", "SELECT orders.publish_done($1,$2,$3)", 3, 0 },
	[CALL_PUBLISH_FAILED] = { "publish_failed", "SELECT orders.publish_failed($1,$2,$3,$4,$5)", 5,
				  WAITS },
	[CALL_OUTBOX_STATS] = { "outbox_stats", "SELECT * FROM orders.outbox_stats()", 0, 0 },
	[CALL_OUTBOX_LIST] = { "outbox_list", "SELECT * FROM orders.outbox_list($1,$2)", 2, RARE },
	[CALL_OUTBOX_EVENTS] = { "outbox_events", "SELECT * FROM orders.outbox_events($1)", 1, RARE },
	[CALL_OUTBOX_RETRY] = { "outbox_retry", "SELECT * FROM orders.outbox_retry($1)", 1, WAITS | RARE },
	[CALL_OUTBOX_RETRY_PARKED] = { "outbox_retry_parked",
				       "SELECT * FROM orders.outbox_retry_parked($1,$2)", 2, WAITS | RARE },
	[CALL_OUTBOX_DISCARD] = { "outbox_discard", "SELECT * FROM orders.outbox_discard($1,$2,$3)", 3,
				  WAITS | RARE },
	[CALL_ORDER_EVENTS] = { "order_events", "SELECT * FROM orders.order_events($1,$2)", 2, RARE },
	[CALL_DATABASE_FACTS] = { "database_facts", DATABASE_FACTS, 0, RARE },
};

/* A PostgreSQL of a row's own, which it may mistreat. Ends with the run. */
#ifndef FAULT_CLUSTER_H
#define FAULT_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

struct cluster {
	char dir[160]; /* its data are in dir/postgres/data */
	int port;
};

/* Makes it in a new folder below parent (NULL: that of the tests), with the schema, and lets pools be made in it from now on. */
struct cluster cluster_start(const char *parent);
/* A standby of it, streaming; not synchronous yet. */
struct cluster cluster_standby(const struct cluster *primary);
/* A line for its postgresql.conf: counts from its next start or cluster_reload() on. */
void cluster_set(const struct cluster *c, const char *line);
void cluster_reload(const struct cluster *c);
void cluster_promote(const struct cluster *c);

enum cluster_end { CLUSTER_FAST, CLUSTER_IMMEDIATE, CLUSTER_KILL };
void cluster_stop(const struct cluster *c, enum cluster_end how);
bool cluster_is_alive(const struct cluster *c);
/* Its processes stand still, and so does whoever waits for them; then they go on. */
void cluster_freeze(const struct cluster *c);
void cluster_thaw(const struct cluster *c);
/* Starts it again; the second returns when it can be written to. */
void cluster_start_again(const struct cluster *c);
void cluster_again(const struct cluster *c);
/* Waits until it can be written to; clock_us() of then. Ends the row after limit_ms. */
int64_t cluster_writable(const struct cluster *c, int limit_ms);

/* Where its superuser connects to, without dbname. */
const char *cluster_conninfo(const struct cluster *c);

#endif

/* What stands around a worker that a program holds in itself: settings, database, topic and queue, a FastCGI client. */
#ifndef FAULT_AROUND_H
#define FAULT_AROUND_H

#include <stdbool.h>

/* A new database, topic and queue, and the settings for them in our environment; on ctx, as long as the program runs. */
void around_open(void *ctx);
void around_close(void);
/* The database's, by TCP; the settings name its socket. */
const char *around_password_url(void);

/* The first value that the statement gives, "" for none; as the superuser. */
const char *around_sql(const char *statement);
long around_count(const char *statement);

/* Puts the id of each event that has arrived into the temporary table arrived. True: that was all. */
bool around_take_events(void *arg);

/* A listener; the status with which GET /health is answered there, 0: it is not. Closes the listener. */
int around_listen(void);
int around_ask_health(int listener);

#endif

/* A worker without a web server: a FastCGI client, and workers that are the test's own children. */
#ifndef SUPPORT_FASTCGI_H
#define SUPPORT_FASTCGI_H

#include <sys/types.h>

#include "support/http.h"
#include "support/pool.h"

/* A listening unix socket at path; a connection to one, -1 when it is refused. */
int fastcgi_listen(const char *path);
int fastcgi_dial(const char *path);

/* One request as a responder's client sends it (FastCGI 1.0); the answer's "Status:" becomes its status. */
struct exchange fastcgi_send(int fd, const struct ask *a);
struct answer fastcgi_receive(struct exchange *x, int limit_ms);

/* The worker with arguments (ends with NULL), environment and fd 0. Its output goes to the two files, which may
 * be NULL. Ends with the test. */
pid_t worker_start(const char *const arguments[], char **env, int fd0, const char *out, const char *err);
/* Its exit status, 128 + signal when one ended it; -1 after limit_ms. */
int worker_wait(pid_t pid, int limit_ms);

/* Runs it to its end, with nothing on fd 0. */
struct ran {
	int status;
	char *out, *err;
};
struct ran worker_run(const char *const arguments[], char **env);
/* The same of any program, with these bytes on fd 0; NULL: none. */
struct ran program_run(const char *const argv[], char **env, const char *input);

#endif

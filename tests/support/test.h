/* What every test and every part of the support has: memory that lives as long as the test, time, waiting. */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The talloc context of all that a test allocates. It goes with the test's process. */
void *test_memory(void);

/* printf onto test_memory(). */
__attribute__((format(printf, 1, 2), returns_nonnull)) char *text(const char *format, ...);

/* The environment variable that run.sh has set; ends the program where it has not. */
const char *test_env(const char *name);

/* A whole file, NUL-terminated; NULL when it cannot be read. */
char *read_file(const char *path, size_t *len);

int64_t now_ms(void);

/* Calls done(arg) every few ms until it is true: false when limit_ms have passed first. */
bool wait_until(int limit_ms, bool (*done)(void *arg), void *arg);

/* A loopback port that nobody listens on, and that no other test of this run is given. */
int free_port(void);

/* A user id that no other test of this program is given. */
int64_t new_user(void);

/* Ends the program: the support itself is broken, not what is tested. */
__attribute__((format(printf, 1, 2), noreturn)) void give_up(const char *format, ...);

#endif

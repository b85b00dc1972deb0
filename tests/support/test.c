#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 12000 /* below what the kernel gives to outgoing connections */
#define LAST_PORT 31999

static void *memory;

/* For the leak sanitizer, which would not see that it was still in use. */
static void
free_memory(void)
{
	talloc_free(memory);
	memory = NULL;
}

void *
test_memory(void)
{
	if (!memory) {
		memory = talloc_named_const(NULL, 0, "test");
		(void)atexit(free_memory);
	}
	return memory;
}

char *
text(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	s = talloc_vasprintf(test_memory(), format, args);
	va_end(args);
	if (!s)
		give_up("no memory");
	return s;
}

void
give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	abort();
}

const char *
test_env(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		give_up("%s is not set: run the tests by tests/support/run.sh", name);
	return value;
}

char *
read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t cap = 65536, n = 0;
	char *data = talloc_array(test_memory(), char, (unsigned)cap);
	ssize_t got;

	if (fd < 0)
		return NULL;
	while ((got = read(fd, data + n, cap - n - 1)) > 0) {
		n += (size_t)got;
		if (n + 1 == cap)
			data = talloc_realloc(test_memory(), data, char, (unsigned)(cap *= 2));
	}
	(void)close(fd);
	data[n] = '\0';
	if (len)
		*len = n;
	return data;
}

int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
wait_until(int limit_ms, bool (*done)(void *arg), void *arg)
{
	int64_t end = now_ms() + limit_ms;

	while (!done(arg)) {
		if (now_ms() >= end)
			return false;
		(void)poll(NULL, 0, 5);
	}
	return true;
}

static bool
is_free(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	bool good;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	good = bind(fd, (struct sockaddr *)&to, sizeof to) == 0 && listen(fd, 1) == 0;
	(void)close(fd);
	return good;
}

/* The next one is kept in a file, so that programs running side by side do not choose the same. */
int
free_port(void)
{
	int fd = open(text("%s/port", test_env("ORDERS_TEST_DIR")), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int32_t port;

	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		give_up("port file: %s", strerror(errno));
	if (pread(fd, &port, sizeof port, 0) != (ssize_t)sizeof port)
		port = FIRST_PORT + (int32_t)(now_ms() % ((LAST_PORT - FIRST_PORT) / 100)) * 100;
	do
		port = port >= LAST_PORT ? FIRST_PORT : port + 1;
	while (!is_free(port));
	if (pwrite(fd, &port, sizeof port, 0) != (ssize_t)sizeof port)
		give_up("port file: %s", strerror(errno));
	(void)close(fd);
	return port;
}

/* Each test is a process of its own. */
int64_t
new_user(void)
{
	static int64_t count;

	return (int64_t)getpid() * 1000 + ++count;
}

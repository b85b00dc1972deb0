/*
 * Preloaded into workers: a call into the kernel that never comes back. Where the file $ORDERS_TEST_HANG.LIBRARY is, the next
 * receiving call that this library makes takes the file away and stays there, whatever signals come, as long as none ends it.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
maybe_hang(const void *caller)
{
	static const char *const libraries[] = { "libpq", "libcurl", "libfcgi" };
	const char *prefix = getenv("ORDERS_TEST_HANG");
	char path[512];
	Dl_info info;

	if (!prefix || !dladdr(caller, &info) || !info.dli_fname)
		return;
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		if (!strstr(info.dli_fname, libraries[i]))
			continue;
		(void)snprintf(path, sizeof path, "%s.%s", prefix, libraries[i]);
		while (unlink(path) == 0)
			for (;;)
				(void)pause();
	}
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	maybe_hang(__builtin_return_address(0));
	return NEXT(recv)(fd, buf, len, flags);
}

ssize_t
read(int fd, void *buf, size_t len)
{
	maybe_hang(__builtin_return_address(0));
	return NEXT(read)(fd, buf, len);
}

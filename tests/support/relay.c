#include "support/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/http.h"
#include "support/test.h"

#define PAIRS_MAX 256

struct relay_state {
	atomic_int wanted, current, cuts;
};

struct pair {
	int ends[2]; /* 0: the client's, 1: the neighbour's */
};

static struct pair pairs[PAIRS_MAX];
static nfds_t n_pairs;

static int
listen_on(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || listen(fd, 256) != 0)
		give_up("relay: %s", strerror(errno));
	return fd;
}

static void
reset(nfds_t i)
{
	struct linger now = { 1, 0 };

	for (int e = 0; e < 2; e++) {
		(void)setsockopt(pairs[i].ends[e], SOL_SOCKET, SO_LINGER, &now, sizeof now);
		(void)close(pairs[i].ends[e]);
	}
	pairs[i] = pairs[--n_pairs];
}

static void
take_in(int listener, int to_port)
{
	int fd = accept(listener, NULL, NULL), on = 1, other;

	if (fd < 0)
		return;
	other = dial(to_port);
	if (other < 0 || n_pairs == PAIRS_MAX) {
		(void)close(fd);
		if (other >= 0)
			(void)close(other);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	pairs[n_pairs++] = (struct pair){ { fd, other } };
}

/* False: the pair is gone. */
static bool
pass(struct relay_state *state, nfds_t i, int from)
{
	char bytes[65536];
	ssize_t n = recv(pairs[i].ends[from], bytes, sizeof bytes, 0);

	if (n > 0 && from == 1 && atomic_load(&state->current) == RELAY_CUT_ANSWER) {
		(void)atomic_fetch_add(&state->cuts, 1);
		atomic_store(&state->wanted, RELAY_UP);
		atomic_store(&state->current, RELAY_UP);
		n = 0;
	}
	if (n > 0 && send(pairs[i].ends[1 - from], bytes, (size_t)n, MSG_NOSIGNAL) == n)
		return true;
	reset(i);
	return false;
}

_Noreturn static void
run(struct relay_state *state, int listener, int port, int to_port)
{
	struct pollfd polled[1 + 2 * PAIRS_MAX];

	for (;;) {
		int mode = atomic_load(&state->wanted);
		nfds_t n = n_pairs;

		if (mode == RELAY_DOWN && listener >= 0) {
			(void)close(listener);
			listener = -1;
			while (n_pairs)
				reset(n_pairs - 1);
			n = 0;
		} else if (mode != RELAY_DOWN && listener < 0) {
			listener = listen_on(port);
		}
		atomic_store(&state->current, mode);
		polled[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (nfds_t i = 0; i < n; i++)
			for (nfds_t e = 0; e < 2; e++)
				polled[1 + 2 * i + e] = (struct pollfd){
					.fd = mode == RELAY_FROZEN ? -1 : pairs[i].ends[e], .events = POLLIN
				};
		if (poll(polled, 1 + 2 * n, 5) <= 0)
			continue;
		for (nfds_t i = n; i > 0; i--) /* from the end: a pair that goes is replaced by the last */
			for (int e = 0; e < 2; e++)
				if (polled[1 + 2 * (i - 1) + (nfds_t)e].revents && !pass(state, i - 1, e))
					break;
		if (polled[0].revents & POLLIN)
			take_in(listener, to_port);
	}
}

struct relay
relay_start(int to_port)
{
	struct relay r = { .port = free_port() };
	int listener = listen_on(r.port);
	pid_t parent = getpid();

	r.state = mmap(NULL, sizeof *r.state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.state == MAP_FAILED)
		give_up("relay: %s", strerror(errno));
	r.pid = fork();
	if (r.pid < 0)
		give_up("relay: %s", strerror(errno));
	if (r.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		run(r.state, listener, r.port, to_port);
	}
	(void)close(listener);
	return r;
}

void
relay_stop(struct relay *r)
{
	(void)kill(r->pid, SIGKILL);
	(void)waitpid(r->pid, NULL, 0);
}

struct wanted_mode {
	const struct relay *r;
	int mode, cuts; /* how many there had been before */
};

static bool
is_as_told(void *arg)
{
	const struct wanted_mode *w = arg;

	/* An answer may have been cut already, and the relay be up again. */
	return atomic_load(&w->r->state->current) == w->mode ||
	       (w->mode == RELAY_CUT_ANSWER && relay_cuts(w->r) > w->cuts);
}

void
relay_set(struct relay *r, enum relay_mode mode)
{
	struct wanted_mode wanted = { r, (int)mode, relay_cuts(r) };

	atomic_store(&r->state->wanted, (int)mode);
	if (!wait_until(5000, is_as_told, &wanted))
		give_up("the relay does not obey");
}

int
relay_cuts(const struct relay *r)
{
	return atomic_load(&r->state->cuts);
}

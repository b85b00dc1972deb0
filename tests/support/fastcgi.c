#include "support/fastcgi.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "support/test.h"

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof to.sun_path)
		give_up("%s: too long for a socket", path);
	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	return to;
}

int
fastcgi_listen(const char *path)
{
	struct sockaddr_un to = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || listen(fd, 64) != 0)
		give_up("%s: %s", path, strerror(errno));
	return fd;
}

int
fastcgi_dial(const char *path)
{
	struct sockaddr_un to = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

struct stream {
	unsigned char *data;
	size_t len;
};

static void
put(struct stream *s, const void *bytes, size_t len)
{
	s->data = talloc_realloc(test_memory(), s->data, unsigned char, (unsigned)(s->len + len));
	memcpy(s->data + s->len, bytes, len);
	s->len += len;
}

static void
put_record(struct stream *s, unsigned char type, const void *content, size_t len)
{
	unsigned char head[8] = { 1, type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len, 0, 0 };

	put(s, head, sizeof head);
	if (len)
		put(s, content, len);
}

static void
put_stream(struct stream *s, unsigned char type, const unsigned char *content, size_t len)
{
	for (size_t n; len > 0; content += n, len -= n) {
		n = len < 65535 ? len : 65535;
		put_record(s, type, content, n);
	}
	put_record(s, type, NULL, 0);
}

static void
put_length(struct stream *s, size_t len)
{
	unsigned char bytes[4] = { (unsigned char)(len >> 24 | 0x80), (unsigned char)(len >> 16),
				   (unsigned char)(len >> 8), (unsigned char)len };

	put(s, bytes, sizeof bytes);
}

static void
put_param(struct stream *s, const char *name, const char *value)
{
	put_length(s, strlen(name));
	put_length(s, strlen(value));
	put(s, name, strlen(name));
	put(s, value, strlen(value));
}

struct exchange
fastcgi_send(int fd, const struct ask *a)
{
	static const unsigned char begin[8] = { 0, 1 }; /* responder, the connection does not stay */
	size_t body_len = a->body && !a->body_len ? strlen(a->body) : a->body_len;
	struct stream params = { 0 }, all = { 0 };

	put_param(&params, "REQUEST_METHOD", a->method ? a->method : a->body ? "POST" : "GET");
	put_param(&params, "REQUEST_URI", a->target);
	if (a->token)
		put_param(&params, "HTTP_AUTHORIZATION", text("Bearer %s", a->token));
	if (a->key)
		put_param(&params, "HTTP_IDEMPOTENCY_KEY", a->key);
	if (a->body) {
		put_param(&params, "CONTENT_LENGTH", text("%zu", body_len));
		put_param(&params, "CONTENT_TYPE", a->type ? a->type : "application/json");
	}
	put_record(&all, BEGIN_REQUEST, begin, sizeof begin);
	put_stream(&all, PARAMS, params.data, params.len);
	put_stream(&all, STDIN, (const unsigned char *)a->body, body_len);
	for (size_t sent = 0; sent < all.len;) {
		ssize_t n = send(fd, all.data + sent, all.len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	return (struct exchange){ .fd = fd, .started_ms = now_ms() };
}

static bool
receive(int fd, void *to, size_t len, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (size_t done = 0; done < len;) {
		ssize_t n = now_ms() < end && poll(&p, 1, (int)(end - now_ms())) > 0
				    ? recv(fd, (char *)to + done, len - done, 0)
				    : 0;

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

struct answer
fastcgi_receive(struct exchange *x, int limit_ms)
{
	struct stream out = { 0 };
	unsigned char head[8] = { 0 }, content[65536 + 256];
	int64_t end = now_ms() + limit_ms;
	struct answer a = { 0 };
	char *split;

	put(&out, "\r\n", 2); /* in place of a status line, for field() */
	while (head[1] != END_REQUEST && receive(x->fd, head, sizeof head, end)) {
		size_t len = (size_t)head[4] << 8 | head[5];

		if (!receive(x->fd, content, len + head[6], end))
			break;
		if (head[1] == STDOUT)
			put(&out, content, len);
	}
	(void)close(x->fd);
	put(&out, "", 1);
	a.head = (char *)out.data;
	a.body = text("%s", "");
	a.ms = now_ms() - x->started_ms;
	if (head[1] != END_REQUEST || !(split = strstr(a.head, "\r\n\r\n")))
		return a;
	split[2] = '\0';
	a.body = split + 4;
	a.body_len = out.len - 1 - (size_t)(a.body - a.head);
	a.status = field(&a, "Status") ? atoi(field(&a, "Status")) : 0;
	return a;
}

static pid_t
start(const char *program, char *const argv[], char **env, int fd0, const char *out, const char *err)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;
	int fd;

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)dup2(fd0 >= 0 ? fd0 : open("/dev/null", O_RDONLY), 0);
	fd = open(out ? out : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, 1);
	fd = open(err ? err : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, 2);
	for (fd = 3; fd < 256; fd++)
		(void)close(fd);
	(void)execvpe(program, argv, env);
	_exit(127);
}

pid_t
worker_start(const char *const arguments[], char **env, int fd0, const char *out, const char *err)
{
	char *argv[16] = { text("%s", test_env("ORDERS_TEST_WORKER")) };

	for (size_t i = 0; arguments && arguments[i] && i < 14; i++)
		argv[i + 1] = text("%s", arguments[i]);
	return start(argv[0], argv, env, fd0, out, err);
}

struct ended {
	pid_t pid;
	int status;
};

static bool
has_ended(void *arg)
{
	struct ended *e = arg;

	return waitpid(e->pid, &e->status, WNOHANG) == e->pid;
}

int
worker_wait(pid_t pid, int limit_ms)
{
	struct ended e = { .pid = pid };

	if (!wait_until(limit_ms, has_ended, &e))
		return -1;
	return WIFEXITED(e.status) ? WEXITSTATUS(e.status) : 128 + WTERMSIG(e.status);
}

struct ran
program_run(const char *const argv[], char **env, const char *input)
{
	char *dir = text("%s/run.XXXXXX", test_env("ORDERS_TEST_DIR"));
	char *copy[16] = { 0 }, *out, *err;
	struct ran r;
	pid_t pid;
	int fd = -1;

	if (!mkdtemp(dir))
		give_up("%s: %s", dir, strerror(errno));
	out = text("%s/out", dir);
	err = text("%s/err", dir);
	if (input) {
		fd = open(text("%s/in", dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, input, strlen(input)) != (ssize_t)strlen(input) ||
		    lseek(fd, 0, SEEK_SET) != 0)
			give_up("%s: %s", dir, strerror(errno));
	}
	for (size_t i = 0; argv[i] && i < 15; i++)
		copy[i] = text("%s", argv[i]);
	pid = start(copy[0], copy, env, fd, out, err);
	r.status = worker_wait(pid, 30000);
	if (r.status == -1)
		(void)kill(pid, SIGKILL);
	if (fd >= 0)
		(void)close(fd);
	r.out = read_file(out, NULL);
	r.err = read_file(err, NULL);
	return r;
}

struct ran
worker_run(const char *const arguments[], char **env)
{
	const char *argv[16] = { test_env("ORDERS_TEST_WORKER") };

	for (size_t i = 0; arguments && arguments[i] && i < 14; i++)
		argv[i + 1] = arguments[i];
	return program_run(argv, env, NULL);
}

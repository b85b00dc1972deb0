/*
 * An HTTP/1.1 client for tests: it sends what it is told to, to the byte, and keeps what comes back as it
 * came. One connection a request; loopback only.
 */
#ifndef SUPPORT_HTTP_H
#define SUPPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ask {
	const char *method; /* NULL: GET without a body, POST with one */
	const char *target; /* sent as it is */
	const char *token;  /* Authorization: Bearer …; NULL: no such field */
	const char *key;    /* Idempotency-Key; NULL: no such field */
	const char *type;   /* Content-Type; NULL: application/json with a body; "": no such field */
	const char *fields; /* further ones, "Name: value\r\n" each */
	const char *body;   /* NULL: none */
	size_t body_len;    /* 0: strlen(body) */
	const char *from;   /* the client's address, 127.*.*.*; NULL: any */
};

struct answer {
	int status; /* 0: none came, or not one that is HTTP */
	char *head; /* status line and fields */
	char *body; /* NUL-terminated */
	size_t body_len;
	int64_t ms; /* from sending to the last byte */
};

/* Sends and receives. Waits at most 30 s. */
struct answer ask(int port, const struct ask *a);

/* The two halves, so that several can be on their way at once. */
struct exchange {
	int fd;
	int64_t started_ms;
	bool head; /* no body comes */
	int port;
	const char *method, *target; /* NULL: raw bytes */
};
struct exchange ask_send(int port, const struct ask *a);
struct answer ask_receive(struct exchange *x, int limit_ms);

/* Raw bytes instead of a request. */
struct exchange bytes_send(int port, const void *bytes, size_t len);

/* A connection to 127.0.0.1:port, from that address unless NULL; -1 when it is refused. */
int dial_from(const char *address, int port);
int dial(int port);
/* For wait_until(): does somebody take connections on the port, an int *? */
bool port_listens(void *port);

/* A field's value, the times-th (from 0) of that name; NULL when there is none. */
const char *field(const struct answer *a, const char *name);
const char *field_nth(const struct answer *a, const char *name, int nth);

#endif

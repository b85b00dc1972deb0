/*
 * A small server on loopback that answers as AWS documents its own, for the chain of credentials and what is signed with
 * them: STS, the agents of ECS and EKS, the instance's metadata, SNS. The wall clock is set, the log is kept.
 */
#ifndef SUPPORT_KEYS_H
#define SUPPORT_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "remote/credentials.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))
#define S INT64_C(1000000)
#define MIN (60 * S)
#define NOW (1771940786 * S) /* 2026-02-24T13:46:26Z */
#define PLENTY_MS 5000

enum act {
	ANSWER,
	HANG,  /* read the request and say nothing until the other side gives up */
	STALL, /* the same after half of the answer */
	CLOSE,
	ENDLESS,
};

struct reply {
	const char *request; /* how the request line begins */
	int status;
	const char *body;
	const char *needs; /* a field that the request has to bear: 401 without it */
	enum act act;
	const char *fields; /* of the answer, each with its CRLF */
};

#define TO(begin, code, text) .request = begin, .status = code, .body = text
#define REPLIES 4

struct server;

/* From now on; the first reply whose request it is counts, 404 without one. */
void server_says(struct server *s, const struct reply replies[static REPLIES]);
#define SAYS(s, ...) server_says(s, (const struct reply[REPLIES]){ __VA_ARGS__ })
void server_says_too(struct server *s, size_t nth, const struct reply *reply);
int server_asked(struct server *s);
/* The nth request, from 0; "" when there was none. Stays until server_forget(). */
const char *server_request(struct server *s, int nth);
void server_forget(struct server *s);

/* What a test starts with, made by .init = keys_set_up, .fini = keys_tear_down. */
struct keys_scene {
	struct server *server;
	void *ctx;
	struct config config;
	struct credentials *credentials;
	char dir[256], token_file[300];
	int log; /* what was logged, in a file */
};

extern struct keys_scene scene;

void keys_set_up(void);
void keys_tear_down(void);

/* Where the server is. */
const char *server_url(const char *path);
void write_token(const char *token);
const char *logged(void);

void use_web_identity(void);
void use_container(void);
void use_instance(void);
void open_credentials(void);

/* Keys as containers and instances answer them, and as STS does. */
const char *json_keys(const char *name, int64_t expires_us);
const char *xml_keys(const char *name, int64_t expires_us);
void instance_has(const char *keys);
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define IMDS_FIELD "X-aws-ec2-metadata-token: imds-token==\r\n"

enum rc get_keys(struct aws_keys *keys) MUST_CHECK;
/* name NULL: none are to be had. */
void expect_keys(const char *name, const char *why);
/* So many requests since the last time. */
void expect_asked(int n, const char *why);

#endif

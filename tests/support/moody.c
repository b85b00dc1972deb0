#include "support/moody.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char failure[] =
	"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/xml\r\nContent-Length: 97\r\n\r\n"
	"<ErrorResponse><Error><Code>InternalError</Code><Message>no</Message></Error></ErrorResponse>    ";

bool
sns_answers_half(int fd, const struct peer_request *r, int forward)
{
	static atomic_uint turn;

	if (atomic_fetch_add(&turn, 1) % 2 == 0)
		return send(fd, failure, sizeof failure - 1, MSG_NOSIGNAL) == (ssize_t)sizeof failure - 1;
	(void)peer_forward(fd, r, forward);
	return false;
}

bool
sns_is_behind_a_censor(int fd, const struct peer_request *r, int forward)
{
	static const char page[] =
		"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 42\r\n\r\n"
		"<html><body>Request blocked.</body></html>";

	if (strstr(r->body, "Salsa"))
		return send(fd, page, sizeof page - 1, MSG_NOSIGNAL) == (ssize_t)sizeof page - 1;
	return peer_forward(fd, r, forward);
}

#define MEMBER "PublishBatchRequestEntries.member."

/* Appends the parameter p of a batch's entry `from` as one of entry `to`. */
static size_t
put_renumbered(char *out, size_t size, const char *p, size_t len, int to)
{
	const char *rest = strchr(p + strlen(MEMBER), '.');

	return (size_t)snprintf(out, size, "&" MEMBER "%d%.*s", to, (int)(len - (size_t)(rest - p)), rest);
}

bool
sns_answers_in_part(int fd, const struct peer_request *r, int forward)
{
	size_t size = r->body_len * 2 + 4096, out = 0, len, n;
	char *body = malloc(size), *answer = malloc(65536), failed[2048] = "", *at, id[32];
	struct peer_request kept = *r;
	bool stays = false;

	if (!strstr(r->body, "Action=PublishBatch")) {
		free(body);
		free(answer);
		return sns_answers_half(fd, r, forward);
	}
	body[0] = '\0';
	for (const char *p = r->body; *p; p += len + (p[len] == '&')) {
		int entry = strncmp(p, MEMBER, strlen(MEMBER)) == 0 ? atoi(p + strlen(MEMBER)) : 0;

		len = strcspn(p, "&");
		if (!entry)
			out += (size_t)snprintf(body + out, size - out, "%s%.*s", out ? "&" : "", (int)len,
						p);
		else if (entry % 2)
			out += put_renumbered(body + out, size - out, p, len, (entry + 1) / 2);
		else if (sscanf(p, MEMBER "%*d.Id=%31[^&]", id) == 1)
			(void)snprintf(
				failed + strlen(failed), sizeof failed - strlen(failed),
				"<member><Id>%s</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>",
				id);
	}
	kept.body = body;
	kept.body_len = out;
	n = peer_ask(&kept, forward, answer, 65536);
	at = n ? strstr(answer, "</Successful>") : NULL;
	if (at) {
		char *document = malloc(n + sizeof failed + 256), head[160];
		const char *start = strstr(answer, "\r\n\r\n") + 4;

		(void)sprintf(
			document,
			"%.*s</Successful><Failed>%s</Failed></PublishBatchResult></PublishBatchResponse>",
			(int)(at - start), start, failed);
		(void)snprintf(head, sizeof head,
			       "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n",
			       strlen(document));
		stays = send(fd, head, strlen(head), MSG_NOSIGNAL) > 0 &&
			send(fd, document, strlen(document), MSG_NOSIGNAL) > 0;
		free(document);
	}
	free(body);
	free(answer);
	return stays;
}

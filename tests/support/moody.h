/* An SNS that takes some and refuses some: what a peer does by PEER_CALL, with the emulator behind it. */
#ifndef SUPPORT_MOODY_H
#define SUPPORT_MOODY_H

#include "support/peer.h"

/* Every other request fails with InternalError. */
bool sns_answers_half(int fd, const struct peer_request *request, int forward);
/* Of a batch only every other entry is taken; the rest is answered as failed, and so is every other single message. */
bool sns_answers_in_part(int fd, const struct peer_request *request, int forward);
/* A proxy before it that blocks every request which speaks of chillies, by a page of its own. */
bool sns_is_behind_a_censor(int fd, const struct peer_request *request, int forward);

#endif

/* The page /status: a pool at a glance, as one HTML document that needs nothing else. */
#ifndef HTML_STATUS_HTML_H
#define HTML_STATUS_HTML_H

#include "base/buf.h"
#include "base/view.h"

/* Bytes that a page never exceeds: 1,024 workers, 360 samples and 32 faults of the longest texts. */
#define STATUS_HTML_MAX (4u << 20)

/* UTF-8; a buf with less memory than it takes has failed. */
void status_html(struct buf *b, const struct view *v);

/* The page's Content-Security-Policy: its own style and script, by their digests, and nothing else. Fails as
 * status_html() does. */
void status_html_policy(struct buf *b);

#endif

/* The style and the script of the pages: lib/html/status.css and status.js, as they are. */
#ifndef HTML_ASSETS_H
#define HTML_ASSETS_H

#include "base/buf.h"

/* Not terminated: the bytes from the first to the second. */
struct asset {
	const char *from, *to;
};

extern const struct asset asset_style, asset_script;

void asset_put(struct buf *b, const struct asset *a);

/* 'sha256-…', as a Content-Security-Policy names it. Where the library refuses, the buf has failed. */
void asset_put_source(struct buf *b, const struct asset *a);

#endif

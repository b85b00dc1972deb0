#include "html/status_html.h"

#include "html/assets.h"
#include "html/html.h"
#include "html/status_parts.h"

/* Without the script the page is loaded again by the browser, less often, since it jumps then. */
static void
put_head(struct buf *b, int concerns)
{
	buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n<title>");
	if (concerns) {
		buf_putc(b, '(');
		buf_put_i64(b, concerns);
		buf_puts(b, ") ");
	}
	buf_puts(b, "Orders: status</title>\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		    "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		    "<noscript><meta http-equiv=\"refresh\" content=\"10\"/></noscript>\n<style>");
	asset_put(b, &asset_style);
	buf_puts(b, "</style></head>\n<body>\n");
}

static void
put_header(struct buf *b, const struct view *v)
{
	buf_puts(b, "<header><h1>Orders</h1>\n<p class=\"pool\">version ");
	html_text(b, *v->version ? v->version : "unknown");
	buf_puts(b, ", up <b>");
	html_duration(b, (double)(v->at_us - v->started_us) / 1000);
	buf_puts(b, "</b> since ");
	html_date(b, v->started_us);
	buf_puts(b, " UTC</p>\n<p class=\"at\">as of <time>");
	html_clock(b, v->at_us);
	buf_puts(b, "</time> UTC</p></header>\n");
}

static void
put_verdict(struct buf *b, const struct buf *concerns)
{
	buf_puts(b, "<section class=\"verdict\" tabindex=\"0\" aria-label=\"What wants attention\">");
	if (concerns->len) {
		buf_puts(b, "<ul>");
		buf_put(b, concerns->data, concerns->len);
		buf_puts(b, "</ul>");
	} else {
		buf_puts(b, "<p class=\"well\"><b>All is well.</b></p>");
	}
	buf_puts(b, "</section>\n");
}

static void
put_page(struct buf *b, const struct view *v, const struct buf *concerns)
{
	buf_puts(b, "<div id=\"page\">\n");
	put_header(b, v);
	buf_puts(b, "<main>\n");
	put_verdict(b, concerns);
	buf_puts(b, "<section class=\"now\" aria-label=\"Now\"><dl>\n");
	status_put_tiles(b, v);
	buf_puts(b, "</dl></section>\n"
		    "<section class=\"plots\" aria-labelledby=\"hour\"><h2 id=\"hour\">The last hour</h2>\n");
	status_put_plots(b, v);
	buf_puts(b, "</section>\n<div class=\"columns\">\n");
	status_put_neighbours(b, v);
	status_put_totals(b, v);
	buf_puts(b, "</div>\n");
	status_put_workers(b, v);
	status_put_faults(b, v);
	buf_puts(b, "</main></div>\n");
}

void
status_html(struct buf *b, const struct view *v)
{
	struct buf concerns;
	int n;

	buf_init(&concerns, b->ctx, b->limit);
	n = status_put_concerns(&concerns, v);
	b->failed = b->failed || concerns.failed;
	put_head(b, n);
	put_page(b, v, &concerns);
	buf_puts(
		b,
		"<div class=\"bar\"><p id=\"live\" role=\"status\">Loaded again every 10 s</p></div>\n<script>");
	asset_put(b, &asset_script);
	buf_puts(b, "</script></body></html>\n");
}

void
status_html_policy(struct buf *b)
{
	buf_puts(b, "default-src 'none'; style-src ");
	asset_put_source(b, &asset_style);
	buf_puts(b, "; script-src ");
	asset_put_source(b, &asset_script);
	buf_puts(b, "; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

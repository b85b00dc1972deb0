#include "html/assets.h"

#include <openssl/evp.h>

#include "base/id.h"

/* The assembler reads them; the Makefile knows that this object depends on them. */
#define EMBED(name, file)                                                                                    \
	__asm__(".pushsection .rodata\n" name "_from:\n.incbin \"lib/html/" file "\"\n" name                 \
		"_to:\n.popsection\n")

EMBED("html_style", "status.css");
EMBED("html_script", "status.js");

extern const char html_style_from[], html_style_to[], html_script_from[], html_script_to[];

const struct asset asset_style = { html_style_from, html_style_to };
const struct asset asset_script = { html_script_from, html_script_to };

void
asset_put(struct buf *b, const struct asset *a)
{
	buf_put(b, a->from, (size_t)(a->to - a->from));
}

void
asset_put_source(struct buf *b, const struct asset *a)
{
	unsigned char digest[SHA256_SIZE], base64[SHA256_SIZE * 2];
	size_t len = (size_t)(a->to - a->from);

	if (EVP_Digest(a->from, len, digest, NULL, EVP_sha256(), NULL) != 1) {
		b->failed = true;
		return;
	}
	buf_puts(b, "'sha256-");
	buf_put(b, base64, (size_t)EVP_EncodeBlock(base64, digest, SHA256_SIZE));
	buf_putc(b, '\'');
}

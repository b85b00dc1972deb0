/* The page /status of a sample pool, for looking at: status calm|night|empty */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "html/status_html.h"
#include "support/example_view.h"
#include "support/test.h"

int
main(int argc, char **argv)
{
	static const char *const kinds[EXAMPLE_VIEWS] = { "calm", "night", "empty" };
	struct buf page;

	for (int i = 0; argc == 2 && i < EXAMPLE_VIEWS; i++) {
		if (strcmp(argv[1], kinds[i]) != 0)
			continue;
		buf_init(&page, test_memory(), STATUS_HTML_MAX);
		status_html(&page, example_view(test_memory(), (enum example_view)i));
		if (page.failed)
			return EX_SOFTWARE;
		return fwrite(page.data, page.len, 1, stdout) == 1 ? EX_OK : EX_IOERR;
	}
	(void)fputs("usage: status calm|night|empty\n", stderr);
	return EX_USAGE;
}

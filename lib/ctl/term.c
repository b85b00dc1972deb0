#include "ctl/term.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* DEC private modes 1049, the alternate screen, and 25, the cursor: xterm's, and everybody's since. */
#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

static struct {
	bool open;
	int in, out;
	struct termios before;
} term;

static size_t
positive(const char *text)
{
	char *end;
	unsigned long n = text ? strtoul(text, &end, 10) : 0;

	return n > 0 && n < 10000 && !*end ? n : 0;
}

bool
term_size(int fd, size_t *columns, size_t *lines)
{
	struct winsize size;
	size_t n;

	if (!isatty(fd))
		return false;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		memset(&size, 0, sizeof size);
	*columns = size.ws_col ? size.ws_col : (n = positive(getenv("COLUMNS"))) ? n : 80;
	*lines = size.ws_row ? size.ws_row : (n = positive(getenv("LINES"))) ? n : 24;
	return true;
}

static bool
is_dumb(void)
{
	const char *name = getenv("TERM");

	return !name || !*name || strcmp(name, "dumb") == 0;
}

bool
term_is_clever(int fd)
{
	return isatty(fd) && !is_dumb();
}

bool
term_wants_color(int fd)
{
	const char *no = getenv("NO_COLOR");

	return term_is_clever(fd) && !(no && *no);
}

bool
term_knows_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		const char *dot = value ? strchr(value, '.') : NULL;

		if (value && *value)
			return dot && (strncasecmp(dot + 1, "UTF-8", 5) == 0 ||
				       strncasecmp(dot + 1, "utf8", 4) == 0);
	}
	return false;
}

static bool
put(const char *s)
{
	size_t len = strlen(s);

	return write(term.out, s, len) == (ssize_t)len;
}

bool
term_open(int in, int out)
{
	struct termios raw;

	if (tcgetattr(in, &term.before) < 0)
		return false;
	term.in = in;
	term.out = out;
	raw = term.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(in, TCSANOW, &raw) < 0)
		return false;
	term.open = true;
	if (put(ENTER))
		return true;
	term_close();
	return false;
}

void
term_close(void)
{
	if (!term.open)
		return;
	term.open = false;
	(void)put(LEAVE);
	(void)tcsetattr(term.in, TCSANOW, &term.before);
}

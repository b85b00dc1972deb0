/* A bar on stderr while something long goes on: where that is a terminal, and not for what is done in a moment. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_SIZE 200

struct progress {
	const char *what;
	int64_t total; /* 0: not known */
	int64_t started_ms, shown_ms;
	bool on;
};

void progress_begin(struct progress *p, const char *what, int64_t total);
void progress_at(struct progress *p, int64_t done);
/* Takes the bar away. */
void progress_end(struct progress *p);

/* "retrying [#####     ]  50 %  500 of 1,000  2 s left" */
const char *progress_text(char out[static PROGRESS_SIZE], const struct progress *p, int64_t done,
			  int64_t now_ms);

#endif

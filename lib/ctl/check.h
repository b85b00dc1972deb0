/* The parts of ordersctl check. Each looks at one thing and adds what it finds. */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include "ctl/ctl.h"

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_FAILED };

struct finding {
	const char *part; /* "database" */
	enum verdict verdict;
	const char *text;
	const char *advice; /* what to do; NULL: nothing */
};

#define FINDINGS_MAX 64

struct check {
	struct ctl *c;
	struct finding findings[FINDINGS_MAX];
	size_t n;
	bool failed; /* no memory */
};

__attribute__((format(printf, 5, 6))) void check_add(struct check *k, const char *part, enum verdict verdict,
						     const char *advice, const char *format, ...);

/* What the machine has. */
void check_settings(struct check *k); /* the others but the pool want them to be good: ctl->configured */
void check_pool(struct check *k);

/* What the database says: it, its schema, the role's rights, the outbox, its clock. */
void check_database(struct check *k);

/* What the neighbours say. */
void check_product_service(struct check *k);
void check_sns(struct check *k);

/* How far a clock that showed them_us somewhere between before_us and after_us of ours is ahead. */
void check_clock(struct check *k, const char *whose, int64_t them_us, int64_t before_us, int64_t after_us,
		 int64_t exact_us);

#endif

#include "base/breaker.h"

#include "base/clock.h"
#include "base/id.h"

#define LONGEST_RETRY_MS 15000 /* whatever is further away outlived its clock */

bool
breaker_is_open(struct breaker *b, const struct breaker_policy *policy)
{
	return atomic_load(&b->failures) >= policy->threshold;
}

bool
breaker_is_willing(struct breaker *b, const struct breaker_policy *policy)
{
	return !breaker_is_open(b, policy) ||
	       clock_has_come(atomic_load(&b->retry_ms), clock_ms(), LONGEST_RETRY_MS);
}

bool
breaker_admits(struct breaker *b, const struct breaker_policy *policy)
{
	int64_t now = clock_ms(), retry = atomic_load(&b->retry_ms);

	if (!breaker_is_open(b, policy))
		return true;
	return clock_has_come(retry, now, LONGEST_RETRY_MS) &&
	       atomic_compare_exchange_strong(&b->retry_ms, &retry, now + policy->probe_ms);
}

void
breaker_report(struct breaker *b, const struct breaker_policy *policy, bool ok)
{
	uint32_t failures, over, ceiling;

	atomic_store(&b->health, ok ? HEALTH_OK : HEALTH_FAILING);
	if (ok) {
		atomic_store(&b->failures, 0);
		return;
	}
	failures = atomic_fetch_add(&b->failures, 1) + 1;
	atomic_store(&b->threshold, policy->threshold);
	if (failures == policy->threshold)
		(void)atomic_fetch_add(&b->opened, 1);
	if (failures < policy->threshold)
		return;
	over = failures - policy->threshold;
	ceiling = over > 16 || policy->first_ms << over > policy->cap_ms ? policy->cap_ms
									 : policy->first_ms << over;
	atomic_store(&b->retry_ms, clock_ms() + 1 + id_random(ceiling));
}

void
breaker_refused(struct breaker *b)
{
	(void)atomic_fetch_add(&b->refused, 1);
}

bool
breaker_is_patient(struct breaker *b, int longer_ms)
{
	int64_t now = clock_ms(), until = atomic_load(&b->patient_ms);

	return clock_has_come(until, now, LONGEST_RETRY_MS) &&
	       atomic_compare_exchange_strong(&b->patient_ms, &until, now + longer_ms);
}

int
breaker_retry_after_s(struct breaker *b)
{
	int64_t retry = atomic_load(&b->retry_ms);
	int left = clock_has_come(retry, clock_ms(), LONGEST_RETRY_MS) ? 0 : clock_left_ms(retry);

	return left <= 1000 ? 1 : (left + 999) / 1000;
}

const char *
health_name(enum health h)
{
	static const char *const names[] = { "unknown", "ok", "failing" };

	return names[h];
}

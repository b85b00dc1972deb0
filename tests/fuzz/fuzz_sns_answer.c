/* Any bytes as what SNS answers; the first chooses the status. */
#include "fuzz.h"

#include "remote/sns_answer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = { 200, 400, 403, 404, 429, 500, 503, 0 };
	struct sns_answer a;
	long status;

	if (size == 0)
		return 0;
	status = statuses[data[0] % (sizeof statuses / sizeof *statuses)];
	memset(&a, 0x55, sizeof a);
	sns_answer_read(&a, status, (const char *)data + 1, size - 1);
	PROMISE(status == 200 || a.fault.rc);
	PROMISE(strnlen(a.topic_arn, sizeof a.topic_arn) < sizeof a.topic_arn);
	PROMISE(strnlen(a.fault.code, sizeof a.fault.code) < sizeof a.fault.code);
	PROMISE(strnlen(a.fault.message, sizeof a.fault.message) < sizeof a.fault.message);
	PROMISE(a.taken < 1u << SNS_BATCH_MAX);
	for (size_t i = 0; i < SNS_BATCH_MAX; i++) {
		PROMISE(strnlen(a.entries[i].code, sizeof a.entries[i].code) < sizeof a.entries[i].code);
		PROMISE(strnlen(a.entries[i].message, sizeof a.entries[i].message) <
			sizeof a.entries[i].message);
	}
	return 0;
}

/* GET /health and GET /ready. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "support/expect.h"

SHARED_POOL();

Test(health, says_that_the_worker_is_healthy)
{
	struct answer a = ASK(pool_shared(), .target = "/health");

	EXPECT(a, 200, "{\"status\":\"healthy\"}");
}

/* Any bytes as a token. Nobody here has a key, so none is good. */
#include "fuzz.h"

#include "api/auth.h"
#include "base/clock.h"
#include "vectors/jwt.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const roles[] = { "admin", NULL };
	void *ctx = talloc_new(NULL);
	char *field = talloc_asprintf(ctx, "HTTP_AUTHORIZATION=Bearer %.*s", (int)size, (const char *)data);
	char *params[] = { field, NULL };
	const struct http_request r = { .ctx = ctx, .params = params };
	struct caller caller = { .id = -1 };

	clock_set_wall_us(1);
	for (size_t i = 0; i < sizeof jwt_vectors / sizeof *jwt_vectors; i++) {
		const struct jwt_vector *v = &jwt_vectors[i];
		const struct config config = {
			.secret_key = v->key,
			.secret_key_len = v->key_len,
			.algorithm = v->algorithm,
			.staff_roles = roles,
		};
		const char *claims;
		size_t len;

		/* The vectors themselves, which are in the corpus, have no sub. */
		PROMISE(auth_caller(&config, &r, &caller) != RC_OK && caller.id == -1);
		if (!auth_claims(&config, ctx, field + strlen("HTTP_AUTHORIZATION=Bearer "), &claims, &len))
			PROMISE(len == strlen(v->claims));
	}
	talloc_free(ctx);
	return 0;
}

/* Identifiers, trace contexts, digests. */
#include "base/id.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "table.h"

Test(id, makes_version_7_uuids)
{
	char seen[200][UUID_SIZE];

	for (size_t i = 0; i < ROWS(seen); i++) {
		char *u = seen[i];

		id_uuid(u);
		cr_assert_eq(strlen(u), UUID_SIZE - 1);
		for (size_t j = 0; j < 36; j++)
			if (j == 8 || j == 13 || j == 18 || j == 23)
				cr_expect_eq(u[j], '-', "%s", u);
			else
				cr_expect(isxdigit((unsigned char)u[j]) && !isupper((unsigned char)u[j]),
					  "%s", u);
		cr_expect_eq(u[14], '7', "version: %s", u);
		cr_expect_not_null(strchr("89ab", u[19]), "variant: %s", u);
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(u, seen[j]);
	}
}

/* The example of RFC 9562, appendix A.6. */
Test(id, makes_uuids_that_lie_in_the_order_of_time)
{
	static const struct {
		int64_t wall_us;
		const char *begins;
	} rows[] = {
		{ INT64_C(1645557742000000), "017f22e2-79b0-7" },
		{ INT64_C(1645557742000999), "017f22e2-79b0-7" },
		{ INT64_C(1645557742001000), "017f22e2-79b1-7" },
		{ INT64_C(253402300799999999), "e677d21f-dbff-7" },
	};
	char u[UUID_SIZE];

	for (size_t i = 0; i < ROWS(rows); i++) {
		clock_set_wall_us(rows[i].wall_us);
		id_uuid(u);
		cr_expect(strncmp(u, rows[i].begins, strlen(rows[i].begins)) == 0, "%s, not %s…", u,
			  rows[i].begins);
	}
}

Test(id, gives_a_child_other_uuids_than_its_parent)
{
	char theirs[UUID_SIZE] = "", ours[UUID_SIZE];
	int ends[2];

	id_uuid(ours); /* from here on there is something that a child could inherit */
	cr_assert_eq(pipe(ends), 0);
	if (fork() == 0) {
		id_uuid(ours);
		_exit(write(ends[1], ours, sizeof ours) != sizeof ours);
	}
	id_uuid(ours);
	cr_assert_eq(read(ends[0], theirs, sizeof theirs), sizeof theirs);
	cr_expect_str_neq(ours, theirs);
	(void)wait(NULL);
}

Test(id, draws_below_the_bound)
{
	bool seen[7] = { false };

	for (int i = 0; i < 2000; i++) {
		uint32_t r = id_random(7);

		cr_assert_lt(r, 7);
		seen[r] = true;
	}
	for (size_t i = 0; i < ROWS(seen); i++)
		cr_expect(seen[i], "%zu never came", i);
	cr_expect_eq(id_random(1), 0);
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

Test(id, keeps_a_valid_traceparent)
{
	static const char *const valid[] = { "00-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-00",
					     "00-" TRACE "-" PARENT "-ff",
					     "00-00000000000000000000000000000001-0000000000000001-00" };

	for (size_t i = 0; i < ROWS(valid); i++) {
		char out[TRACEPARENT_SIZE];

		id_traceparent(valid[i], out);
		expect_text(out, valid[i], "valid");
	}
}

Test(id, makes_a_new_traceparent_of_anything_else)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ NULL, "none" },
		{ "", "empty" },
		{ "00-" TRACE "-" PARENT, "no flags" },
		{ "00-" TRACE "-" PARENT "-01-x", "something behind it" },
		{ "00-" TRACE "-" PARENT "-0", "too short" },
		{ "00-" TRACE "-" PARENT "-0g", "no hex" },
		{ "ff-" TRACE "-" PARENT "-01", "a version that does not exist" },
		{ "0 -" TRACE "-" PARENT "-01", "no version" },
		{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", "upper case" },
		{ "00-00000000000000000000000000000000-" PARENT "-01", "trace id of zeros" },
		{ "00-" TRACE "-0000000000000000-01", "parent of zeros" },
		{ "00_" TRACE "-" PARENT "-01", "wrong separator" },
		{ "00-" TRACE "_" PARENT "-01", "wrong separator" },
		{ "00-" TRACE "-" PARENT "_01", "wrong separator" },
		{ "00-4bf92f3577b34da6a3ce929d0e0e473\xc3-" PARENT "-01", "not ASCII" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char out[TRACEPARENT_SIZE], again[TRACEPARENT_SIZE], other[TRACEPARENT_SIZE];

		id_traceparent(rows[i].text, out);
		cr_expect(!rows[i].text || strcmp(out, rows[i].text) != 0, "%s: kept", rows[i].why);
		cr_expect(strcmp(out + 52, "-01") == 0, "%s: not sampled: %s", rows[i].why, out);
		id_traceparent(out, again);
		expect_text(again, out, rows[i].why); /* valid, since it is kept */
		id_traceparent(rows[i].text, other);
		cr_expect_str_neq(out, other, "%s: not random", rows[i].why);
	}
}

Test(id, digests_each_part_with_its_length)
{
	static const struct {
		struct part parts[3];
		size_t n;
	} rows[] = {
		{ { { LITERAL("ab") }, { LITERAL("c") } }, 2 },
		{ { { LITERAL("a") }, { LITERAL("bc") } }, 2 },
		{ { { LITERAL("abc") } }, 1 },
		{ { { LITERAL("") }, { LITERAL("abc") } }, 2 },
		{ { { LITERAL("abc") }, { LITERAL("") } }, 2 },
		{ { { LITERAL("ab") }, { LITERAL("c") }, { LITERAL("") } }, 3 },
		{ { { LITERAL("a\0b") } }, 1 },
		{ { { NULL, 0 } }, 1 },
		{ { { NULL, 0 } }, 0 },
	};
	unsigned char digests[ROWS(rows)][SHA256_SIZE], again[SHA256_SIZE];

	for (size_t i = 0; i < ROWS(rows); i++) {
		cr_assert(id_sha256(rows[i].parts, rows[i].n, digests[i]));
		cr_assert(id_sha256(rows[i].parts, rows[i].n, again));
		cr_expect_arr_eq(digests[i], again, SHA256_SIZE, "row %zu: not repeatable", i);
		for (size_t j = 0; j < i; j++)
			cr_expect_arr_neq(digests[i], digests[j], SHA256_SIZE, "rows %zu and %zu", i, j);
	}
}

/* No part at all: SHA-256 of nothing, FIPS 180-4. */
Test(id, digests_with_sha_256)
{
	static const unsigned char empty[SHA256_SIZE] = {
		0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
		0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
		0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
	};
	unsigned char digest[SHA256_SIZE];

	cr_assert(id_sha256(NULL, 0, digest));
	cr_expect_arr_eq(digest, empty, SHA256_SIZE);
}

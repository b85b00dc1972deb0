/* JSON member by member. */
#include "json/write.h"

#include <math.h>

#include "table.h"
#include "json/json.h"

Test(write, puts_commas_between_members_and_nowhere_else)
{
	void *ctx = talloc_new(NULL);
	struct json_error error;
	struct json doc;
	struct buf b;

	buf_init(&b, ctx, 10000);
	json_open_object(&b, NULL);
	json_add_text(&b, "text", "say \"hi\"\n\u00e9");
	json_add_text(&b, "none", NULL);
	json_add_i64(&b, "n", INT64_MIN);
	json_add_bool(&b, "yes", true);
	json_add_bool(&b, "no", false);
	json_add_number(&b, "x", 1.23456);
	json_add_number(&b, "nan", NAN);
	json_add_time(&b, "at", INT64_C(1771940786414410));
	json_add_time(&b, "never", 0);
	json_add_time(&b, "far", INT64_MAX);
	json_open_array(&b, "list");
	json_add_i64(&b, NULL, 1);
	json_open_object(&b, NULL);
	json_close(&b, '}');
	json_open_array(&b, NULL);
	json_close(&b, ']');
	json_add_null(&b, NULL);
	json_close(&b, ']');
	json_add_name(&b, "last");
	buf_puts(&b, "{}");
	json_close(&b, '}');
	expect_text(
		b.data,
		"{\"text\":\"say \\\"hi\\\"\\n\u00e9\",\"none\":null,\"n\":-9223372036854775808,\"yes\":true,\"no\":false,"
		"\"x\":1.235,\"nan\":null,\"at\":\"2026-02-24T13:46:26.414410Z\",\"never\":null,\"far\":null,"
		"\"list\":[1,{},[],null],\"last\":{}}",
		"all of it");
	expect_int(json_check(b.data, b.len, &doc, &error), RC_OK, "it is JSON");
	talloc_free(ctx);
}

Test(write, repairs_what_is_no_UTF_8)
{
	void *ctx = talloc_new(NULL);
	struct buf b;

	buf_init(&b, ctx, 100);
	json_add_text(&b, NULL,
		      "a\xff"
		      "b\xc3");
	expect_text(b.data,
		    "\"a\ufffd"
		    "b\ufffd\"",
		    "repaired");
	buf_clear(&b);
	b.limit = 4;
	json_add_text(&b, NULL,
		      "a\xff"
		      "b");
	cr_expect(b.failed, "no room");
	talloc_free(ctx);
}

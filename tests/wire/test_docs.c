/* GET /docs and GET /openapi.json: files of the web server, and what the worker says where there is none. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"
#include "support/server.h"

SHARED_POOL();

#define POLICY                                                                                                \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

static const struct {
	const char *target, *type, *begins;
} files[] = {
	{ "/docs", "text/html; charset=utf-8", "<!doctype html>" },
	{ "/docs?x=/docs/", "text/html; charset=utf-8", "<!doctype html>" },
	{ "/openapi.json", "application/json", "{\n  \"openapi\": \"3.1" },
	{ "/docs/page.js", "text/javascript<any>", "//" },
	{ "/docs/swagger-ui-bundle.js", "text/javascript<any>", "/*!" },
	{ "/docs/swagger-ui.css", "text/css<any>", "." },
	{ "/docs/favicon-32x32.png", "image/png", "\x89PNG" },
	{ "/docs/swagger-ui.txt", "text/plain<any>", "swagger-ui\n" },
};

Test(docs, are_files_with_a_type_that_may_do_nothing_but_show_themselves)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *target = files[i].target;
		struct answer a = ASK(pool_shared(), .target = target, .fields = "X-Request-ID: mine\r\n");
		struct answer head = ASK(pool_shared(), .method = "HEAD", .target = target);

		cr_expect(a.status == 200 && strncmp(a.body, files[i].begins, strlen(files[i].begins)) == 0,
			  "%s: %d %.80s", target, a.status, a.body);
		cr_expect_null(differs(field(&a, "Content-Type"), files[i].type), "%s: %s", target, a.head);
		cr_expect_null(differs(field(&a, "Content-Security-Policy"), POLICY), "%s: %s", target,
			       a.head);
		cr_expect_null(differs(field(&a, "X-Content-Type-Options"), "nosniff"), "%s", target);
		cr_expect_null(differs(field(&a, "Referrer-Policy"), "no-referrer"), "%s", target);
		cr_expect_null(differs(field(&a, "Cache-Control"), "no-cache"), "%s", target);
		cr_expect_null(differs(field(&a, "X-Request-ID"), "mine"), "%s", target);
		cr_expect(head.status == 200 && head.body_len == 0 &&
				  differs(field(&head, "Content-Length"), text("%zu", a.body_len)) == NULL,
			  "%s: %s", target, head.head);
	}
}

/* Without what Apache marks the ETag of a file with that is not yet a second old. */
static const char *
opaque(const char *tag)
{
	return tag && strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

Test(docs, are_sent_again_only_when_they_have_changed)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct answer a = ASK(pool_shared(), .target = files[i].target);
		const char *tag = field(&a, "ETag");

		cr_assert_not_null(tag, "%s: %s", files[i].target, a.head);
		a = ASK(pool_shared(), .target = files[i].target,
			.fields = text("If-None-Match: %s\r\n", tag));
		cr_expect(a.status == 304 && a.body_len == 0, "%s: %d", files[i].target, a.status);
		cr_expect_null(differs(opaque(field(&a, "ETag")), opaque(tag)), "%s: %s", files[i].target,
			       a.head);
		a = ASK(pool_shared(), .target = files[i].target, .fields = "If-None-Match: \"x\"\r\n");
		cr_expect(a.status == 200, "%s: %d", files[i].target, a.status);
	}
}

Test(docs, are_found_by_the_target_as_it_came_alone)
{
	static const char *const targets[] = {
		"/docs/nothing",
		"/docs/page.js/",
		"/docs/page%2Ejs",
		"/docs/./page.js",
		"/docs/x/../page.js",
		"/docs//page.js",
		"/docs/.page.js",
		"/docs/..",
		"/docs/%2e%2e/page/index.html",
		"/docs/../openapi.json",
		"//docs",
		"/%64ocs",
		"/index.html",
		"/docs/index.html",
		"/docs/openapi.json",
		"/Docs",
		"/docss",
		"/openapi.jsonx",
		"/openapi.json/x",
		"/openapi%2Ejson",
		"/docs/page.js/x",
		"/docs/docs/page.js",
	};

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		struct answer a = ASK(pool_shared(), .target = targets[i]);

		EXPECT_DETAIL_ROW(targets[i], a, 404, "Not Found");
	}
}

Test(docs, have_no_other_methods_and_no_slash)
{
	static const char *const targets[] = { "/docs", "/openapi.json" };
	static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };
	struct answer a;

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
			a = ASK(pool_shared(), .method = methods[m], .target = targets[i]);
			EXPECT_DETAIL_ROW(text("%s %s", methods[m], targets[i]), a, 405,
					  "Method Not Allowed");
			cr_expect_null(differs(field(&a, "Allow"), "GET, HEAD"), "%s", a.head);
		}
		a = ASK(pool_shared(), .target = text("%s/?x=1", targets[i]));
		EXPECT_ROW(targets[i], a, 307, "");
		cr_expect_null(differs(field(&a, "Location"), text("%s?x=1", targets[i])), "%s", a.head);
	}
	a = ASK(pool_shared(), .method = "POST", .target = "/docs/page.js");
	EXPECT_DETAIL(a, 404, "Not Found");
}

Test(docs, are_404_where_they_were_never_built)
{
	struct pool p;
	struct answer a;

	NEEDS(POOL_IS_ITS_OWN); /* whose configuration has the folder from the environment */
	p = pool_start(&(const struct pool_options){
		.workers = 1, .settings = { text("DOCS_DIR=%s/none", test_env("ORDERS_TEST_DIR")) } });
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		a = ASK(&p, .target = files[i].target);
		EXPECT_DETAIL_ROW(files[i].target, a, 404, "Not Found");
	}
	cr_expect(pool_stop(&p));
}

/* Whatever stands in the document beside what the tests see of the answers. */
Test(docs, show_the_document_of_the_repository)
{
	struct answer a = ASK(pool_shared(), .target = "/openapi.json");
	const char *own = read_file(text("%s/docs/openapi.json", test_env("ORDERS_TEST_ROOT")), NULL);

	cr_expect_str_eq(a.body, own);
}

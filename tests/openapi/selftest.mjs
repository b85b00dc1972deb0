// Does the judge of the wire tests notice what it is there for? Broken exchanges, each of which it has to complain of in these words, and sound
// ones, of which it must not: selftest.mjs MODULES.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Document } from "./document.mjs";

const modules = process.argv[2];
const doc = Document.read(new URL("../../docs/openapi.json", import.meta.url), modules);
let failed = 0;

function expect(reason, complaints, pattern) {
	if (pattern ? complaints.some((c) => pattern.test(c)) : complaints.length === 0)
		return;
	console.log(`selftest: ${reason}: ${complaints.length ? complaints.join("\n    ") : "no complaint"}`);
	failed++;
}

const head = (fields) => ["HTTP/1.1 200 OK", ...Object.entries({ "Content-Type": "application/json", "X-Request-ID": "a", ...fields })
	.filter(([, value]) => value !== null).flatMap(([name, value]) => [value].flat().map((v) => `${name}: ${v}`)), ""].join("\r\n");
const exchange = (method, target, status, body, fields = {}) =>
	({ test: "self/test", method, target, status, head: head(fields), body: typeof body === "string" ? body : JSON.stringify(body) });

const example = (path, method, status, name) => {
	const response = doc.resolve(doc.doc.paths[path][method].responses[status]);
	return structuredClone(response.content["application/json"].examples[name].value);
};
const order = (change = {}) => ({ ...example("/api/v1/orders/{order_id}", "get", "200", "order"), ...change });
const of_order = { "Cache-Control": "no-store", "ETag": '"2"' };
const get = (body, fields = {}) => exchange("GET", "/api/v1/orders/20", 200, body, { ...of_order, ...fields });
const item = order().items[0];

const sound = [
	get(order()),
	exchange("HEAD", "/api/v1/orders/20", 200, "", of_order),
	exchange("GET", "/api/v1/orders/20", 304, "", { ...of_order, "Content-Type": null }),
	exchange("GET", "/api/v1/orders?limit=1", 200, [order()], { "Cache-Control": "no-store", "Link": '</api/v1/orders?limit=1&after=20>; rel="next"' }),
	exchange("GET", "/nowhere", 404, { detail: "Not Found" }),
	exchange("DELETE", "/health", 405, { detail: "Method Not Allowed" }, { Allow: "GET, HEAD" }),
	exchange("GET", "/health/?x=1", 307, "", { "Content-Type": null, "Location": "/health?x=1" }),
];
const broken = [
	["a wrong type", get(order({ id: "20" })), /body: \/id must be integer/],
	["an id of 0", get(order({ id: 0 })), /\/id must be >= 1/],
	["an amount that is a number", get(order({ total_amount: 91 })), /\/total_amount must be string/],
	["an amount with three places", get(order({ total_amount: "91.000" })), /\/total_amount must match/],
	["a time without its zone", get(order({ created_at: "2026-02-24T13:46:26.414410" })), /\/created_at must match/],
	["a member too many", get(order({ secret: 1 })), /must NOT have additional properties/],
	["a member too few, further down", get(order({ items: [{ ...item, subtotal: undefined }] })), /\/items\/0 must have required property 'subtotal'/],
	["a status of another machine", get(order({ status: "lost" })), /\/status must be equal to one of/],
	["no JSON", get("{"), /the body is not JSON/],
	["another type of body", get(order(), { "Content-Type": "text/html" }), /Content-Type is text\/html/],
	["no type", get(order(), { "Content-Type": null }), /Content-Type is undefined/],
	["a status that is not documented", exchange("GET", "/api/v1/orders/20", 418, "{}"), /the status is 418/],
	["a status of another operation", exchange("GET", "/api/v1/orders/20", 504, "{}"), /the status is 504/],
	["a missing header", get(order(), { ETag: null }), /ETag is missing/],
	["a header of another shape", get(order(), { ETag: "2" }), /ETag: 2: .* must match/],
	["a header twice", get(order(), { "X-Request-ID": ["a", "b"] }), /X-Request-ID came 2 times/],
	["a header that is not documented", get(order(), { "X-Powered-By": "C" }), /x-powered-by is not documented/],
	["a body where there is none", exchange("GET", "/api/v1/orders/20", 304, "{}", of_order), /a body, and none is documented/],
	["a body after HEAD", { ...get(order()), method: "HEAD" }, /a body after HEAD/],
	["another sentence", exchange("GET", "/api/v1/orders/20", 404, { detail: "Gone" }), /\/detail must match/],
	["an unknown path that is found", exchange("GET", "/nowhere", 200, "{}"), /x-any-request: the status is 200/],
	["a method too many", exchange("PUT", "/health", 200, { status: "healthy" }), /x-any-request: the status is 200/],
	["a 405 that does not say what is allowed", exchange("PUT", "/health", 405, { detail: "Method Not Allowed" }), /Allow is missing/],
];
for (const x of sound)
	expect(`${x.method} ${x.target} ${x.status} is sound`, doc.judge(x));
for (const [reason, x, pattern] of broken)
	expect(reason, doc.judge(x), pattern);

const created = doc.doc.webhooks["order.created"].post.requestBody.content["application/json"].examples.created.value;
const event = (message, subject = "order.created", type = subject) =>
	doc.judgeEvent(JSON.stringify({ Subject: subject, Message: JSON.stringify(message), MessageAttributes: { event_type: { Type: "String", Value: type } } }));
expect("an event is sound", event(created));
expect("an event with a string for an amount", event({ ...created, data: { ...created.data, total_amount: "91.00" } }), /\/data\/total_amount must be number/);
expect("an event under another Subject", event(created, "order.status.updated"), /\/event_type must be equal to constant/);
expect("an event that nobody knows", event(created, "order.lost"), /order.lost is not documented/);
expect("an event with another attribute", event(created, "order.created", "x"), /the attribute event_type/);

// What one operation was seen to answer counts for all only where the document says so.
const fresh = Document.read(new URL("../../docs/openapi.json", import.meta.url), modules);
fresh.judge(get(order()));
fresh.judge(exchange("GET", "/api/v1/orders/20", 500, { detail: "Internal Server Error" }));
const unseen = fresh.unseen();
expect("a seen answer", unseen.filter((name) => name === "GET /api/v1/orders/{order_id} 200"));
expect("an answer that was not seen", unseen, /^POST \/api\/v1\/orders 201$/);
expect("one sighting where it does", unseen.filter((name) => / 500$/.test(name)));
expect("one sighting where it does not", unseen, /^GET \/api\/v1\/orders 401$/);
expect("an event that was not seen", unseen, /^webhook order.created$/);

// What the document shows.
const poor = structuredClone(doc.doc);
delete poor.paths["/docs"].get.responses["200"].content["text/html; charset=utf-8"].examples;
delete poor.webhooks["order.status.updated"].post.requestBody.content["application/json"].examples.cancelled;
poor.paths["/health"].get.responses["200"].content["application/json"].examples.healthy.value.status = "ill";
const unshown = new Document(poor, modules).unshown();
expect("a body without an example", unshown, /^GET \/docs 200 text\/html.*: no example$/);
expect("a member that no example shows", unshown, /^webhook order.status.updated: no example shows note$/);
expect("an example of something else", unshown, /^GET \/health 200 .*: the example healthy: \/status must be equal/);
expect("no more than these", unshown.slice(4));

// The program around it: complaints make its status, and so does having nothing to judge.
const dir = mkdtempSync(`${tmpdir()}/orders-openapi.`);
mkdirSync(`${dir}/exchanges`);
mkdirSync(`${dir}/pools`);
writeFileSync(`${dir}/exchanges/ports`, "1\n");
function run(exchanges, whole = "") {
	writeFileSync(`${dir}/exchanges/1`, exchanges.map((x) => `${JSON.stringify({ port: 1, ...x })}\n`).join(""));
	try {
		return `0 ${execFileSync(process.execPath, [fileURLToPath(new URL("validate.mjs", import.meta.url)), modules, dir, "lighttpd", whole], { encoding: "utf8" })}`;
	} catch (e) {
		return `${e.status} ${e.stdout}`;
	}
}
expect("a sound run", [run([get(order())])], /^0 openapi.json: 1 exchanges/);
expect("a run with a fault", [run([get(order()), get(order({ id: "20" }))])], /^1 .*must be integer[^]*self\/test: GET \/api\/v1\/orders\/20/);
expect("a run of nothing", [run([])], /^1 /);
expect("a run of a neighbour's answers", [run([{ ...get("x"), port: 2 }])], /^1 openapi.json: 0 exchanges/);
expect("a whole run without most answers", [run([get(order())], "all")], /^1 [^]*POST \/api\/v1\/orders 201: no test has seen this answer/);
expect("a whole run without need of an exception", [run([get(order())], "all")], /an exception that nothing needs/);
rmSync(dir, { recursive: true });

process.exitCode = failed ? 1 : 0;

// Judges what the wire tests have seen by docs/openapi.json:
//
//     validate.mjs MODULES DIR SERVER [all]
//
// MODULES is the folder node_modules with ajv; DIR that of the tests: exchanges/* has a line of JSON for each exchange (support/http.c),
// exchanges/ports the ports of the service, pools/*/events the events that arrived. SERVER is the web server. all: every test was
// run, so each documented answer has to have been seen, and each exception used. The last line sums up; the status is 1 when something is wrong.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Document } from "./document.mjs";
import { exceptions } from "./exceptions.mjs";

const [modules, dir, server, all] = process.argv.slice(2);
const doc = Document.read(new URL("../../docs/openapi.json", import.meta.url), modules);
const complaints = new Map(), used = new Set();
let exchanges = 0, excepted = 0, events = 0;

// The same complaint once, whichever members of lists it is about, with the first that gave cause and how many did.
function complain(sentences, where) {
	for (const sentence of new Set(sentences.map((s) => s.replace(/\/\d+(?=[/ ])/g, "/*")))) {
		const known = complaints.get(sentence) ?? { where, times: 0 };
		known.times++;
		complaints.set(sentence, known);
	}
}

const lines = (path) => readFileSync(path, "utf8").split("\n").filter((line) => line !== "");

const ports = new Set(lines(`${dir}/exchanges/ports`));
for (const name of readdirSync(`${dir}/exchanges`)) {
	if (name === "ports")
		continue;
	for (const line of lines(`${dir}/exchanges/${name}`)) {
		const x = JSON.parse(line);
		// Not the service but a neighbour of it; or no answer came, as when the test has cut it off.
		if (!ports.has(String(x.port)) || x.status === 0)
			continue;
		const exception = exceptions.find((e) => server.startsWith(e.server) && e.matches(x));
		exchanges++;
		if (exception) {
			excepted++;
			used.add(exception);
			continue;
		}
		complain(doc.judge(x), `${x.test}: ${x.method} ${x.target.slice(0, 200)}`);
	}
}
for (const pool of readdirSync(`${dir}/pools`)) {
	const mailbox = `${dir}/pools/${pool}/events`;
	for (const body of existsSync(mailbox) ? lines(mailbox) : []) {
		events++;
		complain(doc.judgeEvent(body), `an event: ${JSON.parse(body).Message.slice(0, 300)}`);
	}
}
if (all) {
	complain(doc.unseen().map((name) => `${name}: no test has seen this answer`), "coverage");
	complain(exceptions.filter((e) => server.startsWith(e.server) && !used.has(e)).map((e) => `an exception that nothing needs: ${e.reason}`), "coverage");
}

for (const [sentence, { where, times }] of complaints)
	console.log(`${sentence}\n    ${where}${times > 1 ? ` (and ${times - 1} more)` : ""}`);
const answers = doc.answers().size;
console.log(`openapi.json: ${exchanges} exchanges (${excepted} excepted), ${events} events, ${answers - doc.unseen().length} of ${answers} answers seen, ${complaints.size} complaints`);
process.exitCode = complaints.size || exchanges === 0 ? 1 : 0;

// docs/openapi.json as a judge: what it says of an exchange, and which of its answers have been seen.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Fields of HTTP itself, of which no document has to speak.
const http = new Set(["date", "server", "connection", "keep-alive", "content-length", "content-type", "transfer-encoding", "accept-ranges",
	"vary", "upgrade"]);

/** The head of an answer, as it came → Map of the name in small letters → values. */
export function fields(head) {
	const all = new Map();
	for (const line of head.split("\r\n").slice(1)) {
		const colon = line.indexOf(":");
		if (colon < 0)
			continue;
		const name = line.slice(0, colon).toLowerCase();
		all.set(name, [...(all.get(name) ?? []), line.slice(colon + 1).trim()]);
	}
	return all;
}

export class Document {
	/** modules: the folder node_modules that has ajv. */
	constructor(doc, modules) {
		const Ajv = createRequire(`${modules}/x`)("ajv/dist/2020").default;
		this.doc = doc;
		this.ajv = new Ajv({ strict: true, strictTypes: false, strictTuples: false, allowUnionTypes: true, allErrors: true });
		// What these mean is in a pattern or in bounds beside them.
		for (const format of ["int32", "int64", "date-time", "uuid"])
			this.ajv.addFormat(format, true);
		this.defs = JSON.parse(Document.#local(doc.components.schemas));
		this.validators = new Map();
		this.paths = Object.keys(doc.paths).map((path) => [path, new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{[^}]*\}/g, "[^/]+")}$`)]);
		this.seen = new Map();
	}

	static read(path, modules) {
		return new Document(JSON.parse(readFileSync(path, "utf8")), modules);
	}

	static #local(schema) {
		return JSON.stringify(schema).replaceAll("#/components/schemas/", "#/$defs/");
	}

	resolve(part) {
		while (part?.$ref)
			part = part.$ref.slice(2).split("/").reduce((at, name) => at[name], this.doc);
		return part;
	}

	/** What is wrong with value by this schema of the document: sentences. */
	#faults(schema, value) {
		const key = JSON.stringify(schema);
		if (!this.validators.has(key))
			this.validators.set(key, this.ajv.compile({ $defs: this.defs, ...JSON.parse(Document.#local(schema)) }));
		const validate = this.validators.get(key);
		return validate(value) ? [] : validate.errors.map((e) => `${e.instancePath || "the whole"} ${e.message} (${e.schemaPath})`);
	}

	/** The part of the document that describes what this request may get: its name, and its answers. */
	#place(method, target) {
		const path = target.replace(/\?.*$/s, "");
		const template = (p) => this.paths.find(([, pattern]) => pattern.test(p))?.[0];
		const any = (status) => ({ name: "x-any-request", responses: { [status]: this.doc["x-any-request"].responses[status] } });
		const known = template(path);
		if (!known)
			return any(path.endsWith("/") && template(path.slice(0, -1)) ? 307 : 404);
		const operation = this.doc.paths[known][(method === "HEAD" ? "GET" : method).toLowerCase()];
		return operation ? { name: `${method === "HEAD" ? "GET" : method} ${known}`, responses: operation.responses } : any(405);
	}

	#head(response, answer) {
		const complaints = [], documented = new Set();
		for (const [name, part] of Object.entries(response.headers ?? {})) {
			const header = this.resolve(part), values = answer.get(name.toLowerCase()) ?? [];
			documented.add(name.toLowerCase());
			if (values.length > 1)
				complaints.push(`${name} came ${values.length} times`);
			if (values.length === 0 && header.required)
				complaints.push(`${name} is missing`);
			for (const value of values)
				complaints.push(...this.#faults(header.schema, value).map((fault) => `${name}: ${value}: ${fault}`));
		}
		for (const name of answer.keys())
			if (!documented.has(name) && !http.has(name))
				complaints.push(`${name} is not documented`);
		return complaints;
	}

	#body(response, answer, exchange) {
		const type = answer.get("content-type")?.[0], media = Object.keys(response.content ?? {});
		if (media.length === 0)
			return exchange.body === "" ? [] : ["a body, and none is documented"];
		if (!media.includes(type))
			return [`Content-Type is ${type}, documented is ${media.join(", ")}`];
		if (exchange.method === "HEAD")
			return exchange.body === "" ? [] : ["a body after HEAD"];
		let value = exchange.body;
		if (type === "application/json") {
			try {
				value = JSON.parse(value);
			} catch (e) {
				return [`the body is not JSON: ${e.message}`];
			}
		}
		return this.#faults(response.content[type].schema, value).map((fault) => `body: ${fault}`);
	}

	/** {test, method, target, status, head, body} → sentences, none when it is as documented. */
	judge(exchange) {
		const place = this.#place(exchange.method, exchange.target);
		const response = this.resolve(place.responses[exchange.status]);
		if (!response)
			return [`${place.name}: the status is ${exchange.status}, documented is ${Object.keys(place.responses).join(", ")}`];
		const answer = fields(exchange.head);
		if (exchange.method !== "HEAD")
			this.seen.set(`${place.name} ${exchange.status}`, exchange.test);
		return [...this.#head(response, answer), ...this.#body(response, answer, exchange)].map((c) => `${place.name} ${exchange.status}: ${c}`);
	}

	/** The envelope that SNS has delivered, JSON → sentences. */
	judgeEvent(body) {
		const envelope = JSON.parse(body);
		const hook = this.doc.webhooks[envelope.Subject];
		if (!hook)
			return [`an event with the Subject ${envelope.Subject} is not documented`];
		const name = `webhook ${envelope.Subject}`;
		this.seen.set(name, "");
		const complaints = this.#faults(hook.post.requestBody.content["application/json"].schema, JSON.parse(envelope.Message));
		if (envelope.MessageAttributes?.event_type?.Value !== envelope.Subject)
			complaints.push("the attribute event_type is not the Subject");
		return complaints.map((c) => `${name}: ${c}`);
	}

	/** Every body that is documented: its name → schema and examples. */
	#bodies() {
		const all = new Map();
		const add = (name, part) => {
			for (const [type, media] of Object.entries(this.resolve(part)?.content ?? {}))
				all.set(`${name} ${type}`, media);
		};
		for (const [path, item] of [...Object.entries(this.doc.paths), ...Object.entries(this.doc.webhooks)])
			for (const [method, operation] of Object.entries(item).filter(([, o]) => o.responses)) {
				add(`${method.toUpperCase()} ${path}`, operation.requestBody);
				for (const [status, part] of Object.entries(operation.responses))
					add(`${method.toUpperCase()} ${path} ${status}`, part);
			}
		for (const [status, part] of Object.entries(this.doc["x-any-request"].responses))
			add(`x-any-request ${status}`, part);
		return all;
	}

	/** Bodies without an example, examples that are not as their schema has it, members of events that no example shows: sentences. */
	unshown() {
		const complaints = [];
		for (const [name, { schema, examples = {} }] of this.#bodies()) {
			if (Object.keys(examples).length === 0)
				complaints.push(`${name}: no example`);
			for (const [key, { value }] of Object.entries(examples))
				complaints.push(...this.#faults(schema, value).map((fault) => `${name}: the example ${key}: ${fault}`));
		}
		for (const [name, hook] of Object.entries(this.doc.webhooks)) {
			const { schema, examples = {} } = hook.post.requestBody.content["application/json"];
			const shown = new Set(Object.values(examples).flatMap(({ value }) => Object.keys(value.data)));
			for (const member of Object.keys(this.resolve(schema).properties.data.properties).filter((m) => !shown.has(m)))
				complaints.push(`webhook ${name}: no example shows ${member}`);
		}
		return complaints;
	}

	/** Every documented answer: its name → does one sighting do for all operations that have it? The key of that. */
	answers() {
		const all = new Map();
		const add = (name, responses) => {
			for (const [status, part] of Object.entries(responses))
				all.set(`${name} ${status}`, this.resolve(part)["x-seen"] ? part.$ref : null);
		};
		for (const [path, item] of Object.entries(this.doc.paths))
			for (const [method, operation] of Object.entries(item))
				if (operation.responses)
					add(`${method.toUpperCase()} ${path}`, operation.responses);
		add("x-any-request", this.doc["x-any-request"].responses);
		for (const name of Object.keys(this.doc.webhooks))
			all.set(`webhook ${name}`, null);
		return all;
	}

	/** Those that nobody has seen. */
	unseen() {
		const all = [...this.answers()];
		const shared = new Set(all.filter(([name]) => this.seen.has(name)).map(([, key]) => key));
		return all.filter(([name, key]) => !this.seen.has(name) && (key === null || !shared.has(key))).map(([name]) => name);
	}
}

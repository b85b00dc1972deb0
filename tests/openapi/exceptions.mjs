// What the wire tests see and no document of an API can describe. Each has its reason; one that nothing needs is a fault itself where
// everything was run.

/** server: what its name begins with; matches: does an exchange belong here? */
export const exceptions = [
	{
		reason: "docs/operations.md: nginx refuses what it cannot decode itself",
		server: "nginx",
		matches: (x) => x.status === 400 && /^\/(health%00|%zz|\.\.\/health)$/.test(x.target),
	},
	{
		reason: "docs/operations.md: nginx takes one line of a condition alone",
		server: "nginx",
		matches: (x) => x.test === "etag/may_be_listed_on_several_lines" && x.status === 400 && x.method === "PATCH",
	},
	...["nginx", "apache"].map((server) => ({
		reason: `no HTTP: a method with a character that none may have, refused by ${server}`,
		server,
		matches: (x) => x.status === 400 && x.method.includes('"'),
	})),
	{
		reason: "docs/operations.md: Apache refuses what it cannot decode itself",
		server: "apache",
		matches: (x) => x.status === 400 && /^\/(%zz|\.\.\/health)$/.test(x.target),
	},
	{
		reason: "docs/operations.md: lighttpd refuses a method that nobody knows itself",
		server: "lighttpd",
		matches: (x) => x.status === 501 && !/^[A-Z]+$/.test(x.method),
	},
	{
		reason: "files of the page /docs: the browser's business",
		server: "",
		matches: (x) => x.target.startsWith("/docs/") && (x.status === 200 || x.status === 304),
	},
	{
		reason: "whom the web server lets in is asked before the slash too many",
		server: "",
		matches: (x) => x.status === 403 && /^\/(health|ready|metrics)\/(\?.*)?$/s.test(x.target),
	},
];

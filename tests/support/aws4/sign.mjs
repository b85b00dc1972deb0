// Signs a recorded request again, by somebody who has never seen our code: npm's aws4.
//     node sign.mjs MODULES <request.json
// request: {"host", "path", "body", "date", "content_type", "region", "key", "secret", "token"}; prints the Authorization field.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.argv[2]}/`);
const aws4 = require("aws4");
const r = JSON.parse(readFileSync(0, "utf8"));
const headers = { Host: r.host, "Content-Type": r.content_type, "X-Amz-Date": r.date };
if (r.token) headers["X-Amz-Security-Token"] = r.token;
// Only what the request itself has signed: aws4 would sign a Content-Length too.
const signed = new Set(r.signed.split(";"));
const options = { service: "sns", region: r.region, method: "POST", path: r.path, host: r.host, headers, body: r.body,
	extraHeadersToIgnore: { "content-length": !signed.has("content-length"), "content-type": !signed.has("content-type") } };
const credentials = { accessKeyId: r.key, secretAccessKey: r.secret };
console.log(aws4.sign(options, credentials).headers.Authorization);

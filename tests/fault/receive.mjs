// Prints every message of a queue and deletes it: node receive.mjs ENDPOINT QUEUE_URL [copy]
//
// The event_id of each, one a line; with copy, a line of PostgreSQL's COPY: when it was sent (ms since 1970), Subject, the
// attribute event_type, and Message as it came, \N where that is not JSON: nothing in between turns 91.00 into 91.
//
// One receiver, so that the lines stand in the order of the queue; deleting goes on beside it.
import http from "node:http";

const [endpoint, queue, mode] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

function sqs(action, parameters) {
	const body = JSON.stringify({ QueueUrl: queue, ...parameters });
	const headers = {
		"Content-Type": "application/x-amz-json-1.0",
		"Content-Length": Buffer.byteLength(body),
		"X-Amz-Target": `AmazonSQS.${action}`,
		Authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
	};
	return new Promise((resolve, reject) => {
		const request = http.request(endpoint, { method: "POST", agent, headers }, (response) => {
			const parts = [];
			response.on("data", (part) => parts.push(part));
			response.on("error", reject);
			response.on("end", () => {
				const text = Buffer.concat(parts).toString();
				if (response.statusCode !== 200) reject(new Error(`${action}: ${response.statusCode} ${text}`));
				else resolve(text ? JSON.parse(text) : {});
			});
		});
		request.on("error", reject);
		request.end(body);
	});
}

const escapes = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escape = (text) => text.replace(/[\\\t\n\r]/g, (c) => escapes[c]);

function line({ Body, Attributes }) {
	const { Subject = "", Message, MessageAttributes = {} } = JSON.parse(Body);
	if (mode !== "copy") return JSON.parse(Message).event_id;
	let message = "\\N";
	try {
		JSON.parse(Message);
		message = escape(Message);
	} catch {}
	return [Attributes.SentTimestamp, escape(Subject), escape(MessageAttributes.event_type?.Value ?? ""), message].join("\t");
}

const deletions = new Set();

for (;;) {
	const patient = deletions.size === 0;
	const { Messages: messages = [] } = await sqs("ReceiveMessage", {
		AttributeNames: ["SentTimestamp"],
		MaxNumberOfMessages: 10,
		VisibilityTimeout: 40000,
		WaitTimeSeconds: patient ? 1 : 0,
	});
	if (messages.length) {
		if (!process.stdout.write(messages.map((m) => line(m) + "\n").join("")))
			await new Promise((resolve) => process.stdout.once("drain", resolve));
		const deletion = sqs("DeleteMessageBatch", {
			Entries: messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle })),
		}).finally(() => deletions.delete(deletion));
		deletions.add(deletion);
		if (deletions.size > 8) await Promise.race(deletions);
	} else if (patient) {
		break;
	} else {
		// A FIFO queue gives nothing more of a group until what it gave is deleted.
		await Promise.all(deletions);
	}
}
agent.destroy();

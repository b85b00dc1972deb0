// SQS as Debian's AWS CLI asks it, by the query protocol and in XML, in front of the emulator, which knows the JSON protocol alone.
//     node query.mjs PORT EMULATORS_PORT
import http from "node:http";

const [port, emulator] = process.argv.slice(2);
const numbers = ["MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout"];
const escape = (text) => text.replace(/[<>&"\r]/g, (c) => `&#${c.charCodeAt(0)};`);

const read = async (stream) => {
	let text = "";
	for await (const chunk of stream) text += chunk;
	return text;
};

const ask = (action, parameters) =>
	new Promise((resolve, reject) => {
		const headers = { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": `AmazonSQS.${action}` };
		http.request({ host: "127.0.0.1", port: emulator, method: "POST", headers }, async (answer) =>
			resolve({ status: answer.statusCode, text: await read(answer) }),
		)
			.on("error", reject)
			.end(JSON.stringify(parameters));
	});

const messageInXml = (m) =>
	`<Message>${["MessageId", "ReceiptHandle", "MD5OfBody", "Body"].map((n) => `<${n}>${escape(m[n])}</${n}>`).join("")}</Message>`;

const server = http.createServer(async (request, response) => {
	const form = new URLSearchParams(await read(request));
	const action = form.get("Action");
	const parameters = {};
	for (const [name, value] of form)
		if (name !== "Action" && name !== "Version") parameters[name] = numbers.includes(name) ? Number(value) : value;
	const { status, text } = await ask(action, parameters);
	const messages = status === 200 && text ? (JSON.parse(text).Messages ?? []) : [];
	const body =
		status === 200
			? `<${action}Response><${action}Result>${messages.map(messageInXml).join("")}</${action}Result></${action}Response>`
			: `<ErrorResponse><Error><Code>Refused</Code><Message>${escape(text)}</Message></Error></ErrorResponse>`;
	response.writeHead(status, { "Content-Type": "text/xml" }).end(body);
});
server.listen(Number(port), "127.0.0.1");

// Prints the event_id of every message in a queue, and deletes the messages: node receive.mjs ENDPOINT QUEUE_URL
const [endpoint, queue] = process.argv.slice(2);

async function sqs(action, parameters) {
	const response = await fetch(endpoint, {
		method: "POST",
		headers: {
			"Content-Type": "application/x-amz-json-1.0",
			"X-Amz-Target": `AmazonSQS.${action}`,
			Authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
		},
		body: JSON.stringify({ QueueUrl: queue, ...parameters }),
	});
	if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
	return response.json();
}

async function receive() {
	for (;;) {
		const { Messages: messages = [] } = await sqs("ReceiveMessage", { MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
		if (messages.length === 0) return;
		for (const { Body } of messages) console.log(JSON.parse(JSON.parse(Body).Message).event_id);
		await sqs("DeleteMessageBatch", {
			Entries: messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle })),
		});
	}
}

await Promise.all(Array.from({ length: 8 }, receive));

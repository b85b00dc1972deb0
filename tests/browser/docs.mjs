// A front-end developer opens /docs, authorizes with a token and places an order there.

import { check, picture, token, url, visit } from "./lib/visit.mjs";

await visit({ viewport: { width: 1100, height: 1250 } }, async (page) => {
	await page.goto(`${url}/docs`);
	await page.locator(".opblock").first().waitFor();
	check(await page.locator(".opblock").count() >= 9, "fewer operations than there are");

	await page.locator(".scheme-container .btn.authorize").click();
	await page.locator(".auth-container input").fill(token);
	await page.locator(".auth-container .btn.authorize").click();
	await page.locator(".auth-container .btn-done").click();

	const create = page.locator("#operations-orders-create_order");
	await create.locator(".opblock-summary-control").click();
	await create.locator("textarea.body-param__text").waitFor();
	await create.locator(".btn.execute").click();
	const live = create.locator(".live-responses-table .response");
	await live.waitFor();
	const status = await live.locator(".response-col_status").innerText();
	check(status.trim().startsWith("201"), `the order was answered ${status}: ${await live.innerText()}`);
	const body = await live.locator(".microlight, pre").first().innerText();
	check(body.includes('"total_amount": "91.00"'), `the answer shows ${body}`);

	await create.locator(".opblock-section-request-body").evaluate((section) => section.scrollIntoView());
	await page.screenshot({ path: picture("docs") });

	// All the rest of it, for what its policy would forbid.
	const closed = page.locator(".opblock:not(.is-open) .opblock-summary-control");
	while (await closed.count() > 0)
		await closed.first().click();
	for (const tab of await page.locator(".opblock .tab button:not(:disabled)").getByText("Schema").all())
		await tab.click();
	check(await page.locator(".opblock.is-open").count() === await page.locator(".opblock").count(), "an operation does not open");
});

await visit({ javaScriptEnabled: false }, async (page) => {
	await page.goto(`${url}/docs`);
	check((await page.locator("noscript").innerText()).includes("openapi.json"), "nothing for those without JavaScript");
});

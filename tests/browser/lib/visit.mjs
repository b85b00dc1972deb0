// A visit to the service with a Chromium that was never anywhere before. What a page must not do is noticed throughout.
//
// Of the environment, by browser.sh: ORDERS_URL, the service's; ORDERS_TOKEN and ORDERS_STAFF_TOKEN; ORDERS_OUT, a folder for pictures;
// ORDERS_NPM, the folder node_modules with playwright-core.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";

const { chromium } = createRequire(`${process.env.ORDERS_NPM}/x`)("playwright-core");

export const url = process.env.ORDERS_URL;
export const token = process.env.ORDERS_TOKEN;
export const staffToken = process.env.ORDERS_STAFF_TOKEN;

/** The path of a picture of this name. */
export const picture = (name) => `${process.env.ORDERS_OUT}/${name}.png`;

/** Ends the test. */
export function check(condition, message) {
	if (!condition)
		throw new Error(message);
}

/**
 * options: playwright's, of a context: viewport, colorScheme, javaScriptEnabled, …; calls use(page). Fails when a request left the
 * service, when the page broke its policy, and when something was wrong enough for the console.
 */
export async function visit(options, use) {
	const dir = mkdtempSync(`${tmpdir()}/orders-chromium.`), wrong = [];
	const context = await chromium.launchPersistentContext(dir, {
		executablePath: "/usr/bin/chromium",
		args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync"],
		...options,
	});
	try {
		const page = context.pages()[0] ?? await context.newPage();
		page.setDefaultTimeout(15000);
		context.on("request", (request) => {
			if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("data:"))
				wrong.push(`a request to ${request.url()}`);
		});
		page.on("console", (message) => {
			if (message.type() === "error" || message.type() === "warning")
				wrong.push(`console: ${message.text()}`);
		});
		page.on("pageerror", (error) => wrong.push(`an exception: ${error}`));
		if (options.javaScriptEnabled !== false) {
			await page.exposeFunction("ordersViolation", (what) => wrong.push(`against the policy: ${what}`));
			await page.addInitScript(() => document.addEventListener("securitypolicyviolation",
				(e) => window.ordersViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`)));
		}
		await use(page);
	} finally {
		await context.close();
		rmSync(dir, { recursive: true, force: true });
	}
	check(wrong.length === 0, wrong.join("\n"));
}

// An operator looks at /status: figures move by themselves, a page that gets none says so, and nothing sticks out anywhere.

import { check, picture, token, url, visit } from "./lib/visit.mjs";

const SIZES = { wide: { width: 1280, height: 1000 }, middle: { width: 800, height: 1000 }, narrow: { width: 360, height: 800 } };

const place = () => fetch(`${url}/api/v1/orders`, {
	method: "POST",
	headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
	body: '{"items":[{"product_id":3,"quantity":2}]}',
});

const answered = async (page) => Number((await page.locator(".totals dd").first().innerText()).replaceAll(",", ""));

const sns = async () => (await (await fetch(`${url}/ready`)).json()).checks.sns;

/* A neighbour that is found to be well again may move what stands beside it. */
check((await place()).status === 201, "no order was made");
for (let i = 0; i < 200 && await sns() !== "ok"; i++)
	await new Promise((resolve) => setTimeout(resolve, 50));
check(await sns() === "ok", "SNS is not well");

/* Figures change in the page that was loaded, and nothing moves for it. */
await visit({ viewport: SIZES.wide }, async (page) => {
	await page.goto(`${url}/status`);
	await page.evaluate(() => {
		window.moved = [];
		window.figure = document.querySelector("figure");
		const up_or_down = (s) => Math.abs(s.currentRect.y - s.previousRect.y) > 1; // a figure may get another digit
		new PerformanceObserver((list) => list.getEntries().forEach((e) => window.moved.push(...e.sources.filter(up_or_down).map((s) =>
			`${s.node?.nodeName} ${s.node?.className} ${s.node?.textContent?.slice(0, 40)}`))))
			.observe({ type: "layout-shift", buffered: true });
	});
	const before = await answered(page);
	for (let i = 0; i < 5; i++)
		check((await place()).status === 201, "no order was made");
	await page.waitForFunction((n) => Number(document.querySelector(".totals dd").innerText.replaceAll(",", "")) >= n, before + 5);
	check(await page.evaluate(() => window.figure.isConnected), "the page was loaded again, or made anew");
	const moved = await page.evaluate(() => window.moved);
	check(moved.length === 0, `moved: ${moved.join("; ")}`);
	for (const name of ["Requests", "Errors", "Latency", "Outbox", "Oldest event"])
		check(await page.getByRole("img", { name, exact: true }).count() === 1, `no picture is called ${name}`);
	for (const name of ["Dependencies", "Workers", "Recent warnings and errors"])
		check(await page.getByRole("table", { name, exact: true }).count() === 1, `no table is called ${name}`);
});

/* With a clock of the test's own: when it asks, and what it does when it is not answered, or not looked at. */
await visit({ viewport: SIZES.wide }, async (page) => {
	const live = page.locator("#live"), button = page.getByRole("button");
	const asked = () => page.evaluate(() => window.asked);
	const passes = async (ms, n, when) => {
		const before = await asked();
		await page.clock.runFor(ms);
		await page.waitForFunction((wanted) => window.asked >= wanted, before + n);
		check(await asked() === before + n, `${await asked() - before} requests instead of ${n} ${when}`);
	};
	const hide = (hidden) => page.evaluate((value) => {
		Object.defineProperty(document, "hidden", { value, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	}, hidden);

	await page.clock.install({ time: 0 });
	await page.clock.pauseAt(1000);
	await page.goto(`${url}/status`);
	await page.evaluate(() => {
		const real = window.fetch;
		window.asked = 0;
		window.down = false;
		window.fetch = (...args) => {
			window.asked++;
			return window.down ? Promise.reject(new TypeError("down")) : real(...args);
		};
	});
	check(await live.innerText() === "Live, every 2 s", await live.innerText());
	await passes(1900, 0, "before two seconds");
	await passes(200, 1, "after them");

	await page.evaluate(() => { window.down = true; });
	await page.waitForFunction(() => document.body.className === "live");
	for (let i = 0; i < 20 && await page.evaluate(() => document.body.className) !== "lost"; i++)
		await page.clock.runFor(1000);
	check(/^No figures since \d\d:\d\d:\d\d UTC: it does not answer$/.test(await live.innerText()), await live.innerText());
	check((await page.title()).startsWith("No answer"), await page.title());
	check(await page.locator("main").evaluate((main) => getComputedStyle(main).opacity) < 1, "old figures look like new ones");
	await page.evaluate(() => { window.down = false; });
	for (let i = 0; i < 20 && await live.innerText() !== "Live, every 2 s"; i++)
		await page.clock.runFor(1000);
	check(await live.innerText() === "Live, every 2 s", await live.innerText());

	await button.click();
	check(await button.innerText() === "Go on" && await live.innerText() === "Paused", await live.innerText());
	await passes(60000, 0, "while paused");
	await button.click();
	await page.waitForFunction(() => document.querySelector("#live").innerText === "Live, every 2 s");

	await hide(true);
	await passes(60000, 0, "while nobody looks");
	await hide(false);
	await page.waitForFunction((n) => window.asked === n, await asked());
});

/* The same figures for who has no JavaScript, in each of the sizes, by day and by night. */
await visit({ javaScriptEnabled: false }, async (page) => {
	for (const [size, viewport] of Object.entries(SIZES))
		for (const colorScheme of ["light", "dark"]) {
			await page.setViewportSize(viewport);
			await page.emulateMedia({ colorScheme });
			await page.goto(`${url}/status`);
			check(await answered(page) > 0, "no figures");
			check(await page.locator("#live").innerText() === "Loaded again every 10 s", await page.locator("#live").innerText());
			check(await page.locator("noscript meta").getAttribute("content") === "10", "it is not loaded again");
			const width = await page.evaluate(() => document.documentElement.scrollWidth);
			check(width <= viewport.width, `${size}: ${width} pixels wide`);
			await page.screenshot({ path: picture(`status-${size}-${colorScheme}`), fullPage: true });
		}
});

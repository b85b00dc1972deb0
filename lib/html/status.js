/* Looks again every two seconds while somebody can see it. Written without the characters that XML would have escaped. */
'use strict';
(() => {
	const EVERY_MS = 2000, PATIENCE_MS = 5000;
	const page = document.getElementById('page'), live = document.getElementById('live');
	const button = document.createElement('button');
	let timer = 0, stopped = false, lostAt = '', text = '';

	/* Changes what differs and leaves the rest: nothing flickers, and a title that is being read stays. */
	function patch(now, next) {
		if (now.nodeName !== next.nodeName) {
			now.replaceWith(next);
			return;
		}
		if (now.nodeType === Node.TEXT_NODE) {
			if (now.data !== next.data)
				now.data = next.data;
			return;
		}
		for (const a of Array.from(now.attributes))
			if (!next.hasAttribute(a.name))
				now.removeAttribute(a.name);
		for (const a of next.attributes)
			if (now.getAttribute(a.name) !== a.value)
				now.setAttribute(a.name, a.value);
		const have = Array.from(now.childNodes), want = Array.from(next.childNodes);
		want.forEach((w, i) => i in have ? patch(have[i], w) : now.append(w));
		have.slice(want.length).forEach(h => h.remove());
	}

	/* A screen reader says what changes here: only when it does. What comes after a stop is too late to be said. */
	function say(state, what) {
		if (stopped)
			if (state !== 'paused')
				return;
		document.body.className = state;
		if (text !== what)
			live.textContent = text = what;
	}

	function utc() {
		return new Date().toISOString().slice(11, 19);
	}

	function show(next) {
		/* Another version of the page has a style and a script of its own. */
		if (next.querySelector('style').textContent !== document.querySelector('style').textContent) {
			location.reload();
			return;
		}
		patch(page, document.adoptNode(next.getElementById('page')));
		document.title = next.title;
		lostAt = '';
		say('live', 'Live, every 2 s');
	}

	async function ask() {
		const abort = new AbortController(), limit = setTimeout(() => abort.abort(), PATIENCE_MS);
		let why = 'it does not answer';
		try {
			const answer = await fetch(location.href, { cache: 'no-store', credentials: 'same-origin',
				redirect: 'error', signal: abort.signal });
			why = 'it answers ' + answer.status;
			if (!answer.ok)
				throw new Error(why);
			show(new DOMParser().parseFromString(await answer.text(), 'text/html'));
		} catch (e) {
			lostAt = lostAt || utc();
			if (!stopped)
				document.title = 'No answer: Orders';
			say('lost', 'No figures since ' + lostAt + ' UTC: ' + why);
		} finally {
			clearTimeout(limit);
		}
	}

	async function look() {
		clearTimeout(timer);
		timer = 0;
		await ask();
		if (!stopped)
			again();
	}

	function again() {
		clearTimeout(timer);
		if (!document.hidden)
			timer = setTimeout(look, EVERY_MS);
	}

	button.type = 'button';
	button.textContent = 'Pause';
	button.onclick = () => {
		stopped = !stopped;
		clearTimeout(timer);
		button.textContent = stopped ? 'Go on' : 'Pause';
		if (stopped)
			say('paused', 'Paused');
		else
			look();
	};
	live.after(button);
	say('live', 'Live, every 2 s');
	document.addEventListener('visibilitychange', () => {
		clearTimeout(timer);
		if (!document.hidden)
			if (!stopped)
				look();
	});
	again();
})();

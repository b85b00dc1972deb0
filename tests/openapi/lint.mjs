// The linter of @redocly/cli without its commands, on docs/openapi.json, and whether all of it has an example: lint.mjs MODULES. Whatever is
// found is a failure.

import { createRequire } from "node:module";
import { Document } from "./document.mjs";

const core = createRequire(`${process.argv[2]}/x`)("@redocly/openapi-core");
const problems = await core.lint({ ref: "docs/openapi.json", config: await core.createConfig({ extends: ["recommended"] }) });
core.formatProblems(problems, { format: "stylish", totals: core.getTotals(problems), version: "" });
const unshown = Document.read("docs/openapi.json", process.argv[2]).unshown();
for (const complaint of unshown)
	console.log(`openapi.json: ${complaint}`);
process.exitCode = problems.length + unshown.length ? 1 : 0;

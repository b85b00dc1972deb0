// The linter of @redocly/cli without its commands, on docs/openapi.json: lint.mjs MODULES. Whatever it finds is a failure.

import { createRequire } from "node:module";

const core = createRequire(`${process.argv[2]}/x`)("@redocly/openapi-core");
const problems = await core.lint({ ref: "docs/openapi.json", config: await core.createConfig({ extends: ["recommended"] }) });
core.formatProblems(problems, { format: "stylish", totals: core.getTotals(problems), version: "" });
process.exitCode = problems.length ? 1 : 0;

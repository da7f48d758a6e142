// Compiles one Motoko file to a canister module: node compile_motoko.mjs SOURCE.mo OUTPUT.wasm
// The package `motoko` (the compiler as JavaScript) is looked up in the folder that NPM_MODULES names.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [source, output] = process.argv.slice(2);
if (!source || !output) {
  console.error("usage: node compile_motoko.mjs SOURCE.mo OUTPUT.wasm");
  process.exit(2);
}
const require = createRequire(process.env.NPM_MODULES ? join(process.env.NPM_MODULES, "index.js") : import.meta.url);
const motoko = require("motoko").default;
motoko.loadPackage(require("motoko/packages/latest/core.json"));
motoko.write("Main.mo", readFileSync(source, "utf8"));
const mistakes = motoko.check("Main.mo").filter((diagnostic) => diagnostic.severity === 1);
if (mistakes.length > 0) {
  for (const mistake of mistakes) console.error(`${source}:${mistake.range.start.line + 1}: ${mistake.message}`);
  process.exit(1);
}
writeFileSync(output, motoko.wasm("Main.mo", "ic").wasm);

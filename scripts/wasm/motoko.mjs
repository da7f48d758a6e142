// Compile one Motoko file: node motoko.mjs MODULES SOURCE WASM [DID]
// MODULES is the node_modules folder that holds the package `motoko` (the compiler as JavaScript).
// The file's name inside the compiler is fixed, because it ends up in trap texts and so in the module.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";

const [modules, source, wasmPath, candidPath] = process.argv.slice(2);
const require = createRequire(resolve(modules, "motoko", "package.json"));
try {
  const compiler = require("motoko").default;
  compiler.loadPackage(require("motoko/packages/latest/core.json"));
  compiler.setPublicMetadata(["candid:service", "candid:args"]); // so that anybody can ask for the interface
  compiler.write("main.mo", readFileSync(source, "utf8"));
  const { wasm, candid } = compiler.wasm("main.mo", "ic");
  writeFileSync(wasmPath, wasm);
  if (candidPath) writeFileSync(candidPath, candid);
} catch (error) {
  // Uncaught, an error makes node print the compiler's whole source.
  process.stderr.write(`${source}: ${error.message ?? error}\n`);
  process.exitCode = 1;
}

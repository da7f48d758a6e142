// Asks @dfinity/response-verification (the Rust verifier as wasm): JSON lines in, JSON lines out, in order.
// Usage: node response_verification.mjs NODE_MODULES < questions > answers
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(join(process.argv[2], "oracle.cjs")));
const { verifyRequestResponsePair } = require("@dfinity/response-verification");
console.warn = console.info = console.debug = () => {};
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

function answer({ request, response, canister, now, offset, rootKey }) {
  try {
    const result = verifyRequestResponsePair(
      { ...request, body: bytes(request.body), certificate_version: [2] },
      { ...response, body: bytes(response.body) },
      bytes(canister),
      BigInt(now),
      BigInt(offset),
      bytes(rootKey),
      1,
    );
    return { version: result.verificationVersion, headers: result.response?.headers ?? null };
  } catch (error) {
    return { error: String(error.message ?? error), code: error.code ?? null };
  }
}

for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) console.log(JSON.stringify(answer(JSON.parse(line))));

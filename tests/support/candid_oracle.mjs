// Answers Candid questions with independent implementations: JSON lines in, JSON lines out, in order.
// Usage: node candid_oracle.mjs NODE_MODULES < questions > answers
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const modules = process.argv[2];
const require = createRequire(pathToFileURL(join(modules, "oracle.cjs")));
const didc = require("@dfinity/didc");
const { IDL } = require("@icp-sdk/core/candid");

const toHex = (bytes) => Buffer.from(bytes).toString("hex");
const fromHex = (hex) => new Uint8Array(Buffer.from(hex, "hex"));

// A type is a name, or [kind, …]; ["rec", name, body] binds a name that ["var", name] refers to.
const build = (type, scope) => {
  if (typeof type === "string") return { principal: IDL.Principal, text: IDL.Text, null: IDL.Null, bool: IDL.Bool, nat: IDL.Nat, int: IDL.Int, reserved: IDL.Reserved, empty: IDL.Empty, nat8: IDL.Nat8, nat16: IDL.Nat16, nat32: IDL.Nat32, nat64: IDL.Nat64, int8: IDL.Int8, int16: IDL.Int16, int32: IDL.Int32, int64: IDL.Int64, float32: IDL.Float32, float64: IDL.Float64 }[type];
  const fields = (pairs) => Object.fromEntries(pairs.map(([label, part]) => [typeof label === "number" ? `_${label}_` : label, build(part, scope)]));
  switch (type[0]) {
    case "opt": return IDL.Opt(build(type[1], scope));
    case "vec": return IDL.Vec(build(type[1], scope));
    case "record": return IDL.Record(fields(type[1]));
    case "variant": return IDL.Variant(fields(type[1]));
    case "func": return IDL.Func(type[1].map((part) => build(part, scope)), type[2].map((part) => build(part, scope)), type[3]);
    case "service": return IDL.Service(fields(type[1]));
    case "var": return scope[type[1]];
    case "rec": {
      const rec = IDL.Rec();
      rec.fill(build(type[2], { ...scope, [type[1]]: rec }));
      return rec;
    }
  }
};

const answers = {
  decode: ({ idl, method, input }) => didc.decode({ idl, input, ...(method ? { serviceMethod: method, useServiceMethodReturnType: false } : {}) }),
  encode: ({ idl, method, input }) => didc.encode({ idl, input, ...(method ? { withType: { kind: "methodParams", name: method } } : {}) }),
  methods: ({ idl }) => didc.getServiceMethods(idl),
  reencode: ({ types, input }) => {
    const built = types.map((type) => build(type, {}));
    return toHex(IDL.encode(built, IDL.decode(built, fromHex(input))));
  },
};

for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { ok: answers[question.ask](question) };
  } catch (error) {
    answer = { error: String(error?.message ?? error).slice(0, 500) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

// Answer questions about the wire protocol with @icp-sdk/core: node icp_sdk_protocol.mjs MODULES QUESTIONS_FILE
// Bytes travel as hex. Prints one JSON object with an answer to each question, in order.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const require = createRequire(resolve(process.argv[2], "@icp-sdk", "core", "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(`@icp-sdk/core/${name}`)).href);
const { Cbor, Certificate, LookupPathStatus, lookup_path, reconstruct, requestIdOf } = await load("agent");
const { DelegationChain, Ed25519KeyIdentity } = await load("identity");
const { Secp256k1KeyIdentity } = await load("identity/secp256k1");
const { Principal } = await load("principal");

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");

async function verifies({ data, rootKey, canister }) {
  try {
    await Certificate.create({
      certificate: bytes(data),
      rootKey: bytes(rootKey),
      principal: { canisterId: Principal.fromText(canister) },
      disableTimeVerification: true,
    });
    return true;
  } catch {
    return false;
  }
}

async function readTree({ data, paths }) {
  const tree = Cbor.decode(bytes(data));
  const found = paths.map((path) => {
    const result = lookup_path(path.map(bytes), tree);
    return result.status === LookupPathStatus.Found ? `Found ${hex(result.value)}` : String(result.status);
  });
  return { hash: hex(await reconstruct(tree)), found };
}

const value = (item) => {
  if (Array.isArray(item)) return item.map(value);
  if (typeof item === "object") return Object.fromEntries(Object.entries(item).map(([name, inner]) => [name, value(inner)]));
  if (item.startsWith("n:")) return BigInt(item.slice(2));
  return item.startsWith("b:") ? bytes(item.slice(2)) : item.slice(2);
};

const schemes = {
  ed25519: (seed) => Ed25519KeyIdentity.generate(seed),
  secp256k1: (seed) => Secp256k1KeyIdentity.fromSecretKey(seed),
};

async function describe({ scheme, seed, message }) {
  const identity = schemes[scheme](bytes(seed));
  return {
    principal: identity.getPrincipal().toText(),
    publicKey: hex(identity.getPublicKey().toDer()),
    signature: hex(await identity.sign(bytes(message))),
  };
}

async function delegate({ scheme, seed, publicKey, expiration, targets }) {
  const identity = schemes[scheme](bytes(seed));
  const chain = await DelegationChain.create(identity, { toDer: () => bytes(publicKey) }, new Date(expiration), {
    targets: targets.map((text) => Principal.fromText(text)),
  });
  return JSON.parse(JSON.stringify(chain.toJSON()));
}

const questions = JSON.parse(readFileSync(process.argv[3], "utf8"));
const answer = async (list, how) => Promise.all((list ?? []).map(how));
process.stdout.write(
  JSON.stringify({
    certificates: await answer(questions.certificates, verifies),
    trees: await answer(questions.trees, readTree),
    requests: await answer(questions.requests, (request) => hex(requestIdOf(value(request)))),
    identities: await answer(questions.identities, describe),
    delegations: await answer(questions.delegations, delegate),
  }),
);

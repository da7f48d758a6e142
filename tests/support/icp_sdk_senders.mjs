// Call the embedded network as senders that have no plain key, with @icp-sdk/core's own identities:
// node icp_sdk_senders.mjs MODULES HOST ROOT_KEY_HEX SIGNING_WASM
// Passkeys (an authenticator in software stands in for the browser's), chains of delegations, and canister signatures.
// Prints whom the canister saw, and who was meant, as one JSON object.
import * as crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [modules, host, rootKeyHex, wasmFile] = process.argv.slice(2);
const require = createRequire(resolve(modules, "@icp-sdk", "core", "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(`@icp-sdk/core/${name}`)).href);
const { Cbor, HttpAgent, IC_REQUEST_AUTH_DELEGATION_DOMAIN_SEPARATOR, requestIdOf } = await load("agent");
const { IDL } = await load("candid");
const identities = await load("identity");
const { Delegation, DelegationChain, DelegationIdentity, Ed25519KeyIdentity, WebAuthnIdentity, wrapDER } = identities;
const { Principal } = await load("principal");

const bytes = (...parts) => Uint8Array.from(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part)))));
const sha256 = (...parts) => Uint8Array.from(crypto.createHash("sha256").update(bytes(...parts)).digest());
const rootKey = Uint8Array.from(Buffer.from(rootKeyHex, "hex"));
const connect = (identity) => HttpAgent.create({ host, rootKey, identity, retryTimes: 0 });
const hour = new Date(Date.now() + 3_600_000);

// An authenticator: a key, and what the browser's navigator.credentials would do with it.
const jwk = (key) => key.export({ format: "jwk" });
const decode = (text) => new Uint8Array(Buffer.from(text, "base64url"));
const blob = (data) => bytes(data.length < 24 ? [0x40 + data.length] : data.length < 256 ? [0x58, data.length] : [0x59, data.length >> 8, data.length & 255], data);
const es256 = () => {
  const { privateKey, publicKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x, y } = jwk(publicKey);
  return { privateKey, cose: bytes([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21], blob(decode(x)), [0x22], blob(decode(y))) };
};
const rs256 = () => {
  const { privateKey, publicKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { n, e } = jwk(publicKey);
  return { privateKey, cose: bytes([0xa4, 1, 3, 3, 0x39, 1, 0, 0x20], blob(decode(n)), [0x21], blob(decode(e))) };
};
const authenticatorData = bytes(sha256("localhost"), [5, 0, 0, 0, 1]);
const authenticators = new Map();
const register = (authenticator) => {
  const rawId = crypto.randomBytes(16);
  authenticators.set(rawId.toString("hex"), authenticator);
  return Uint8Array.from(rawId);
};
const credentials = {
  create: async () => {
    const authenticator = es256();
    const rawId = register(authenticator);
    const authData = bytes(sha256("localhost"), [0x45, 0, 0, 0, 0], new Uint8Array(16), [0, rawId.length], rawId, authenticator.cose);
    const attestationObject = Cbor.encode({ fmt: "none", attStmt: {}, authData });
    return { id: "key", rawId, type: "public-key", authenticatorAttachment: "platform", response: { attestationObject }, toJSON: () => ({}) };
  },
  get: async ({ publicKey }) => {
    const { privateKey } = authenticators.get(Buffer.from(publicKey.allowCredentials[0].id).toString("hex"));
    const challenge = Buffer.from(publicKey.challenge).toString("base64url");
    const clientDataJSON = bytes(JSON.stringify({ type: "webauthn.get", challenge, origin: "https://localhost", crossOrigin: false }));
    const signature = Uint8Array.from(crypto.sign("sha256", bytes(authenticatorData, sha256(clientDataJSON)), privateKey));
    return { authenticatorAttachment: "platform", response: { authenticatorData, clientDataJSON, signature } };
  },
};
Object.defineProperty(globalThis, "navigator", { value: { credentials }, configurable: true });

// A canister that signs.
const owner = Ed25519KeyIdentity.generate();
const agent = await connect(owner);
const management = Principal.managementCanister();
const manage = async (methodName, type, value, effectiveCanisterId = management) =>
  (await agent.update(management, { methodName, arg: IDL.encode([type], [value]), effectiveCanisterId })).reply;
const Id = IDL.Record({ canister_id: IDL.Principal });
const created = await manage("provisional_create_canister_with_cycles", IDL.Record({}), {});
const canisterId = IDL.decode([Id], created)[0].canister_id;
const install = { mode: { install: null }, canister_id: canisterId, wasm_module: readFileSync(wasmFile), arg: new Uint8Array() };
const Install = IDL.Record({
  mode: IDL.Variant({ install: IDL.Null }),
  canister_id: IDL.Principal,
  wasm_module: IDL.Vec(IDL.Nat8),
  arg: IDL.Vec(IDL.Nat8),
});
await manage("install_code", Install, install, canisterId);

const separated = (name, ...parts) => sha256([name.length], name, ...parts);
const labeled = (label, below) => ({ tree: [2, label, below.tree], hash: separated("ic-hashtree-labeled", label, below.hash) });
const signAs = async (seed, message) => {
  const leaf = { tree: [3, new Uint8Array()], hash: separated("ic-hashtree-leaf") };
  const tree = labeled(bytes("sig"), labeled(sha256(seed), labeled(sha256(message), leaf)));
  await agent.update(canisterId, { methodName: "certify", arg: tree.hash });
  const answer = await agent.query(canisterId, { methodName: "certificate", arg: new Uint8Array() });
  return Cbor.encode({ certificate: answer.reply.arg, tree: tree.tree });
};
const CANISTER_SIGNATURE_OID = Uint8Array.from([0x30, 0x0c, 0x06, 0x0a, 0x2b, 6, 1, 4, 1, 0x83, 0xb8, 0x43, 1, 2]);
const canisterKey = (seed) => wrapDER(bytes([canisterId.toUint8Array().length], canisterId.toUint8Array(), seed), CANISTER_SIGNATURE_OID);
const sessionOf = async (seed) => {
  const session = Ed25519KeyIdentity.generate();
  const delegation = new Delegation(session.getPublicKey().toDer(), BigInt(+hour) * 1_000_000n);
  const message = bytes(IC_REQUEST_AUTH_DELEGATION_DOMAIN_SEPARATOR, requestIdOf({ ...delegation }));
  const chain = DelegationChain.fromDelegations([{ delegation, signature: await signAs(seed, message) }], canisterKey(seed));
  return DelegationIdentity.fromDelegation(session, chain);
};
const delegate = async (from, previous) => {
  const session = Ed25519KeyIdentity.generate();
  return [session, await DelegationChain.create(from, session.getPublicKey(), hour, { previous })];
};

const rsa = rs256();
const passkey = await WebAuthnIdentity.create();
const [first, chain] = await delegate(passkey);
const [second, longer] = await delegate(first, chain);
const user = await sessionOf(bytes("seed of a user"));
const data = bytes("is of age");
const signature = await signAs(bytes("seed of a user"), bytes("\x0eic-sender-info", data));
const senders = {
  passkey,
  windowsHello: new WebAuthnIdentity(register(rsa), rsa.cose, undefined),
  session: DelegationIdentity.fromDelegation(first, chain),
  secondSession: DelegationIdentity.fromDelegation(second, longer),
  canister: user,
  described: new identities.AttributesIdentity({ inner: user, attributes: { data, signature }, signer: { canisterId } }),
};
const result = { canister: canisterId.toText(), seen: {}, meant: {} };
for (const [name, identity] of Object.entries(senders)) {
  const other = await connect(identity);
  const called = await other.update(canisterId, { methodName: "who", arg: new Uint8Array() });
  const asked = await other.query(canisterId, { methodName: "who_asks", arg: new Uint8Array() });
  result.seen[name] = [called.reply, asked.reply.arg].map((reply) => Buffer.from(reply).toString("hex"));
  result.meant[name] = Buffer.from(identity.getPrincipal().toUint8Array()).toString("hex");
}
result.described = Buffer.from(bytes(canisterId.toUint8Array(), data)).toString("hex");
process.stdout.write(`${JSON.stringify(result)}\n`);

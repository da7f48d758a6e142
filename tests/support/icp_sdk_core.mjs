// Drive a replica with @icp-sdk/core and its default checks (certificates and query signatures verified):
// node icp_sdk_core.mjs MODULES HOST ROOT_KEY_HEX WASM_FILE
// Creates a canister, installs the module, calls it in every way and prints what came of it as one JSON object.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [modules, host, rootKeyHex, wasmFile] = process.argv.slice(2);
const require = createRequire(resolve(modules, "@icp-sdk", "core", "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(`@icp-sdk/core/${name}`)).href);
const { Actor, CanisterStatus, HttpAgent } = await load("agent");
const { IDL } = await load("candid");
const { DelegationChain, DelegationIdentity, Ed25519KeyIdentity } = await load("identity");
const { Secp256k1KeyIdentity } = await load("identity/secp256k1");
const { Principal } = await load("principal");

const rootKey = Uint8Array.from(Buffer.from(rootKeyHex, "hex"));
const connect = (identity, key = rootKey) => HttpAgent.create({ host, rootKey: key, identity, retryTimes: 0 });

const Settings = IDL.Record({ controllers: IDL.Opt(IDL.Vec(IDL.Principal)) });
const Id = IDL.Record({ canister_id: IDL.Principal });
const managementInterface = () =>
  IDL.Service({
    provisional_create_canister_with_cycles: IDL.Func(
      [IDL.Record({ amount: IDL.Opt(IDL.Nat), settings: IDL.Opt(Settings) })],
      [Id],
      [],
    ),
    install_code: IDL.Func(
      [
        IDL.Record({
          mode: IDL.Variant({ install: IDL.Null, reinstall: IDL.Null }),
          canister_id: IDL.Principal,
          wasm_module: IDL.Vec(IDL.Nat8),
          arg: IDL.Vec(IDL.Nat8),
        }),
      ],
      [],
      [],
    ),
    canister_status: IDL.Func(
      [Id],
      [IDL.Record({ status: IDL.Variant({ running: IDL.Null, stopping: IDL.Null, stopped: IDL.Null }), cycles: IDL.Nat })],
      [],
    ),
    stop_canister: IDL.Func([Id], [], []),
  });
const counterInterface = () =>
  IDL.Service({
    inc: IDL.Func([], [IDL.Nat32], []),
    inc_and_trap: IDL.Func([], [], []),
    refuse: IDL.Func([], [], []),
    get: IDL.Func([], [IDL.Nat32], ["query"]),
    missing: IDL.Func([], [], ["query"]),
  });
const management = (agent, effectiveCanisterId) =>
  Actor.createActor(managementInterface, { agent, canisterId: Principal.managementCanister(), effectiveCanisterId });
const failure = (promise) =>
  promise.then(
    () => null,
    (error) => ({
      message: String(error.message),
      rejectCode: error.code?.rejectCode ?? error.cause?.code?.rejectCode ?? null,
      errorCode: error.code?.rejectErrorCode ?? error.cause?.code?.rejectErrorCode ?? null,
    }),
  );

const owner = Ed25519KeyIdentity.generate();
const agent = await connect(owner);
const { canister_id: canisterId } = await management(agent, Principal.managementCanister()).provisional_create_canister_with_cycles({
  amount: [123_000_000_000_000n],
  settings: [],
});
const manage = management(agent, canisterId);
await manage.install_code({
  mode: { install: null },
  canister_id: canisterId,
  wasm_module: readFileSync(wasmFile),
  arg: new Uint8Array([68, 73, 68, 76, 0, 0]),
});
const counter = Actor.createActor(counterInterface, { agent, canisterId });

const result = { canisterId: canisterId.toText(), owner: owner.getPrincipal().toText() };
result.first = await counter.get();
result.incremented = await counter.inc();
result.second = await counter.get();
result.refused = await failure(counter.refuse());
result.trapped = await failure(counter.inc_and_trap());
result.afterTrap = await counter.get();
result.missing = await failure(counter.missing());

const signers = { secp256k1: Secp256k1KeyIdentity.generate() };
const session = Ed25519KeyIdentity.generate();
const hour = new Date(Date.now() + 3_600_000);
const chainFor = (target) => DelegationChain.create(owner, session.getPublicKey(), hour, { targets: [target] });
signers.delegation = DelegationIdentity.fromDelegation(session, await chainFor(canisterId));
for (const [name, identity] of Object.entries(signers)) {
  const actor = Actor.createActor(counterInterface, { agent: await connect(identity), canisterId });
  result[name] = [await actor.inc(), await actor.get()];
}
const elsewhere = DelegationIdentity.fromDelegation(session, await chainFor(Principal.fromUint8Array(new Uint8Array([1, 2, 3]))));
result.elsewhere = await failure(Actor.createActor(counterInterface, { agent: await connect(elsewhere), canisterId }).inc());
result.stranger = await failure(management(await connect(Ed25519KeyIdentity.generate()), canisterId).stop_canister({ canister_id: canisterId }));

const status = await manage.canister_status({ canister_id: canisterId });
result.cycles = String(status.cycles);
result.running = Object.keys(status.status)[0];
const seen = await CanisterStatus.request({
  agent,
  canisterId,
  paths: ["time", "controllers", "module_hash", "subnet", "candid", { kind: "metadata", key: "secret", path: "secret", decodeStrategy: "utf-8" }],
});
result.time = seen.get("time") instanceof Date;
result.controllers = seen.get("controllers").map(String);
result.moduleHash = seen.get("module_hash");
result.candid = seen.get("candid");
result.secret = seen.get("secret");
result.subnet = seen.get("subnet")?.subnetId ?? null;

const wrongKey = Uint8Array.from(rootKey);
wrongKey[wrongKey.length - 1] ^= 1;
result.wrongKey = await failure(Actor.createActor(counterInterface, { agent: await connect(owner, wrongKey), canisterId }).inc());
process.stdout.write(`${JSON.stringify(result)}\n`);

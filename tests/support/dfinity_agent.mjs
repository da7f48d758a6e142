// Drive a replica with @dfinity/agent 3, which asks the older endpoints, certificates and query signatures verified:
// node dfinity_agent.mjs MODULES HOST ROOT_KEY_HEX CANISTER_ID
// The canister is the counter of the test modules. Prints what it saw as one JSON object.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";

const [modules, host, rootKeyHex, canisterId] = process.argv.slice(2);
const require = createRequire(resolve(modules, "@dfinity", "agent", "package.json"));
const { Actor, CanisterStatus, HttpAgent } = require("@dfinity/agent");
const { Ed25519KeyIdentity } = require("@dfinity/identity");
const { Principal } = require("@dfinity/principal");

const rootKey = Uint8Array.from(Buffer.from(rootKeyHex, "hex"));
const asked = [];
const watch = (url, options) => {
  asked.push(String(url).replace(/.*\/api\/(v\d)\/canister\/[^/]*\//, "$1 "));
  return fetch(url, options);
};
const counterInterface = ({ IDL }) =>
  IDL.Service({
    inc: IDL.Func([], [IDL.Nat32], []),
    inc_and_trap: IDL.Func([], [], []),
    get: IDL.Func([], [IDL.Nat32], ["query"]),
    missing: IDL.Func([], [], ["query"]),
  });
const connect = async (options = {}) => {
  const agent = await HttpAgent.create({ host, rootKey, identity: Ed25519KeyIdentity.generate(), retryTimes: 0, fetch: watch, ...options });
  return [agent, Actor.createActor(counterInterface, { agent, canisterId })];
};
const failure = (promise) => promise.then(() => null, (error) => String(error.message));

const [agent, counter] = await connect();
const result = { values: [await counter.get(), await counter.inc(), await counter.get()] };
result.trapped = await failure(counter.inc_and_trap());
result.missing = await failure(counter.missing());
const [, polling] = await connect({ callOptions: { callSync: false } });
result.polled = await polling.inc();
const status = await CanisterStatus.request({ agent, canisterId: Principal.fromText(canisterId), paths: ["time", "candid", "subnet"] });
result.status = [status.get("time") instanceof Date, status.get("candid").startsWith("service"), status.get("subnet") !== null];
const fetching = await HttpAgent.create({ host, identity: Ed25519KeyIdentity.generate(), shouldFetchRootKey: true, retryTimes: 0 });
result.fetched = await Actor.createActor(counterInterface, { agent: fetching, canisterId }).inc();
const [, wrong] = await connect({ rootKey: rootKey.with(-1, rootKey.at(-1) ^ 1) });
result.wrongKey = await failure(wrong.inc());
result.asked = [...new Set(asked)].sort();
process.stdout.write(`${JSON.stringify(result)}\n`);

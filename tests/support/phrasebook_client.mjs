// Call the example's canister with @icp-sdk/core and its default checks:
// node phrasebook_client.mjs MODULES HOST ROOT_KEY_HEX CANISTER_ID
// Prints one JSON object: what `list` answered (a query, with node signatures verified), the certified
// interface, what an update by an outsider is rejected with, and whether another root key is refused.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [modules, host, rootKeyHex, canisterId] = process.argv.slice(2);
const require = createRequire(resolve(modules, "@icp-sdk", "core", "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(`@icp-sdk/core/${name}`)).href);
const { Actor, CanisterStatus, HttpAgent } = await load("agent");
const { IDL } = await load("candid");
const { Ed25519KeyIdentity } = await load("identity");

const Phrase = IDL.Record({ key: IDL.Text, value: IDL.Text });
const interfaceFactory = () =>
  IDL.Service({
    list: IDL.Func([], [IDL.Vec(Phrase)], ["query"]),
    put: IDL.Func([Phrase], [], []),
  });

async function connect(rootKey) {
  // A stranger: whoever deployed the example may be the anonymous identity.
  const identity = Ed25519KeyIdentity.generate();
  const agent = await HttpAgent.create({ host, rootKey, identity, retryTimes: 0 });
  return { agent, actor: Actor.createActor(interfaceFactory, { agent, canisterId }) };
}

const rootKey = Uint8Array.from(Buffer.from(rootKeyHex, "hex"));
const { agent, actor } = await connect(rootKey);
const phrases = await actor.list();
const status = await CanisterStatus.request({ agent, canisterId, paths: ["candid"] });
const rejected = await actor.put({ key: "en", value: "overwritten" }).then(
  () => null,
  (error) => String(error.message),
);

const wrongKey = Uint8Array.from(rootKey);
wrongKey[wrongKey.length - 1] ^= 1;
const refusedWithWrongKey = await connect(wrongKey)
  .then(({ actor: mistrusting }) => mistrusting.list())
  .then(
    () => false,
    () => true,
  );

process.stdout.write(JSON.stringify({ phrases, candid: status.get("candid"), rejected, refusedWithWrongKey }));

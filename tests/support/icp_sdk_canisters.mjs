// Drive the management canister and the system canisters with @icp-sdk/canisters, certificates verified:
// node icp_sdk_canisters.mjs MODULES HOST ROOT_KEY_HEX SEED_HEX WASM_FILE
// The identity of the seed has ICP and cycles. Prints what came of every step as one JSON object.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [modules, host, rootKeyHex, seedHex, wasmFile] = process.argv.slice(2);
const require = createRequire(resolve(modules, "@icp-sdk", "canisters", "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(`@icp-sdk/${name}`).replace(/\.mjs$/, ".js")).href);
const { HttpAgent } = await load("core/agent");
const { Ed25519KeyIdentity } = await load("core/identity");
const { Principal } = await load("core/principal");
const { IcManagementCanister } = await load("canisters/ic-management");
const { AccountIdentifier, IcpLedgerCanister, SubAccount } = await load("canisters/ledger/icp");
const { IcrcLedgerCanister } = await load("canisters/ledger/icrc");
const { CyclesLedgerCanister } = await load("canisters/ledger/cycles");
const { CmcCanister } = await load("canisters/cmc");

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const connect = (identity) => HttpAgent.create({ host, rootKey: bytes(rootKeyHex), identity, retryTimes: 0 });
const identity = Ed25519KeyIdentity.generate(bytes(seedHex));
const stranger = Ed25519KeyIdentity.generate();
const agent = await connect(identity);
const me = identity.getPrincipal();
const them = stranger.getPrincipal();
const ids = { cycles: "um5iw-rqaaa-aaaaq-qaaba-cai", icp: "ryjl3-tyaaa-aaaaa-aaaba-cai", cmc: "rkp4c-7iaaa-aaaaa-aaaca-cai" };
const canisterId = Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, Principal.fromText(id)]));
const failure = (promise) => promise.then(() => null, (error) => Object.keys(error.errorType ?? {})[0] ?? String(error.message));

async function manage() {
  const management = IcManagementCanister.create({ agent });
  const module = readFileSync(wasmFile);
  const arg = new Uint8Array([68, 73, 68, 76, 0, 0]);
  const made = await management.provisionalCreateCanisterWithCycles({ amount: 9_000_000_000_000n });
  const target = { canisterId: made };
  const seen = {};
  await management.installCode({ mode: { install: null }, wasmModule: module, arg, ...target });
  await management.updateSettings({ settings: { controllers: [me.toText(), them.toText()], freezingThreshold: 100n, environmentVariables: [{ name: "A", value: "1" }] }, ...target });
  const status = await management.canisterStatus(target);
  seen.status = [Object.keys(status.status)[0], status.settings.controllers.length, String(status.settings.freezing_threshold), status.settings.environment_variables];
  const unsigned = await management.canisterStatus({ certified: false, ...target });
  seen.hash = [Buffer.from(status.module_hash[0]).toString("hex"), Buffer.from(unsigned.module_hash[0]).toString("hex")];
  const chunkHashesList = [];
  for (const chunk of [module.subarray(0, 100), module.subarray(100)]) chunkHashesList.push(await management.uploadChunk({ chunk, ...target }));
  seen.stored = (await management.storedChunks(target)).length;
  const wasmModuleHash = createHash("sha256").update(module).digest("hex");
  await management.installChunkedCode({ mode: { reinstall: null }, targetCanisterId: made, chunkHashesList, wasmModuleHash, arg });
  seen.wrongHash = await failure(
    management.installChunkedCode({ mode: { reinstall: null }, targetCanisterId: made, chunkHashesList, wasmModuleHash: wasmModuleHash.replace(/^../, "00"), arg }),
  );
  await management.clearChunkStore(target);
  const snapshot = await management.takeCanisterSnapshot(target);
  const metadata = await management.readCanisterSnapshotMetadata({ snapshotId: snapshot.id, ...target });
  const { chunk } = await management.readCanisterSnapshotData({ snapshotId: snapshot.id, kind: { wasmModule: { offset: 0n, size: metadata.wasmModuleSize } }, ...target });
  seen.snapshotModule = createHash("sha256").update(chunk).digest("hex") === wasmModuleHash;
  await management.stopCanister(made);
  await management.loadCanisterSnapshot({ snapshotId: snapshot.id, ...target });
  seen.snapshots = (await management.listCanisterSnapshots(target)).length;
  await management.deleteCanisterSnapshot({ snapshotId: snapshot.id, ...target });
  seen.logs = (await management.fetchCanisterLogs(made)).canister_log_records.length;
  await management.startCanister(made);
  seen.stranger = await failure(IcManagementCanister.create({ agent: await connect(Ed25519KeyIdentity.generate()) }).stopCanister(made));
  await management.stopCanister(made);
  await management.deleteCanister(made);
  seen.deleted = await failure(management.canisterStatus(target));
  return seen;
}

async function icrc(ledgerId) {
  const ledger = IcrcLedgerCanister.create({ agent, canisterId: ledgerId });
  const theirs = IcrcLedgerCanister.create({ agent: await connect(stranger), canisterId: ledgerId });
  const to = { owner: them, subaccount: [] };
  const fee = await ledger.transactionFee({});
  const before = await ledger.balance({ owner: me, certified: true });
  const now = BigInt(Date.now()) * 1_000_000n;
  const day = 86_400_000_000_000n;
  const block = await ledger.transfer({ to, amount: 10n ** 9n, created_at_time: now });
  const seen = { duplicate: await failure(ledger.transfer({ to, amount: 10n ** 9n, created_at_time: now })), block: typeof block };
  seen.badFee = await failure(ledger.transfer({ to, amount: 1n, fee: fee + 1n }));
  seen.tooOld = await failure(ledger.transfer({ to, amount: 1n, created_at_time: now - 3n * day }));
  seen.future = await failure(ledger.transfer({ to, amount: 1n, created_at_time: now + day }));
  seen.tooMuch = await failure(ledger.transfer({ to, amount: 10n ** 30n }));
  await ledger.approve({ spender: to, amount: 10n * fee });
  await theirs.transferFrom({ from: { owner: me, subaccount: [] }, to, amount: 5n });
  seen.allowance = String((await ledger.allowance({ account: { owner: me, subaccount: [] }, spender: to })).allowance - (9n * fee - 5n));
  seen.overAllowance = await failure(theirs.transferFrom({ from: { owner: me, subaccount: [] }, to, amount: 10n * fee }));
  seen.mine = String(before - (await ledger.balance({ owner: me })) - 3n * fee);
  seen.theirs = String(await ledger.balance({ owner: them }));
  seen.symbol = (await ledger.metadata({})).find(([key]) => key === "icrc1:symbol")[1].Text;
  return seen;
}

async function mint() {
  const ledger = IcpLedgerCanister.create({ agent, canisterId: canisterId.icp });
  const cmc = CmcCanister.create({ agent, canisterId: canisterId.cmc });
  const management = IcManagementCanister.create({ agent });
  const payFor = (principal, memo, amount) =>
    ledger.transfer({ to: AccountIdentifier.fromPrincipal({ principal: canisterId.cmc, subAccount: SubAccount.fromPrincipal(principal) }), memo, amount });
  const cycles = async (id) => (await management.canisterStatus({ canisterId: id })).cycles;
  const seen = { balance: (await ledger.accountBalance({ accountIdentifier: AccountIdentifier.fromPrincipal({ principal: me }) })) > 0n };
  seen.rate = (await cmc.getIcpToCyclesConversionRate({ certified: true })) > 0n;
  seen.subnets = (await cmc.getDefaultSubnets({})).length;
  const create = { block_index: await payFor(me, 0x41455243n, 200_000_000n), controller: me, settings: [], subnet_selection: [], subnet_type: [] };
  const made = await cmc.notifyCreateCanister(create);
  seen.again = (await cmc.notifyCreateCanister(create)).toText() === made.toText();
  const before = await cycles(made);
  const added = await cmc.notifyTopUp({ block_index: await payFor(made, 0x50555054n, 100_000_000n), canister_id: made });
  seen.toppedUp = (await cycles(made)) > before && (await cycles(made)) <= before + added;
  const minted = await cmc.notifyMintCycles({ block_index: await payFor(me, 0x544e494dn, 100_000_000n), to_subaccount: [], deposit_memo: [] });
  const cyclesLedger = CyclesLedgerCanister.create({ agent, canisterId: canisterId.cycles });
  seen.minted = minted.balance === (await cyclesLedger.service.icrc1_balance_of({ owner: me, subaccount: [] }));
  const created = await cyclesLedger.service.create_canister({ amount: 2_000_000_000_000n, from_subaccount: [], created_at_time: [], creation_args: [] });
  seen.created = (await cycles(created.Ok.canister_id)) > 1_000_000_000_000n;
  seen.unknownBlock = await failure(cmc.notifyTopUp({ block_index: 10n ** 9n, canister_id: made }));
  return seen;
}

const result = { management: await manage(), cycles: await icrc(canisterId.cycles), icp: await icrc(canisterId.icp), cmc: await mint() };
process.stdout.write(`${JSON.stringify(result)}\n`);

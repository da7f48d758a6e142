import Array "mo:core/Array";
import Blob "mo:core/Blob";
import CertifiedData "mo:core/CertifiedData";
import Cycles "mo:core/Cycles";
import Error "mo:core/Error";
import Principal "mo:core/Principal";
import Random "mo:core/Random";
import Region "mo:core/Region";
import Timer "mo:core/Timer";
import Prim "mo:prim";

// One method for each thing that Motoko programs expect of the network that they run on.
persistent actor Self {
  type Peer = actor {
    accept : Nat -> async Nat;
    add : Nat -> async Nat;
    fail : () -> async ();
    refuse : () -> async ();
    missing : () -> async ();
  };
  type Management = actor {
    create_canister : { settings : ?{ controllers : ?[Principal] } } -> async { canister_id : Principal };
    install_code : { mode : { #install }; canister_id : Principal; wasm_module : Blob; arg : Blob } -> async ();
    canister_status : { canister_id : Principal } -> async { cycles : Nat; status : { #running; #stopping; #stopped } };
    deposit_cycles : { canister_id : Principal } -> async ();
    stop_canister : { canister_id : Principal } -> async ();
    delete_canister : { canister_id : Principal } -> async ();
  };

  var total = 0;
  var finals = 0;
  var ticks = 0;
  let region = Region.new();
  transient var timer : ?Timer.TimerId = null;
  transient let management : Management = actor "aaaaa-aa";

  func peer(id : Principal) : Peer = actor (Principal.toText(id));

  public func add(amount : Nat) : async Nat { total += amount; total };
  public query func get() : async [Nat] { [total, finals, ticks] };
  public func fail() : async () { total += 1_000; assert false };
  public func refuse() : async () { total += 1; throw Error.reject("I will not") };

  func told(error : Error) : Text = debug_show (Error.code(error)) # " " # Error.message(error);

  // Every way to fail, caught: a trap, a reject, a missing method, nobody there.
  public func caught(id : Principal) : async [Text] {
    let trap = try { await peer(id).fail(); "" } catch (error) { told(error) } finally { finals += 1 };
    let reject = try { await peer(id).refuse(); "" } catch (error) { told(error) } finally { finals += 1 };
    let missing = try { await peer(id).missing(); "" } catch (error) { told(error) } finally { finals += 1 };
    let nobody = try { ignore await peer(Principal.fromText("2vxsx-fae")).add(1); "" } catch (error) { told(error) };
    [trap, reject, missing, nobody];
  };

  // Keeps 1, 10 and 100 of its own; the trap undoes what came after the last await.
  public func commits(id : Principal) : async () {
    total += 1;
    ignore await peer(id).add(1);
    total += 10;
    ignore await peer(id).add(10);
    try { total += 100; ignore await peer(id).add(100); total += 1_000; Prim.trap "after the last await" } finally { finals += 100 };
  };

  func star(id : Principal) : async* Nat { (await peer(id).add(1)) * 10 };
  public func awaits(id : Principal) : async [Nat] {
    let (one, two, three) = (peer(id).add(1), peer(id).add(1), peer(id).add(1));
    let future = peer(id).add(1);
    [await one, await two, await three, await? future, await? future, await* star(id), await (with timeout = 60) peer(id).add(1)];
  };

  public func timesOut() : async Text {
    try { await (with timeout = 1) Self.never(); "" } catch (error) { told(error) };
  };
  public func never() : async () { while (ticks < 1_000_000) { ignore await add(0) } };
  public func giveUp() : async () { ticks := 1_000_000 };

  public func pay(id : Principal, amount : Nat, taken : Nat) : async [Nat] {
    let before = Cycles.balance();
    let accepted = await (with cycles = amount) peer(id).accept(taken);
    [accepted, Cycles.refunded(), before - Cycles.balance()];
  };
  public func accept(amount : Nat) : async Nat { Cycles.accept<system>(amount) };
  public func burn(amount : Nat) : async Nat { Cycles.burn<system>(amount) };

  // Makes a canister, runs it through its life, and tells what it saw.
  public func spawn(wasm : Blob) : async [Nat] {
    let { canister_id } = await (with cycles = 3_000_000_000_000) management.create_canister({ settings = null });
    await management.install_code({ mode = #install; canister_id; wasm_module = wasm; arg = "DIDL\00\00" });
    let answer = await peer(canister_id).add(5);
    await (with cycles = 1_000_000_000_000) management.deposit_cycles({ canister_id });
    let running = await management.canister_status({ canister_id });
    await management.stop_canister({ canister_id });
    let stopped = await management.canister_status({ canister_id });
    await management.delete_canister({ canister_id });
    [answer, if (running.status == #running and stopped.status == #stopped) 1 else 0, running.cycles];
  };

  public func tick() : async () { timer := ?Timer.recurringTimer<system>(#milliseconds 1, func() : async () { ticks += 1 }) };
  public func tickAndTrap() : async () { ignore Timer.setTimer<system>(#nanoseconds 1, func() : async () { ticks += 1_000; assert false }) };
  public func tickElsewhere(id : Principal) : async () { ignore Timer.setTimer<system>(#nanoseconds 1, func() : async () { ignore await peer(id).add(7) }) };
  public func stopTicking() : async () { switch timer { case (?id) Timer.cancelTimer(id); case null () } };

  public func certify(data : Blob) : async () { CertifiedData.set(data) };
  public query func certificate() : async ?Blob { CertifiedData.getCertificate() };
  public func store(text : Blob) : async Nat {
    if (Region.size(region) == 0) ignore Region.grow(region, 3);
    Region.storeBlob(region, 100_000, text);
    Prim.nat64ToNat(Region.size(region));
  };
  public query func load(size : Nat) : async Blob { Region.loadBlob(region, 100_000, size) };

  public func random() : async Bool { (await Random.blob()) != (await Random.blob()) };
  public query func counted() : async Bool {
    let before = Prim.performanceCounter(0);
    var index = 0;
    while (index < 1_000) index += 1;
    Prim.performanceCounter(0) > before + 1_000;
  };
  public func say(text : Text) : async () { Prim.debugPrint(text) };
  public query func large(size : Nat) : async Blob { Blob.fromArray(Array.repeat<Nat8>(7, size)) };
  public func largeFrom(id : Principal, size : Nat) : async Nat {
    let other : actor { large : query Nat -> async Blob } = actor (Principal.toText(id));
    (await other.large(size)).size();
  };
  public func churn(rounds : Nat) : async Nat {
    var kept : [Nat] = [];
    for (round in Nat_range(rounds)) kept := Array.tabulate<Nat>(100_000, func index = index + round);
    kept[99_999];
  };
  func Nat_range(end : Nat) : { next : () -> ?Nat } {
    var index = 0;
    object { public func next() : ?Nat = if (index == end) null else { index += 1; ?(index - 1 : Nat) } };
  };
  func deep(depth : Nat) : Nat = if (depth == 0) 0 else 1 + deep(depth - 1);
  public func recurse(depth : Nat) : async Nat { deep(depth) };

  func apply(callback : shared Nat -> async Nat) : async Nat { await callback(1) };
  public func passesFunctions() : async Nat { await apply(add) };
  public func oneway() : () { total += 1 };
  public shared query ({ caller }) func whoami() : async Principal { caller };
};

import Error "mo:core/Error";
import Nat "mo:core/Nat";
import Timer "mo:core/Timer";

// What an actor can do with other canisters, as far as a local network has to play along.
persistent actor Network {
  type Peer = actor {
    add : Nat -> async Nat;
    fail : () -> async ();
    total : query () -> async Nat;
    sum : composite query Principal -> async Nat;
  };
  let management : actor { raw_rand : () -> async Blob } = actor "aaaaa-aa";

  var count = 0;
  transient var ticks = 0;

  public func add(amount : Nat) : async Nat {
    count += amount;
    count;
  };

  public query func total() : async Nat { count };

  public func fail() : async () {
    count += 1_000;
    assert false;
  };

  // Adds here and there; what is added here is kept before the call.
  public func addBoth(peer : Principal, amount : Nat) : async Nat {
    count += amount;
    let other : Peer = actor (debug_show peer);
    let theirs = await other.add(amount);
    count + theirs;
  };

  // The peer's trap is caught, and only its own changes are undone.
  public func tryPeer(peer : Principal) : async Text {
    count += 1;
    let other : Peer = actor (debug_show peer);
    try { await other.fail(); "no error" } catch (error) { Error.message(error) };
  };

  public composite query func sum(peer : Principal) : async Nat {
    let other : Peer = actor (debug_show peer);
    count + (await other.total());
  };

  public func random() : async Nat { (await management.raw_rand()).size() };

  public func later() : async () {
    ignore Timer.setTimer<system>(#nanoseconds 1, func() : async () { ticks += 1 });
  };

  public query func ticked() : async Nat { ticks };
};

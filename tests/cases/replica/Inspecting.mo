// What runs around messages: inspection, heartbeat, and the hooks of an upgrade.
persistent actor {
  var beats = 0;
  var upgrades = 0;

  public func say(text : Text) : async Text { text };
  public func never() : async () {};
  public query func seen() : async [Nat] { [beats, upgrades] };

  system func inspect({ caller : Principal; arg : Blob; msg : { #say : () -> Text; #never : () -> (); #seen : () -> () } }) : Bool {
    switch msg {
      case (#never _) false;
      case (#say read) read() != "forbidden" and arg.size() > 0;
      case (#seen _) true;
    };
  };
  system func heartbeat() : async () { beats += 1 };
  system func preupgrade() { upgrades += 1 };
  system func postupgrade() { upgrades += 10 };
};

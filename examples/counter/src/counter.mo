import Words "lib/words";

persistent actor {
  var count = 0;

  public func increment() : async Nat {
    count += 1;
    count;
  };

  public query func current() : async Text {
    Words.plural(count, "Zähler");
  };
};

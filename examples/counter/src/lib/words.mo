import Nat "mo:core/Nat";

module {
  public func plural(count : Nat, noun : Text) : Text {
    Nat.toText(count) # " × " # noun;
  };
};

// A phrase book. Anybody may look phrases up; only the canister's controllers, the sync plugin
// among them, may change them.
import Array "mo:core/Array";
import Map "mo:core/Map";
import Principal "mo:core/Principal";
import Runtime "mo:core/Runtime";
import Text "mo:core/Text";

persistent actor PhraseBook {
  type Phrase = { key : Text; value : Text };
  type HeaderField = (Text, Text);
  type HttpRequest = { method : Text; url : Text; headers : [HeaderField]; body : Blob };
  type HttpResponse = { status_code : Nat16; headers : [HeaderField]; body : Blob; upgrade : ?Bool };

  let phrases = Map.empty<Text, Text>();

  public shared ({ caller }) func put(phrase : Phrase) : async () {
    if (not Principal.isController(caller)) {
      Runtime.trap("only a controller may change phrases");
    };
    Map.add(phrases, Text.compare, phrase.key, phrase.value);
  };

  public query func get(key : Text) : async ?Text {
    Map.get(phrases, Text.compare, key);
  };

  public query func list() : async [Phrase] {
    Array.map<(Text, Text), Phrase>(
      Map.toArray(phrases),
      func((key, value)) { { key; value } },
    );
  };

  public query func greet(name : Text, language : Text) : async Text {
    switch (Map.get(phrases, Text.compare, language)) {
      case (?phrase) { Text.replace(phrase, #text "{name}", name) };
      case null { "I do not speak " # language # " yet, " # name # "." };
    };
  };

  // The page changes with the phrases, so that it cannot be certified ahead of time. An update call makes it,
  // whose answer the network certifies: gateways show nothing else.
  public query func http_request(_ : HttpRequest) : async HttpResponse {
    { status_code = 200; headers = []; body = ""; upgrade = ?true };
  };

  public func http_request_update(_ : HttpRequest) : async HttpResponse {
    var rows = "";
    for ((key, value) in Map.entries(phrases)) {
      rows #= "<dt>" # escape(key) # "</dt><dd>" # escape(value) # "</dd>";
    };
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Phrase book</title>"
      # "<h1>Phrase book</h1><dl>" # rows # "</dl></html>";
    { status_code = 200; headers = [("content-type", "text/html; charset=utf-8")]; body = Text.encodeUtf8(page); upgrade = null };
  };

  func escape(text : Text) : Text {
    let ampersands = Text.replace(text, #char '&', "&amp;");
    Text.replace(ampersands, #char '<', "&lt;");
  };
};

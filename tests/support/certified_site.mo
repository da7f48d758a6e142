// Serves pages whose certification was made by whoever put them here: the canister adds its certificate only.
import Array "mo:core/Array";
import CertifiedData "mo:core/CertifiedData";
import Map "mo:core/Map";
import Nat8 "mo:core/Nat8";
import Text "mo:core/Text";

persistent actor {
  type Header = (Text, Text);
  type Page = { status : Nat16; headers : [Header]; proof : Text; body : Blob };
  type Request = { method : Text; url : Text; headers : [Header]; body : Blob };
  type Response = { status_code : Nat16; headers : [Header]; body : Blob };

  let pages = Map.empty<Text, Page>();
  transient let digits : [Text] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V",
    "W", "X", "Y", "Z", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
    "s", "t", "u", "v", "w", "x", "y", "z", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "+", "/"
  ];

  // The key is the path, and for a part of a large page "<path> <first byte>".
  public func put(key : Text, page : Page) : async () {
    Map.add(pages, Text.compare, key, page);
  };

  public func certify(root : Blob) : async () {
    CertifiedData.set(root);
  };

  public query func http_request(request : Request) : async Response {
    var key = "";
    label path for (part in Text.split(request.url, #char '?')) { key := part; break path };
    for ((name, value) in request.headers.vals()) {
      if (name == "range") key #= " " # Text.trimEnd(Text.trimStart(value, #text "bytes="), #char '-');
    };
    switch (Map.get(pages, Text.compare, key), CertifiedData.getCertificate()) {
      case (?page, ?certificate) {
        let proof = ("ic-certificate", "certificate=:" # base64(certificate) # ":, " # page.proof);
        { status_code = page.status; headers = concat(page.headers, proof); body = page.body };
      };
      case _ { { status_code = 404; headers = []; body = Text.encodeUtf8("no page " # key) } };
    };
  };

  func concat(headers : [Header], last : Header) : [Header] {
    let size = headers.size();
    Array.tabulate<Header>(size + 1, func index { if (index < size) headers[index] else last });
  };

  func base64(data : Blob) : Text {
    var out = "";
    var bits = 0;
    var value = 0;
    for (byte in data.vals()) {
      value := (value * 256 + Nat8.toNat(byte)) % 65536;
      bits += 8;
      while (bits >= 6) {
        bits -= 6;
        out #= digits[value / 2 ** bits % 64];
      };
    };
    if (bits > 0) out #= digits[value * 2 ** (6 - bits : Nat) % 64];
    out;
  };
};

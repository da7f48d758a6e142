"""Plugins of the second interface, icp:sync-plugin@0.2: what they are given, whom they call, how their steps are written."""

from collections.abc import Mapping
from typing import Final

from tests.support.components import CALL_RESULT, OK, component_that_returns_ok, error
from tests.support.plugin_cases.case import PluginCase
from tests.support.second_interface import SecondGuest, field
from tests.support.universal import Program

__all__ = ["SECOND", "SECOND_PROXIED", "SECTIONS"]


def _custom(name: bytes, content: bytes) -> bytes:
    body = bytes([len(name)]) + name + content
    return bytes([0, len(body)]) + body


SECTIONS: Final = (
    _custom(b"icp:public candid:service", b"service : {}")
    + _custom(b"icp:public empty", b"")
    + _custom(b"icp:private secret", b"nobody's business")
)
"""What the canisters' module has at its end."""

_OK = SecondGuest().second_plugin(OK)
_RESULT = error(f"(i32.load (i32.const {CALL_RESULT + 4}))", f"(i32.load (i32.const {CALL_RESULT + 8}))")
_FIELDS = {"z": "last", "a": 1, "b": 1.5, "c": True, "d": 1e21, "e": "", "f": "yes", "g": 1e-7, "h": -0.0, "i": 18446744073709551615}
_FIELD_TEXTS = {
    "a": "1",
    "b": "1.5",
    "c": "true",
    "d": "1000000000000000000000",
    "e": "",
    "f": "yes",
    "g": "0.0000001",
    "h": "-0",
    "i": "18446744073709551615",
    "z": "last",
}
_FILES = {"k": ["notes.txt", "data", "empty.txt"], "a": "data/inside.txt", "z": ["data", "./data/sub/"], "none": []}


def _telling(name: str, address: str, length: str, text: str, step: Mapping[str, object] | None = None) -> PluginCase:
    """Return a text as the plugin's error."""
    return _returning(name, SecondGuest().second_plugin(error(address, length)), text, step)


def _returning(name: str, component: bytes, text: str, step: Mapping[str, object] | None = None, cell: int | None = None) -> PluginCase:
    words = f"plugin returned error: {text}"
    return PluginCase(name=name, component=component, step=step or {}, slug="plugin/err", summary=words, theirs=words, cell=cell)


def _given(what: str, text: str) -> PluginCase:
    return _telling(f"given-{what}", field(what), field(what, 4), text)


def _first(what: str, offset: int) -> str:
    return f"(i32.load offset={offset} {field(what)})"


def _rows(what: str, texts: tuple[str, ...], step: Mapping[str, object]) -> PluginCase:
    """Print all texts of the list `what` to stderr, a line each."""
    guest = SecondGuest()
    newline = guest.text("\n")
    body = f"""(local $at i32) (local $end i32) (local $stream i32)
      (local.set $stream (call $get-stderr))
      (local.set $at {field(what)}) (local.set $end (i32.add (local.get $at) (i32.const {8 * len(texts)})))
      (loop $next
        (call $write (local.get $stream) (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)) (i32.const 48))
        (call $write (local.get $stream) {newline} (i32.const 48))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))
      {OK}"""
    return PluginCase(
        name=f"{what}-rows", component=guest.second_plugin(body, wasi=("stdio",)), step=step, lines=tuple("\n".join(texts).split("\n"))
    )


def _count(what: str, count: int, step: Mapping[str, object]) -> PluginCase:
    guest = SecondGuest()
    body = f"(if (result i32) (i32.eq {field(what, 4)} (i32.const {count})) (then {OK}) (else {guest.error('another number')}))"
    return PluginCase(name=f"{what}-count", component=guest.second_plugin(body), step=step)


def _calling(name: str, target: str | None, listed: list[str], *, cell: int | None = None, text: str | None = None) -> PluginCase:
    """Call a canister, or return why not."""
    guest = SecondGuest()
    call = guest.call_of(target, "update", Program().add_to_cell(cell or 0, 1).reply().encode())
    component = guest.second_plugin(f"{call} (if (i32.load8_u (i32.const {CALL_RESULT})) (then {_RESULT} return)) {OK}")
    step = {"canisters": listed}
    return PluginCase(name=name, component=component, step=step, cell=cell) if text is None else _returning(name, component, text, step)


def _caller(name: str, target: str | None, length: int, *, direct: bool = False) -> PluginCase:
    """Fail unless the caller is one whose principal has so many bytes: a canister's has 10, a user's 29."""
    guest = SecondGuest()
    call = guest.call_of(target, "update", Program().answer_value("msg_caller").reply().encode(), direct=direct)
    same = f"(i32.eq (i32.load (i32.const {CALL_RESULT + 8})) (i32.const {length}))"
    body = f"{call} (if (result i32) {same} (then {OK}) (else {guest.error('somebody else')}))"
    return PluginCase(name=name, component=guest.second_plugin(body), step={"canisters": ["second"]})


def _section(name: str, target: str | None, section: str, text: str, *, direct: bool = False) -> PluginCase:
    """Return a section, or `none`, or why it cannot be read."""
    guest = SecondGuest()
    found = error(f"(i32.load (i32.const {CALL_RESULT + 8}))", f"(i32.load (i32.const {CALL_RESULT + 12}))")
    body = f"""{guest.section_of(target, section, direct=direct)}
      (if (i32.load8_u (i32.const {CALL_RESULT})) (then {_RESULT} return))
      (if (i32.eqz (i32.load8_u (i32.const {CALL_RESULT + 4}))) (then {guest.error("none")} return))
      {found}"""
    return _returning(name, guest.second_plugin(body), text, {"canisters": ["second"]})


def _refused(name: str, step: Mapping[str, object], slug: str, theirs: str, component: bytes = _OK) -> PluginCase:
    return PluginCase(name=name, component=component, step=step, slug=slug, theirs=theirs)


def _not_permitted(name: str) -> str:
    return f"plugin is not permitted to call canister '{name}': declare it in the sync step's `canisters` list to allow it"


_INPUT_ROWS = {
    "files": ("k", "notes.txt", "a note\n", "k", "empty.txt", "", "a", "data/inside.txt", "what is inside"),
    "dirs": ("k", "data", "z", "data", "z", "./data/sub/"),
    "fields": tuple(text for row in _FIELD_TEXTS.items() for text in row),
}

SECOND = (
    PluginCase(name="second", component=_OK),
    PluginCase(name="second-patched", component=SecondGuest().second_plugin(OK, version="0.2.7")),
    _given("canister-id", "{canister}"),
    _given("environment", "test"),
    _given("identity-principal", "{principal}"),
    _given("api-url", "{url}/"),
    _telling("given-gateway-url", field("gateway-url", 4), field("gateway-url", 8), "{url}/"),
    *(_rows(what, texts, {"files": _FILES, "fields": _FIELDS}) for what, texts in _INPUT_ROWS.items()),
    _count("files", 3, {"files": _FILES}),
    _count("dirs", 3, {"files": _FILES}),
    _count("fields", len(_FIELDS), {"fields": _FIELDS}),
    _telling("first-id", _first("canister-ids", 0), _first("canister-ids", 4), "another-form"),
    _telling("first-principal", _first("canister-ids", 8), _first("canister-ids", 12), "{canister}"),
    PluginCase(name="within-project", component=_OK, step={"files": {"k": "data/../notes.txt", "l": "absent/../data"}}),
    PluginCase(name="nothing-named", component=_OK, step={"files": {}, "dirs": [], "fields": {}, "canisters": []}),
    PluginCase(name="first-with-fields", component=component_that_returns_ok(), step={"fields": {"a": 1}, "canisters": ["second"]}),
    _calling("call-host", None, [], cell=21),
    _calling("call-listed", "second", ["second", "second-patched", "second"], cell=22),
    _calling("call-itself-listed", "call-itself-listed", ["call-itself-listed"], cell=23),
    _calling("call-unlisted", "second", ["second-patched"], text=_not_permitted("second")),
    _calling("call-own-name", "call-own-name", [], text=_not_permitted("call-own-name")),
    _calling("call-principal", "aaaaa-aa", ["second"], text=_not_permitted("aaaaa-aa")),
    _section("section", None, "candid:service", "service : {}"),
    _section("section-of-listed", "second", "candid:service", "service : {}"),
    _section("section-direct", None, "candid:service", "service : {}", direct=True),
    _section("section-private", None, "secret", "nobody's business"),
    _section("section-empty", None, "empty", ""),
    _section("section-absent", None, "absent", "none"),
    _section("section-unlisted", "second-patched", "candid:service", _not_permitted("second-patched")),
    _refused(
        "unknown-canister",
        {"canisters": ["absent"]},
        "plugin/unknown-canister",
        "lists canister 'absent' as callable, but no canister by that name",
    ),
    _refused("dirs-of-second", {"dirs": ["data"]}, "plugin/entry-names", "which has no separate `dirs:` setting"),
    _refused(
        "another-form",
        {"files": ["notes.txt"]},
        "plugin/entry-names",
        "which names every entry, but 'notes.txt' was declared in a plain list",
    ),
    _refused(
        "named-for-first",
        {"files": {"k": "notes.txt"}},
        "plugin/entry-names",
        "whose entries carry no name, but 'notes.txt' was declared under the name 'k'",
        component_that_returns_ok(),
    ),
    _refused("second-outside", {"files": {"k": "../x"}}, "plugin/unsafe-path", "a plugin may only read paths inside the project directory"),
    _refused("second-absolute", {"files": {"k": "/etc"}}, "plugin/unsafe-path", "is not a relative path (absolute paths are not allowed)"),
    _refused("second-link", {"files": {"k": "linked/sub"}}, "plugin/symlink", "resolves through a symlink ('linked')"),
    _refused("second-missing", {"files": {"k": "absent"}}, "plugin/file-missing", "failed to read plugin input file at"),
    _refused("second-not-text", {"files": {"k": "bad.bin"}}, "plugin/file-not-utf8", "stream did not contain valid UTF-8"),
)

SECOND_PROXIED = (
    *(case for case in SECOND if case.name.startswith(("call-", "section")) or case.name in {"second", "second-patched"}),
    _telling("given-proxy", field("proxy-canister-id", 4), field("proxy-canister-id", 8), "{proxy}"),
    _caller("by-proxy", None, 10),
    _caller("by-proxy-to-listed", "second", 10),
    _caller("directly", None, 29, direct=True),
    _caller("directly-to-listed", "second", 29, direct=True),
)
"""With a proxy."""

"""Reading typed values out of nodes: each function notes what does not fit and returns None then."""

import re
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from orchestrator.core.units import MAX_NAT64, Amount, UnitError
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode, describe
from orchestrator.errors import Span
from orchestrator.manifest.habits import hint_for_key, hint_for_list, hint_for_map, hint_for_null
from orchestrator.manifest.problems import Problems, did_you_mean, listed

__all__ = [
    "check_keys",
    "read_amount",
    "read_choice",
    "read_entries",
    "read_flag",
    "read_hash",
    "read_integer",
    "read_items",
    "read_mapping",
    "read_text",
    "read_texts",
    "span_of_value",
    "wrong_type",
]

_Choice = TypeVar("_Choice", bound=str)
_FLAG_WORDS = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
_LEADING_DIGITS = re.compile("[0-9]{1,20}")
_SHA256_DIGITS = 64
_SHA256 = re.compile("[0-9a-f]{64}")


def wrong_type(node: Node, what: str, expected: str, problems: Problems, hint: str | None = None) -> None:
    """Note that a node is of the wrong kind."""
    problems.error("wrong-type", f"{what} must be {expected}, not {describe(node)}", node.span, hint=hint)


def span_of_value(mapping: MappingNode, name: str) -> Span:
    """Return the place of a key's value, or of the map where the key is missing."""
    entry = mapping.entry(name)
    return entry.value.span if entry is not None else mapping.span


def check_keys(
    mapping: MappingNode,
    known: Iterable[str],
    what: str,
    problems: Problems,
    *,
    severity: Literal["error", "warning"],
) -> None:
    """Note keys nobody knows."""
    known = tuple(known)
    for entry in mapping.entries:
        if entry.name in known:
            continue
        hint = hint_for_key(entry.name, known)
        note = problems.error if severity == "error" else problems.warn
        note(
            "unknown-key",
            f"unknown key `{entry.name}` in {what}",
            entry.key.span,
            detail=None if severity == "error" else "it is ignored",
            hint=hint,
        )


def read_mapping(node: Node | None, what: str, problems: Problems) -> MappingNode | None:
    """Return a map; where nothing at all is written, an empty one."""
    if node is None or isinstance(node, MappingNode):
        return node
    if isinstance(node, ScalarNode) and node.is_empty:
        return MappingNode(entries=(), origin=node.span)
    wrong_type(node, what, "a map", problems, hint=hint_for_map(node, what))
    return None


def read_entries(node: Node | None, what: str, problems: Problems) -> tuple[tuple[str, Span, Node], ...]:
    """Return the entries of a map as name, place of the name, value."""
    mapping = read_mapping(node, what, problems)
    return tuple((entry.name, entry.key.span, entry.value) for entry in mapping.entries) if mapping else ()


def read_items(node: Node | None, what: str, problems: Problems) -> tuple[Node, ...] | None:
    """Return the items of a list."""
    if node is None:
        return None
    if isinstance(node, SequenceNode):
        return node.items
    wrong_type(node, what, "a list", problems, hint=hint_for_list(node, key="type"))
    return None


def read_text(node: Node | None, what: str, problems: Problems) -> str | None:
    """Return a text."""
    if node is None:
        return None
    if isinstance(node, ScalarNode):
        if isinstance(node.value, str):
            return node.value
        wrong_type(
            node, what, "text", problems, hint=f'put it in double quotes: "{node.text}"' if node.value is not None else hint_for_null(what)
        )
        return None
    wrong_type(node, what, "text", problems)
    return None


def read_texts(node: Node | None, what: str, problems: Problems) -> tuple[str, ...] | None:
    """Return a list of texts."""
    items = read_items(node, what, problems)
    if items is None:
        return None
    texts = (read_text(item, f"an item of {what}", problems) for item in items)
    return tuple(text for text in texts if text is not None)


def read_flag(node: Node | None, what: str, problems: Problems) -> bool | None:
    """Return `true` or `false`."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return node.value
    meant = _FLAG_WORDS.get(node.text.lower()) if isinstance(node, ScalarNode) else None
    wrong_type(node, what, "`true` or `false`", problems, hint=f"write `{meant}`" if meant else None)
    return None


def read_integer(node: Node | None, what: str, problems: Problems, *, maximum: int = MAX_NAT64) -> int | None:
    """Return a whole number from 0 to `maximum`."""
    if node is None:
        return None
    if not isinstance(node, ScalarNode) or not isinstance(node.value, int) or isinstance(node.value, bool):
        digits = _LEADING_DIGITS.match(node.text) if isinstance(node, ScalarNode) else None
        wrong_type(node, what, "a whole number", problems, hint=f"write the number alone: `{digits[0]}`" if digits else None)
        return None
    if not 0 <= node.value <= maximum:
        problems.error("out-of-range", f"{what} must be from 0 to {maximum}", node.span)
        return None
    return node.value


def read_amount(node: Node | None, what: str, parse: Callable[[str], int], problems: Problems, *, example: str) -> Amount | None:
    """Return an amount as it is written: a whole number, or a text that `parse` (one of `core.units`) understands."""
    if node is None:
        return None
    written = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(written, int | str) or isinstance(written, bool):
        hint = _hint_for_amount(node.text, parse, example) if isinstance(node, ScalarNode) and isinstance(node.value, float) else None
        wrong_type(node, what, f"a whole number or a text such as `{example}`", problems, hint=hint)
        return None
    if isinstance(written, int) and written > MAX_NAT64:
        problems.error("out-of-range", f"{what} is too large for a number", node.span, hint=f'put it in double quotes: "{written}"')
        return None
    try:
        return Amount(parse(str(written)), written)
    except UnitError as error:
        problems.error("invalid-amount", f"{what} is not a valid amount", node.span, detail=str(error), hint=f"write it like `{example}`")
        return None


def _hint_for_amount(text: str, parse: Callable[[str], int], example: str) -> str:
    """Return what to write instead of a number with a fraction or an exponent: it may mean an amount as a text."""
    try:
        parse(text)
    except UnitError:
        return f"write a whole number, or one with a unit, such as `{example}`"
    return f'put it in double quotes: "{text}"'


def read_choice(node: Node | None, what: str, choices: tuple[_Choice, ...], problems: Problems, *, also: str = "") -> _Choice | None:
    """Return one of a few words; `also` is what else could be written, for the hint."""
    if node is None:
        return None
    text = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(text, str):
        wrong_type(node, what, "text", problems, hint=f"write {listed(choices)}")
        return None
    for choice in choices:
        if text == choice:
            return choice
    hint = did_you_mean(text, choices) or f"write {listed(choices)}{also}"
    problems.error("unknown-variant", f"{what} cannot be `{text}`", node.span, detail=f"it is one of {listed(choices)}", hint=hint)
    return None


def read_hash(node: Node | None, what: str, problems: Problems) -> str | None:
    """Return a SHA-256 as 64 lower-case hex digits."""
    text = read_text(node, what, problems)
    if text is None or node is None:
        return None
    if _SHA256.fullmatch(text.lower()):
        return text.lower()
    problems.error(
        "invalid-hash",
        f"{what} is not a SHA-256",
        node.span,
        detail=_hash_detail(text),
        hint="write the digits alone, without what stands in front of them" if ":" in text else "`sha256sum FILE` prints it",
    )
    return None


def _hash_detail(text: str) -> str:
    """Return what keeps a text from being 64 hex digits."""
    odd = next((character for character in text if character not in "0123456789abcdefABCDEF"), None)
    if len(text) == _SHA256_DIGITS and odd is not None:
        return f"`{odd}` is no hex digit"
    return f"it has {len(text)} characters; a SHA-256 is {_SHA256_DIGITS} hex digits"

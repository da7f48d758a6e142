"""Values that templates forget about, put into a recipe: whether each arrives in the YAML and in the shell as it was given.

Nothing is run. A rendering with marks in place of values says what was meant; the rendering itself must say the same.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode, parse_yaml
from orchestrator.engine.authoring.recipe_marks import MARK, MARK_BETWEEN, MarkedText
from orchestrator.engine.authoring.shell_words import Operator, Token, UnfinishedError, Word, fill_in, split_script
from orchestrator.errors import DocumentError

__all__ = [
    "CHARACTERS_PER_VALUE",
    "MULTILINE_PROBES",
    "PROBES",
    "Failures",
    "Harm",
    "ScalarPair",
    "ShapeError",
    "find_harm",
    "pair_scalars",
]

Harm = Literal["yaml-value", "yaml-type", "shell-quoting"]

_TYPED: Final = ("true", "12", "null", "~", "1e3")
PROBES: Final = (
    *(
        "a: b",
        "a #b",
        "# a",
        "- a",
        "*a",
        "&a",
        "!a",
        "@a",
        "%a",
        "{a",
        "[a",
        "a, b}",
        "'a'",
        "it's",
        'say "a"',
        "? a",
        "| a",
        "> a",
        ": a",
        "a:",
    ),
    *("a b", "$HOME", "$(a)", "`a`", "a;b", "a&b", "a|b", "a>b", "(a)", "a*", "~", "a\\b", "a\\", '"', "'\"$a`b`\\ ;#*", *_TYPED),
)
"""One-line texts that mean something to YAML or to the shell."""
MULTILINE_PROBES: Final = ("a\nb", "a\n- b: c", "a\n\nEOF\nb")
"""Texts of several lines, for parameters that take them."""
MAX_FINDINGS: Final = 100
"""Tags that are reported for one kind of harm."""
CHARACTERS_PER_VALUE: Final = 100
"""Characters that each value in a rendering counts for, and each value of the YAML: looking at it takes as long as reading these."""
_PATH: Final = Path("probe")


@dataclass(slots=True)
class Failures:
    """What was found so far: for each harm, the tags that do it, each with the values that showed it.

    `left` is how many characters may still be read to find more, `unnamed` the harms of which that was not enough to find the tag.
    """

    left: int
    found: dict[Harm, dict[int, list[str]]] = field(default_factory=dict)
    unnamed: set[Harm] = field(default_factory=set)

    def spend(self, characters: int) -> bool:
        """Count text that is about to be read; tell whether there is still some left to spend."""
        self.left -= characters
        return self.left >= 0

    def is_full(self, harm: Harm, more: int) -> bool:
        """Tell whether so many tags do this harm, with some more, that no further ones are looked for."""
        return len(self.found.get(harm, ())) + more >= MAX_FINDINGS

    def add(self, harm: Harm, tag: int, probe: str) -> None:
        """Note that a tag fails for a value."""
        probes = self.found.setdefault(harm, {}).setdefault(tag, [])
        if probe not in probes:
            probes.append(probe)

    def tags(self, harm: Harm) -> frozenset[int]:
        """Return the tags that do harm."""
        return frozenset(self.found.get(harm, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarPair:
    """A scalar with marks and the one that came of it."""

    meant: ScalarNode
    real: ScalarNode
    path: tuple[str | int, ...]


class ShapeError(ValueError):
    """Raised where two documents have different lists and maps."""


def find_harm(marked: MarkedText, probe: str, failures: Failures) -> None:
    """Compare what a rendering with `probe` for every text says with what was meant, and note what differs."""
    try:
        meant = parse_yaml(marked.text, _PATH)
    except DocumentError:
        return  # broken whatever the values are: the steps themselves say so
    tags = frozenset(written.tag for written in marked.written.values())
    left = tags - failures.tags("yaml-value")
    wrong: set[int] = set()
    _find_wrong(marked, meant, left, failures, wrong)
    for tag in wrong:
        failures.add("yaml-value", tag, probe)
    try:
        scalars = list(pair_scalars(meant, parse_yaml(marked.fill(left - wrong), _PATH)))
    except (DocumentError, ShapeError):
        return  # two values break it together, and neither does alone
    failures.spend(CHARACTERS_PER_VALUE * (len(scalars) + len(marked.written)))
    for scalar in scalars:
        _find_type_change(scalar, marked, probe, failures)
        if _is_command(scalar.path, meant):
            _find_shell_harm(scalar, marked, left - wrong, probe, failures)


def _find_wrong(marked: MarkedText, meant: Node | None, tags: frozenset[int], failures: Failures, found: set[int]) -> None:
    """Add to `found` the tags whose values change the document, by halves where it becomes another one."""
    if not tags or failures.is_full("yaml-value", len(found)) or not failures.spend(len(marked.text)):
        return
    wrong = _wrong_tags(marked, meant, tags)
    if wrong is not None or len(tags) == 1:
        found |= tags if wrong is None else wrong
        return
    before = len(found)
    for half in _halves(tags):
        _find_wrong(marked, meant, half, failures, found)
    if len(found) == before and failures.left < 0:
        failures.unnamed.add("yaml-value")


def _halves(tags: Collection[int]) -> tuple[frozenset[int], frozenset[int]]:
    ordered = sorted(tags)
    middle = len(ordered) // 2
    return frozenset(ordered[:middle]), frozenset(ordered[middle:])


def _wrong_tags(marked: MarkedText, meant: Node | None, tags: frozenset[int]) -> set[int] | None:
    """Return the tags whose values do not arrive; None where the document itself is another one."""
    try:
        real = parse_yaml(marked.fill(tags), _PATH)
        return {
            marked.written[mark].tag
            for scalar in pair_scalars(meant, real)
            if _levels(scalar, marked, tags) is None
            for mark in MARK.findall(scalar.meant.text)
            if marked.written[mark].tag in tags
        }
    except (DocumentError, ShapeError):
        return None


def pair_scalars(meant: Node | None, real: Node | None, path: tuple[str | int, ...] = ()) -> Iterator[ScalarPair]:
    """Yield the scalars of two documents side by side, keys (without a path) included; raises `ShapeError`."""
    match meant, real:
        case ScalarNode(), ScalarNode():
            yield ScalarPair(meant=meant, real=real, path=path)
        case SequenceNode(), SequenceNode() if len(meant.items) == len(real.items):
            for index, (first, second) in enumerate(zip(meant.items, real.items, strict=True)):
                yield from pair_scalars(first, second, (*path, index))
        case MappingNode(), MappingNode() if len(meant.entries) == len(real.entries):
            for one, other in zip(meant.entries, real.entries, strict=True):
                yield ScalarPair(meant=one.key, real=other.key, path=())
                yield from pair_scalars(one.value, other.value, (*path, one.name))
        case None, None:
            return
        case _:
            raise ShapeError


def _levels(scalar: ScalarPair, marked: MarkedText, tags: Collection[int]) -> dict[str, str] | None:
    """Return what stands in place of each mark: the value, or what is left of its escaping; None where neither does.

    YAML takes away the same escaping from all that is in one scalar. The marks of other than these `tags` are still there.
    """
    pieces = MARK_BETWEEN.split(scalar.meant.text)
    written = {mark: marked.written[mark] for mark in pieces[1::2] if marked.written[mark].tag in tags}
    for level in range(max((len(each.levels) for each in written.values()), default=1)):
        found = {mark: each.levels[min(level, len(each.levels) - 1)] for mark, each in written.items()}
        if "".join(found.get(piece, piece) for piece in pieces) == scalar.real.text:
            return {mark: found.get(mark, mark) for mark in pieces[1::2]}
    return None


def _find_type_change(scalar: ScalarPair, marked: MarkedText, probe: str, failures: Failures) -> None:
    """Note a text that stands alone and is read as a number, a truth value or nothing."""
    if probe not in _TYPED or not MARK.fullmatch(scalar.meant.text) or isinstance(scalar.real.value, str):
        return
    written = marked.written[scalar.meant.text]
    if written.meant == probe:
        failures.add("yaml-type", written.tag, probe)


def _is_command(path: tuple[str | int, ...], root: Node | None) -> bool:
    """Tell whether a place in a document is a script: `build.steps[0].command`, `….commands[1]`."""
    match path:
        case ("build" | "sync" as section, "steps", int(index), "command") | (
            "build" | "sync" as section,
            "steps",
            int(index),
            "commands",
            int(),
        ):
            steps = root.get(section) if isinstance(root, MappingNode) else None
            items = steps.get("steps") if isinstance(steps, MappingNode) else None
            step = items.items[index] if isinstance(items, SequenceNode) else None
            kind = step.get("type") if isinstance(step, MappingNode) else None
            return isinstance(kind, ScalarNode) and kind.value == "script"
    return False


def _find_shell_harm(scalar: ScalarPair, marked: MarkedText, filled: Collection[int], probe: str, failures: Failures) -> None:
    """Note the tags whose values the shell would not take as they are; what is a command by itself is meant to be one."""
    script = scalar.meant.text
    found = _levels(scalar, marked, filled)
    try:
        meant = _split_meant(script)
    except UnfinishedError:
        return
    if found is None:
        return
    commands = set(_commands(meant))
    levels = {mark: marked.written[mark].text if text == mark else text for mark, text in found.items() if mark not in commands}
    tags = frozenset(marked.written[mark].tag for mark in levels) - failures.tags("shell-quoting")
    found_script = _Script(text=script, meant=meant, marked=marked, levels=levels)
    acted_on: set[int] = set()
    _find_acted_on(found_script, tags, failures, acted_on)
    for tag in acted_on:
        failures.add("shell-quoting", tag, probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """A script with marks, its words, and what stands in place of each mark."""

    text: str
    meant: tuple[Token, ...]
    marked: MarkedText
    levels: Mapping[str, str]

    def arrives(self, tags: Collection[int]) -> bool:
        """Tell whether the script with the values of some tags has the words that were meant."""
        filled = {mark: text for mark, text in self.levels.items() if self.marked.written[mark].tag in tags}
        whole = "".join(filled.get(piece, piece) for piece in MARK_BETWEEN.split(self.text))
        wanted = fill_in(self.meant, {mark: self.marked.written[mark].meant for mark in filled})
        try:
            return split_script(whole) == wanted
        except UnfinishedError:
            return False


def _find_acted_on(script: _Script, tags: frozenset[int], failures: Failures, found: set[int]) -> None:
    """Add to `found` the tags whose values do not arrive, by halves; of values that do harm only together, the first."""
    if not tags or failures.is_full("shell-quoting", len(found)) or not failures.spend(len(script.text)) or script.arrives(tags):
        return
    before = len(found)
    if len(tags) > 1:
        for half in _halves(tags):
            _find_acted_on(script, half, failures, found)
    if len(found) == before and failures.left >= 0:
        found.add(min(tags))
    elif len(found) == before:
        failures.unnamed.add("shell-quoting")


@lru_cache(maxsize=8)
def _split_meant(script: str) -> tuple[Token, ...]:
    """Split a script with marks, which is the same for every value that is tried."""
    return split_script(script)


def _commands(tokens: tuple[Token, ...]) -> Iterator[str]:
    """Yield the marks that are a line of a script each."""
    end = Operator("\n")
    lines = (end, *tokens, end)
    for before, token, after in zip(lines, lines[1:], lines[2:], strict=False):
        if (before, after) == (end, end) and isinstance(token, Word) and len(token.parts) == 1:
            text = token.parts[0].text
            if MARK.fullmatch(text):
                yield text

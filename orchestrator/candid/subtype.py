"""The subtype relation, and where it breaks.

Source: the Candid specification 0.1.8, section "Subtyping". Any type is a subtype of an opt, so no choice has to be
taken back: two types are related unless some pair of their parts, found by a walk over all pairs, is not.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orchestrator.candid import table as tables
from orchestrator.candid import types as T
from orchestrator.candid.table import KINDS, Entry, Table, build_table
from orchestrator.errors import CandidError

__all__ = ["MAX_COMPARED_PAIRS", "Incompatibility", "is_subtype", "is_table_subtype", "subtype_losses", "subtype_problems"]

MAX_COMPARED_PAIRS: Final = 200_000
"""How many pairs of types one comparison, or one message's references together, may make us compare (pairs)."""

_MAY_MISS: Final = frozenset({tables.OPT, T.NULL.code, T.RESERVED.code})


@dataclass(frozen=True, slots=True, kw_only=True)
class Incompatibility:
    """Why one type is not a subtype of another: the way from the outside in, and what is wrong there."""

    path: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{' › '.join(self.path)}: {self.message}" if self.path else self.message


_WIDER: Final = frozenset({(T.NAT.code, T.INT.code), (tables.SERVICE, T.PRINCIPAL.code)})
_Parts = dict[int, tuple[T.Label, int]]


@dataclass(frozen=True, slots=True)
class _Pair:
    """`new` shall be a subtype of `old`.

    `flipped` says that the tables have changed places (a function's arguments), `excused` that an opt around the pair
    makes up for whatever is wrong with it.
    """

    new: int
    old: int
    flipped: bool
    excused: bool = False

    def part(self, new: int, old: int) -> "_Pair":
        """Return a pair of parts."""
        return _Pair(new, old, self.flipped, self.excused)


_Origin = tuple[_Pair, str] | None


class _Comparison:
    """One question, two tables; `problems` yields every place where the answer is no."""

    def __init__(self, new: Table, old: Table, *, limit: int = MAX_COMPARED_PAIRS, look_into_opts: bool = False) -> None:
        self._look_into_opts = look_into_opts
        self._tables = (new, old)
        self._limit = limit
        self._origins: dict[_Pair, _Origin] = {}
        self._waiting: deque[_Pair] = deque()

    def problems(self, new: int, old: int) -> Iterator[tuple[Incompatibility, bool]]:
        """Walk over all pairs of parts that must be related, each once; yield problems, and whether an opt excuses them."""
        self._ask(_Pair(new, old, flipped=False), None)
        while self._waiting:
            pair = self._waiting.popleft()
            for step, message in self._compare(pair):
                found = Incompatibility(path=(*self._path(pair), *([step] if step else [])), message=message)
                yield found, pair.excused

    @property
    def compared(self) -> int:
        """How many pairs came up so far."""
        return len(self._origins)

    def _ask(self, pair: _Pair, origin: _Origin) -> None:
        if pair not in self._origins:
            if len(self._origins) >= self._limit:
                raise CandidError(
                    "the types take too long to compare", slug="candid/quota", detail=f"more than {self._limit} pairs of parts came up"
                )
            self._origins[pair] = origin
            self._waiting.append(pair)

    def _path(self, pair: _Pair) -> list[str]:
        steps: list[str] = []
        origin = self._origins[pair]
        while origin is not None:
            steps.append(origin[1])
            origin = self._origins[origin[0]]
        return steps[::-1]

    def _sides(self, pair: _Pair) -> tuple[Table, Table]:
        first, second = self._tables
        return (second, first) if pair.flipped else (first, second)

    def _compare(self, pair: _Pair) -> Iterator[tuple[str, str]]:
        """Yield (step, message) for what is wrong with this pair itself, and ask about its parts."""
        new_side, old_side = self._sides(pair)
        new, old = new_side.code(pair.new), old_side.code(pair.old)
        if old == tables.OPT and self._look_into_opts:
            self._ask_inside(pair, new_side, old_side)
        if old in {T.RESERVED.code, tables.OPT} or new == T.EMPTY.code or (new, old) in _WIDER:
            return
        if new != old:
            yield "", f"{KINDS[new]} is not a subtype of {KINDS[old]}"
        elif pair.new >= 0:
            yield from self._compare_parts(pair, new_side.entries[pair.new], old_side.entries[pair.old])

    def _ask_inside(self, pair: _Pair, new_side: Table, old_side: Table) -> None:
        """Ask about what an opt holds, though the opt excuses whatever is wrong there."""
        new = new_side.code(pair.new)
        if new not in {T.NULL.code, T.RESERVED.code, T.EMPTY.code}:
            inner = new_side.entries[pair.new].refs[0] if new == tables.OPT else pair.new
            self._ask(_Pair(inner, old_side.entries[pair.old].refs[0], pair.flipped, excused=True), (pair, "opt"))

    def _compare_parts(self, pair: _Pair, have: Entry, want: Entry) -> Iterator[tuple[str, str]]:
        match have.code:
            case tables.VEC:
                self._ask(pair.part(have.refs[0], want.refs[0]), (pair, "element"))
            case tables.RECORD:
                yield from self._fields(pair, _by_id(have), _by_id(want), "field", self._sides(pair)[1])
            case tables.VARIANT:
                yield from self._tags(pair, have, want)
            case tables.SERVICE:
                yield from self._methods(pair, have, want)
            case tables.FUNCTION:
                yield from self._functions(pair, have, want)

    def _fields(self, pair: _Pair, have: _Parts, want: _Parts, word: str, old_side: Table) -> Iterator[tuple[str, str]]:
        for number, (label, ref) in want.items():
            if number in have:
                self._ask(pair.part(have[number][1], ref), (pair, f"{word} `{label}`"))
            elif old_side.code(ref) not in _MAY_MISS:
                what = "new" if pair.flipped else "missing"
                yield f"{word} `{label}`", f"it is {what}, and its type is not opt, null or reserved"

    def _tags(self, pair: _Pair, have: Entry, want: Entry) -> Iterator[tuple[str, str]]:
        known = _by_id(want)
        for number, (label, ref) in _by_id(have).items():
            if number in known:
                self._ask(pair.part(ref, known[number][1]), (pair, f"tag `{known[number][0]}`"))
            else:
                yield f"tag `{label}`", "the other type does not know it"

    def _methods(self, pair: _Pair, have: Entry, want: Entry) -> Iterator[tuple[str, str]]:
        there = dict(zip(have.labels, have.refs, strict=True))
        for name, ref in zip(want.labels, want.refs, strict=True):
            if name in there:
                self._ask(pair.part(there[name], ref), (pair, f"method `{name}`"))
            else:
                yield f"method `{name}`", "it is missing"

    def _functions(self, pair: _Pair, have: Entry, want: Entry) -> Iterator[tuple[str, str]]:
        if have.annotations != want.annotations:
            new_words, old_words = (" ".join(sorted(entry.annotations)) or "update" for entry in (have, want))
            yield "", f"it is {new_words} where {old_words} is expected"
        new_side, old_side = self._sides(pair)
        yield from self._fields(pair, _numbered(have.refs[have.split :]), _numbered(want.refs[want.split :]), "result", old_side)
        yield from self._arguments(pair, have, want, new_side)

    def _arguments(self, pair: _Pair, have: Entry, want: Entry, new_side: Table) -> Iterator[tuple[str, str]]:
        """Ask the other way round: what the old function takes, the new one must take."""
        given = want.refs[: want.split]
        for index, ref in enumerate(have.refs[: have.split]):
            if index < len(given):
                self._ask(_Pair(given[index], ref, not pair.flipped, pair.excused), (pair, f"argument {index}"))
            elif new_side.code(ref) not in _MAY_MISS:
                yield f"argument {index}", "it is new, and its type is not opt, null or reserved"


def _by_id(entry: Entry) -> _Parts:
    return dict(zip(entry.ids, zip(entry.labels, entry.refs, strict=True), strict=True))


def _numbered(refs: tuple[int, ...]) -> _Parts:
    return {index: (index, ref) for index, ref in enumerate(refs)}


def is_table_subtype(new: Table, new_ref: int, old: Table, old_ref: int, *, limit: int) -> tuple[bool, int]:
    """Return whether one table's type is a subtype of another table's, and how many pairs of parts were compared.

    More than `limit` pairs raise `CandidError`.
    """
    comparison = _Comparison(new, old, limit=limit)
    problem = next(comparison.problems(new_ref, old_ref), None)
    return problem is None, comparison.compared


def subtype_problems(new: T.Type, old: T.Type) -> tuple[Incompatibility, ...]:
    """Return every place where `new` is not a subtype of `old`; none means that it is one."""
    both = build_table((new, old))
    return tuple(problem for problem, _ in _Comparison(both, both).problems(*both.roots))


def subtype_losses(new: T.Type, old: T.Type) -> tuple[Incompatibility, ...]:
    """Return every place where only an opt makes `new` a subtype of `old`: values there may turn into null.

    The specification lets any type stand for an opt of any other, so such an upgrade is legal, and rarely meant.
    """
    both = build_table((new, old))
    comparison = _Comparison(both, both, look_into_opts=True)
    return tuple(problem for problem, excused in comparison.problems(*both.roots) if excused)


def is_subtype(new: T.Type, old: T.Type) -> Incompatibility | None:
    """Return None when `new` is a subtype of `old`, else the first place where it is not.

    For two services: None says that callers who know the `old` interface can go on with the `new` one.
    """
    return next(iter(subtype_problems(new, old)), None)

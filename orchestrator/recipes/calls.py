"""Expressions to values: strict look-ups in the data, and the helpers.

Facts of the dialect (handlebars 6.4, strict, without escaping): a missing name is an error where its value is
written, but a helper may ask for it; `and` and `or` take a missing value as false, the other helpers refuse it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import RecipeError
from orchestrator.recipes.template import Call, Expression, Literal, Lookup, Node, Origin, Partial, Place
from orchestrator.recipes.values import compare, is_equal, is_truthy, write_value

__all__ = ["BLOCKS", "CHOICES", "HELPERS", "Evaluator", "Found", "Frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a block puts in view: its value (`this`), its marks (`@index`), the names it gives, its inline partials."""

    value: object
    marks: Mapping[str, object] = field(default_factory=dict)
    names: Mapping[str, object] = field(default_factory=dict)
    partials: dict[str, tuple[Node, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of an expression; a missing one has the value None."""

    value: object = None
    missing: bool = False


_MISSING = Found(missing=True)
_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "gt": lambda order: order > 0,
    "gte": lambda order: order >= 0,
    "lt": lambda order: order < 0,
    "lte": lambda order: order <= 0,
}
_ARITY = {"eq": 2, "ne": 2, "gt": 2, "gte": 2, "lt": 2, "lte": 2, "not": 1, "len": 1, "lookup": 2, "replace": 3}
_ASKS = frozenset({"lookup", "replace", "log", "and", "or", "if", "unless", "each", "with"})
BLOCKS = ("each", "if", "unless", "with")
"""Helpers that choose what is rendered; without a body they write nothing."""
CHOICES = frozenset({"and", "eq", "gt", "gte", "lt", "lte", "ne", "not", "or"})
"""Helpers that are true or false: as a block, they choose between its body and its `else`."""
HELPERS = (*BLOCKS, *sorted(CHOICES), "len", "log", "lookup", "raw", "replace")
"""Every helper."""
_HELPER_SET = frozenset(HELPERS)
_LOG_LEVELS = frozenset({"off", "error", "warn", "info", "debug", "trace"})
_INDEX = re.compile("[+]?[0-9]{1,40}", re.ASCII)
_CHARACTERS_OF_A_STEP = 1024
"""Looking at this many characters counts as one step."""


class Evaluator:
    """Evaluates the expressions of one rendering; `spend` counts the steps and refuses too many."""

    def __init__(self, origin: Origin, spend: Callable[[int, Place], None]) -> None:
        self._origin = origin
        self._spend = spend

    def name(self, expression: Expression, frames: Sequence[Frame], place: Place) -> str:
        """Return the name that an expression stands for: a bare word stands for itself."""
        if isinstance(expression, Lookup):
            return expression.text
        return self.written(self.parameter(expression, frames, place).value, place)

    def written(self, value: object, place: Place) -> str:
        """Return a value as text."""
        text = write_value(value)
        self._spend(len(text) // _CHARACTERS_OF_A_STEP, place)
        return text

    def parameter(self, expression: Expression, frames: Sequence[Frame], place: Place) -> Found:
        """Return the value of an expression that may be missing."""
        match expression:
            case Literal():
                self._spend(1, place)
                return Found(value=expression.value)
            case Lookup():
                self._spend(1 + len(expression.steps) // 8, place)
                return self._look_up(expression, frames, place)
        return Found(value=self.call(expression, frames, place))

    def call(self, call: Call, frames: Sequence[Frame], place: Place) -> object:
        """Return what a helper makes of its parameters; raise `RecipeError` where it cannot."""
        found = [self.parameter(parameter, frames, place) for parameter in call.parameters]
        options = {name: self.parameter(option, frames, place).value for name, option in call.options.items()}
        self._spend(1, place)
        if call.name not in _HELPER_SET:
            raise self.unknown_helper(call.name, place)
        self._check(call, found, frames, place)
        if call.name in BLOCKS:
            return ""
        values = [result.value for result in found]
        self._spend(sum(len(value) for value in values if isinstance(value, str)) // _CHARACTERS_OF_A_STEP, place)
        return self._apply(call.name, values, options, place)

    def _check(self, call: Call, found: Sequence[Found], frames: Sequence[Frame], place: Place) -> None:
        """Refuse too few parameters, and those that a helper cannot do without."""
        needed = _ARITY.get(call.name, 1 if call.name in BLOCKS else 0)
        if len(found) < needed:
            raise self._too_few(call.name, needed, len(found), place)
        if call.name == "with" and not is_truthy(found[0].value):
            raise self.missing(call.parameters[0], place, frames) if found[0].missing else self.unusable(call, place)
        if call.name in _ASKS:
            return
        for parameter, result in zip(call.parameters[:needed], found, strict=False):
            if result.missing:
                raise self.missing(parameter, place, frames)

    def missing(self, expression: Expression, place: Place, frames: Sequence[Frame]) -> RecipeError:
        """Return the error of a value that is not there."""
        from difflib import get_close_matches  # only a recipe that fails pays for it

        if not isinstance(expression, Lookup):
            return self._origin.error("missing-value", "the recipe looks up something that is not there", place)
        close = get_close_matches(expression.text, _known_names(expression, frames), n=1)
        inside = not expression.up and frames[-1].value is not frames[0].value
        written = f"`{expression.text}:`" if len(expression.steps) == 1 else f"`{expression.text}`"
        where = "to what this block goes through" if inside else "under `configuration`"
        return self._origin.error(
            "missing-value",
            f"the recipe needs a value for `{expression.text}`",
            place,
            detail=f"nothing in {'the value here' if inside else 'its configuration'} has that name",
            hint=f"did you mean `{close[0]}`?" if close else f"add {written} {where}",
        )

    def unusable(self, call: Call, place: Place) -> RecipeError:
        """Return the error of a value that is there, and that a block without `else` can do nothing with."""
        subject = call.parameters[0]
        what = f"`{subject.text}`" if isinstance(subject, Lookup) else "its value"
        needed = "a list or a map" if call.name == "each" else "a value that is not empty"
        return self._origin.error(
            "wrong-value", f"`{call.name}` needs {needed}, and {what} is none", place, hint="add an `{{else}}` for that case"
        )

    def unknown_helper(self, name: str, place: Place) -> RecipeError:
        """Return the error of a helper that does not exist."""
        from difflib import get_close_matches  # only a recipe that fails pays for it

        close = get_close_matches(name, HELPERS, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"the helpers are {', '.join(HELPERS)}"
        return self._origin.error("unknown-helper", f"there is no helper `{name}`", place, hint=hint)

    def unknown_partial(self, partial: Partial, name: str) -> RecipeError:
        """Return the error of a partial that does not exist."""
        hint = f'define it with {{{{#*inline "{name}"}}}}'
        return self._origin.error("unknown-partial", f"there is no partial `{name}`", partial.place, hint=hint)

    def _too_few(self, name: str, needed: int, found: int, place: Place) -> RecipeError:
        if name in BLOCKS:
            return self._origin.error("template-syntax", f"`{name}` needs a value", place, hint=f"write {{{{#{name} VALUE}}}}")
        plural = "" if needed == 1 else "s"
        return self._origin.error("helper-parameters", f"`{name}` needs {needed} parameter{plural} and has {found}", place)

    def _look_up(self, path: Lookup, frames: Sequence[Frame], place: Place) -> Found:
        steps = path.steps
        if path.root:
            return self._descend(frames[0].value, steps, path, place)
        if path.local:
            if not steps:
                return Found(value=frames[-1].value)
            marks = frames[-1 - path.up].marks if path.up < len(frames) else {}
            return Found(value=marks[steps[0]]) if steps[0] in marks else _MISSING
        if steps:
            for frame in reversed(frames):
                if steps[0] in frame.names:
                    return self._descend(frame.names[steps[0]], steps[1:], path, place)
        frame = frames[-1 - path.up] if path.up < len(frames) else frames[-1]
        return self._descend(frame.value, steps, path, place)

    def _descend(self, value: object, steps: Sequence[str], path: Lookup, place: Place) -> Found:
        for step in steps:
            if isinstance(value, list):
                if not _INDEX.fullmatch(step):
                    raise self._origin.error(
                        "missing-value", f"`{path.text}` asks a list for `{step}`", place, hint="items of a list have numbers, from 0"
                    )
                if int(step) >= len(value):
                    return _MISSING
                value = value[int(step)]
            elif isinstance(value, Mapping) and step in value:
                value = value[step]
            else:
                return _MISSING
        return Found(value=value)

    def _apply(self, name: str, values: list[object], options: Mapping[str, object], place: Place) -> object:
        match name:
            case "eq" | "ne":
                return is_equal(values[0], values[1], lambda: self._spend(1, place)) == (name == "eq")
            case "gt" | "gte" | "lt" | "lte":
                order = compare(values[0], values[1])
                return order is not None and _COMPARISONS[name](order)
            case "not":
                return not is_truthy(values[0])
            case "and" | "or":
                return (all if name == "and" else any)(map(is_truthy, values))
            case "len":
                return _length(values[0])
            case "replace":
                return self._replace(values, place)
            case "lookup":
                return self._item(values[0], values[1], place)
            case "log" if isinstance(level := options.get("level"), str) and level.lower() not in _LOG_LEVELS:
                raise self._origin.error("helper-parameters", f"`{level}` is no level of a log", place)
        return ""

    def _replace(self, values: list[object], place: Place) -> str:
        """Replace in a text; how long it becomes is known before it is made."""
        old, new, text = (self.written(value, place) for value in values[:3])
        times = text.count(old) if old else len(text) + 1
        self._spend((len(text) + times * (len(new) + 1)) // _CHARACTERS_OF_A_STEP, place)
        return text.replace(old, new)

    def _item(self, collection: object, key: object, place: Place) -> object:
        if isinstance(collection, list) and isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(collection):
            return collection[key]
        if isinstance(collection, Mapping) and isinstance(key, str) and key in collection:
            return collection[key]
        raise self._origin.error("missing-value", f"`lookup` finds no `{write_value(key)[:100]}`", place)


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    return len(value) if isinstance(value, list | Mapping) else 0


def _known_names(expression: Expression, frames: Sequence[Frame]) -> list[str]:
    """Return the names near a missing one: those of its block's value."""
    if not isinstance(expression, Lookup) or len(expression.steps) > 1 or expression.local:
        return []
    value = frames[max(0, len(frames) - 1 - expression.up)].value
    return [name for name in value if isinstance(name, str)] if isinstance(value, Mapping) else []

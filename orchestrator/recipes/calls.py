"""Expressions to values: strict look-ups in the data, and the helpers.

Facts of the dialect (handlebars 6.4, strict, without escaping): a missing name is an error where its value is
written, but a helper may ask for it; `and` and `or` take a missing value as false, the other helpers refuse it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from orchestrator.errors import RecipeError
from orchestrator.recipes.template import Call, Expression, Literal, Lookup, Origin, Place
from orchestrator.recipes.values import compare, is_equal, is_truthy, write_value

__all__ = ["Evaluator", "Found", "Frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a block puts in view: its value (`this`), its marks (`@index`), and the names it gives."""

    value: object
    marks: Mapping[str, object] = field(default_factory=dict)
    names: Mapping[str, object] = field(default_factory=dict)


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
_HELPERS = ("and", "eq", "gt", "gte", "len", "log", "lookup", "lt", "lte", "ne", "not", "or", "replace")
_BLOCKS = ("each", "if", "unless", "with")


class Evaluator:
    """Evaluates the expressions of one template."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def output(self, expression: Expression, frames: Sequence[Frame], place: Place) -> object:
        """Return the value of an expression that is written; a missing one is an error."""
        if isinstance(expression, Lookup) and expression.text in _HELPERS:
            expression = Call(name=expression.text)
        found = self.parameter(expression, frames, place)
        if found.missing:
            raise self.missing(expression, place, frames)
        return found.value

    def partial_name(self, expression: Expression, frames: Sequence[Frame], place: Place) -> str:
        """Return the name of a partial: a bare word stands for itself."""
        if isinstance(expression, Lookup):
            return expression.text
        return write_value(self.parameter(expression, frames, place).value)

    def parameter(self, expression: Expression, frames: Sequence[Frame], place: Place) -> Found:
        """Return the value of an expression that may be missing."""
        match expression:
            case Literal():
                return Found(value=expression.value)
            case Lookup():
                return self._look_up(expression, frames, place)
        return Found(value=self._call(expression, frames, place))

    def missing(self, expression: Expression, place: Place, frames: Sequence[Frame]) -> RecipeError:
        """Return the error of a value that is not there."""
        if not isinstance(expression, Lookup):
            return self._origin.error("missing-value", "the recipe looks up something that is not there", place)
        close = get_close_matches(expression.text, _known_names(expression, frames), n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"add `{expression.text}` to the recipe's `configuration`"
        return self._origin.error(
            "missing-value",
            f"the recipe needs a value for `{expression.text}`",
            place,
            detail="nothing in its configuration has that name",
            hint=hint,
        )

    def unusable(self, block: str, expression: Expression, place: Place) -> RecipeError:
        """Return the error of a value that is there, and that a block without `else` can do nothing with."""
        what = f"`{expression.text}`" if isinstance(expression, Lookup) else "its value"
        needed = "a list or a map" if block == "each" else "a value that is not empty"
        return self._origin.error(
            "wrong-value", f"`{block}` needs {needed}, and {what} is none", place, hint="add an `{{else}}` for that case"
        )

    def unknown_helper(self, name: str, place: Place) -> RecipeError:
        """Return the error of a helper that does not exist."""
        close = get_close_matches(name, [*_HELPERS, *_BLOCKS], n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"the helpers are {', '.join([*_BLOCKS, *_HELPERS])}"
        return self._origin.error("unknown-helper", f"there is no helper `{name}`", place, hint=hint)

    def _look_up(self, path: Lookup, frames: Sequence[Frame], place: Place) -> Found:
        steps = path.steps
        if path.local and len(steps) > 1 and steps[0] == "root":
            return self._descend(frames[0].value, steps[1:], path, place)
        frame = frames[max(0, len(frames) - 1 - path.up)]
        if path.local:
            if not steps or steps[0] not in frame.marks:
                return _MISSING
            return self._descend(frame.marks[steps[0]], steps[1:], path, place)
        if steps and not path.up:
            for named in reversed(frames):
                if steps[0] in named.names:
                    return self._descend(named.names[steps[0]], steps[1:], path, place)
        return self._descend(frame.value, steps, path, place)

    def _descend(self, value: object, steps: Sequence[str], path: Lookup, place: Place) -> Found:
        for step in steps:
            if isinstance(value, list):
                if not (step.isascii() and step.isdigit()):
                    raise self._origin.error(
                        "missing-value", f"`{path.text}` asks a list for `{step}`", place, hint="items of a list have numbers, from 0"
                    )
                if len(step) > len(str(len(value))) or int(step) >= len(value):
                    return _MISSING
                value = value[int(step)]
            elif isinstance(value, Mapping) and step in value:
                value = value[step]
            else:
                return _MISSING
        return Found(value=value)

    def _call(self, call: Call, frames: Sequence[Frame], place: Place) -> object:
        if call.name not in _HELPERS:
            raise self.unknown_helper(call.name, place)
        found = [self.parameter(parameter, frames, place) for parameter in call.parameters]
        needed = _ARITY.get(call.name, 0)
        if len(found) < needed:
            raise self._origin.error("helper-parameters", f"`{call.name}` needs {needed} parameters and has {len(found)}", place)
        if call.name not in {"lookup", "replace", "log", "and", "or"}:
            for parameter, result in zip(call.parameters[:needed], found, strict=False):
                if result.missing:
                    raise self.missing(parameter, place, frames)
        return self._apply(call.name, [result.value for result in found], place)

    def _apply(self, name: str, values: list[object], place: Place) -> object:
        match name:
            case "eq" | "ne":
                return is_equal(values[0], values[1]) == (name == "eq")
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
                old, new, text = map(write_value, values[:3])
                return text.replace(old, new)
            case "lookup":
                return self._item(values[0], values[1], place)
        return ""

    def _item(self, collection: object, key: object, place: Place) -> object:
        if isinstance(collection, list) and isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(collection):
            return collection[key]
        if isinstance(collection, Mapping) and isinstance(key, str) and key in collection:
            return collection[key]
        raise self._origin.error("missing-value", f"`lookup` finds no `{write_value(key)}`", place)


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

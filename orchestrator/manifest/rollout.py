"""Rollouts: the stages in which an environment is to be changed, and what opens the gate to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from orchestrator.core.project import Canister
from orchestrator.core.rollout import Bake, Gate, OnFailure, Rollout, Stage
from orchestrator.core.units import parse_duration
from orchestrator.documents import MappingNode, Node, ScalarNode
from orchestrator.errors import Span
from orchestrator.manifest.fields import (
    check_keys,
    read_amount,
    read_choice,
    read_flag,
    read_integer,
    read_items,
    read_mapping,
    read_text,
)
from orchestrator.manifest.labels import read_labels
from orchestrator.manifest.problems import Problems, did_you_mean, listed

__all__ = ["STAGE_KEYS", "read_rollout"]

STAGE_KEYS: Final = (
    *("name", "canisters", "labels", "snapshot", "accept_data_loss"),
    *("gates", "max_parallel", "max_failures"),
)
_OUTCOMES: tuple[OnFailure, ...] = ("none", "undo-code", "undo-snapshot")
_GATES: tuple[Literal["health", "approval"], ...] = ("health", "approval")
_REST = "rest"


class _Chosen(NamedTuple):
    """The canisters of a stage: by name, with `rest` still open (`None`), and the labels that chose them."""

    names: tuple[str, ...] | None
    labels: Mapping[str, str]


def read_rollout(node: Node | None, canisters: Mapping[str, Canister], environment: str, problems: Problems) -> Rollout | None:
    """Read `{stages, on_failure}`; `canisters` are those of the environment by the names that it calls them."""
    mapping = read_mapping(node, "`rollout`", problems)
    if mapping is None:
        return None
    check_keys(mapping, ("stages", "on_failure"), "`rollout`", problems, severity="error")
    on_failure = read_choice(mapping.get("on_failure"), "`on_failure`", _OUTCOMES, problems) or "none"
    items = read_items(mapping.get("stages"), "`stages`", problems)
    if not items and (items == () or mapping.get("stages") is None):
        place = written.span if (written := mapping.get("stages")) is not None else mapping.span
        problems.error(
            "missing-key", "`rollout` has no `stages`", place, hint="add `stages:` with a list of maps with `name` and `canisters`"
        )
    reader = _Reader(canisters, environment, problems)
    stages = tuple(stage for item in items or () if (stage := reader.read(item)) is not None)
    if on_failure == "undo-snapshot" and (word := mapping.get("on_failure")) is not None:
        _check_undo(stages, word.span, problems)
    return Rollout(stages=reader.finish(stages, mapping.span), on_failure=on_failure, span=mapping.span)


def _check_undo(stages: Sequence[Stage], span: Span, problems: Problems) -> None:
    """Note stages without what going back to a snapshot takes, all of them at once."""
    lacking = [stage.name for stage in stages if not stage.snapshot or stage.accept_data_loss is None]
    if lacking:
        problems.error(
            "missing-key",
            "`on_failure: undo-snapshot` needs `snapshot: true` and `accept_data_loss` on every stage",
            span,
            detail=f"missing on {', '.join(map(_called, lacking))}; going back to a snapshot loses what was written since",
            hint="add `snapshot: true` and `accept_data_loss: 15m` to each stage, or write `undo-code`",
        )


def _called(stage: str) -> str:
    return f"stage `{stage}`" if stage else "a stage without a name"


class _Reader:
    """Reads stages one after another: names and canisters of one may not be those of another."""

    def __init__(self, canisters: Mapping[str, Canister], environment: str, problems: Problems) -> None:
        """Take what stages may name."""
        self._canisters = canisters
        self._environment = environment
        self._problems = problems
        self._names: dict[str, Span] = {}
        self._taken: dict[str, str] = {}
        self._rest: Span | None = None

    def read(self, node: Node) -> Stage | None:
        """Read one stage; its `rest` is empty until all have been read."""
        problems = self._problems
        mapping = read_mapping(node, "a stage", problems)
        if mapping is None:
            return None
        check_keys(mapping, STAGE_KEYS, "a stage", problems, severity="error")
        name = self._read_name(mapping)
        chosen = self._read_canisters(mapping, name)
        snapshot = read_flag(mapping.get("snapshot"), "`snapshot`", problems) or False
        loss = read_amount(mapping.get("accept_data_loss"), "`accept_data_loss`", parse_duration, problems, example="15m")
        self._check_loss(mapping, name, loss, snapshot=snapshot)
        return Stage(
            name=name,
            canisters=self._keys(chosen.names or ()),
            rest=chosen.names is None,
            labels=chosen.labels,
            snapshot=snapshot,
            accept_data_loss=loss,
            gates=self._read_gates(mapping.get("gates")),
            max_parallel=self._read_count(mapping, "max_parallel", 1),
            max_failures=self._read_count(mapping, "max_failures", 0) or 0,
            span=mapping.span,
        )

    def finish(self, stages: tuple[Stage, ...], span: Span) -> tuple[Stage, ...]:
        """Fill in `rest`, and say which canisters no stage has."""
        left = tuple(name for name in self._canisters if name not in self._taken)
        if left and self._rest is None and stages:
            self._problems.warn(
                "no-stage",
                f"no stage of environment `{self._environment}` has {listed(left)}",
                span,
                hint="add a stage with `canisters: rest`",
            )
        return tuple(replace(stage, canisters=self._keys(left)) if stage.rest else stage for stage in stages)

    def _keys(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._canisters[name].name for name in names)

    def _read_name(self, mapping: MappingNode) -> str:
        node = mapping.get("name")
        name = read_text(node, "`name`", self._problems)
        if node is None or name == "":
            place = mapping.span if node is None else node.span
            self._problems.error("missing-name", "a stage has no `name`", place, hint="add `name:`, the name of the stage")
        if not name or node is None:
            return ""
        if name in self._names:
            self._problems.error(
                "duplicate-name", f"two stages are named `{name}`", node.span, related=((self._names[name], "the first one"),)
            )
        self._names.setdefault(name, node.span)
        return name

    def _read_canisters(self, mapping: MappingNode, stage: str) -> _Chosen:
        node, labels = mapping.get("canisters"), mapping.get("labels")
        if node is not None and labels is not None:
            summary = "a stage has `canisters` or `labels`, not both"
            self._problems.error("contradiction", summary, labels.span, hint="remove one of them")
        if labels is not None:
            return self._read_selection(labels, stage)
        if node is None:
            hint = "add `canisters:` with a list of names or `rest`, or `labels:`"
            self._problems.error("missing-key", f"{_called(stage)} has no `canisters`", mapping.span, hint=hint)
            return _Chosen((), {})
        if isinstance(node, ScalarNode) and node.value == _REST:
            if self._rest is not None:
                summary = "two stages have the `rest` of the canisters"
                self._problems.error("contradiction", summary, node.span, related=((self._rest, "the first one"),))
            self._rest = node.span
            return _Chosen(None, {})
        if isinstance(node, ScalarNode):
            hint = f"write `canisters: [{node.text}]`, or `canisters: rest`"
            self._problems.error("wrong-type", "`canisters` of a stage must be a list or `rest`", node.span, hint=hint)
            return _Chosen((), {})
        names = [self._read_canister(item, stage) for item in read_items(node, "`canisters`", self._problems) or ()]
        return _Chosen(tuple(name for name in self._canisters if name in names), {})

    def _read_canister(self, item: Node, stage: str) -> str | None:
        name = read_text(item, "an item of `canisters`", self._problems)
        if name is None:
            return None
        if name not in self._canisters:
            rest = "write `canisters: rest` for all that are in no other stage" if name == _REST else None
            hint = rest or did_you_mean(name, self._canisters) or f"the canisters there are {listed(self._canisters)}"
            summary = f"{_called(stage)} names the canister `{name}`, which environment `{self._environment}` does not have"
            self._problems.error("unknown-canister", summary, item.span, hint=hint)
            return None
        self._take(name, stage, item.span)
        return name

    def _read_selection(self, node: Node, stage: str) -> _Chosen:
        labels = read_labels(node, self._problems)
        chosen = tuple(name for name, canister in self._canisters.items() if labels.items() <= canister.labels.items()) if labels else ()
        if not chosen:
            summary = f"no canister of environment `{self._environment}` has the labels of {_called(stage)}"
            self._problems.error("unknown-label", summary, node.span, hint="write `labels: { NAME: VALUE }` as canisters have it")
        for name in chosen:
            self._take(name, stage, node.span)
        return _Chosen(chosen, labels)

    def _take(self, name: str, stage: str, span: Span) -> None:
        other = self._taken.setdefault(name, stage)
        if other != stage:
            summary = f"canister `{name}` is in two stages: {_called(other)} and {_called(stage)}"
            self._problems.error("duplicate-name", summary, span, hint="a canister is changed once: remove it from one of them")

    def _check_loss(self, mapping: MappingNode, stage: str, loss: int | None, *, snapshot: bool) -> None:
        if loss is not None and not snapshot and (node := mapping.get("accept_data_loss")) is not None:
            summary = f"{_called(stage)} accepts the loss of data, and takes no snapshot to go back to"
            self._problems.error("contradiction", summary, node.span, hint="add `snapshot: true` to the stage, or remove this")

    def _read_gates(self, node: Node | None) -> tuple[Gate, ...]:
        gates = (self._read_gate(item) for item in read_items(node, "`gates`", self._problems) or ())
        return tuple(gate for gate in gates if gate is not None)

    def _read_gate(self, item: Node) -> Gate | None:
        if isinstance(item, ScalarNode) and item.value == "bake":
            summary = "the gate `bake` takes a time"
            self._problems.error("missing-key", summary, item.span, hint="write `{ bake: 10m }`")
            return None
        if not isinstance(item, MappingNode):
            return read_choice(item, "a gate", _GATES, self._problems)
        if (word := next((entry for entry in item.entries if entry.name in _GATES), None)) is not None:
            self._problems.error("wrong-type", f"the gate `{word.name}` has no value", word.key.span, hint=f"write `- {word.name}`")
            return None
        check_keys(item, ("bake",), "a gate", self._problems, severity="error")
        if item.get("bake") is None and (not item.entries or item.entry("bake") is not None):
            self._problems.error("missing-key", "a gate that is a map has no `bake`", item.span, hint="write `{ bake: 10m }`")
        seconds = read_amount(item.get("bake"), "`bake`", parse_duration, self._problems, example="10m")
        return None if seconds is None else Bake(bake=seconds)

    def _read_count(self, mapping: MappingNode, key: str, lowest: int) -> int | None:
        node = mapping.get(key)
        count = read_integer(node, f"`{key}`", self._problems)
        if count is not None and node is not None and count < lowest:
            self._problems.error("out-of-range", f"`{key}` must be at least {lowest}", node.span)
        return count

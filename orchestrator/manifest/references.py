"""What canisters say about each other: controllers, dependencies, proxies."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from orchestrator.core.principal import is_principal
from orchestrator.core.workspace import key_of
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.problems import Problems, did_you_mean
from orchestrator.manifest.scopes import Scope

__all__ = ["Checked", "check_canister_or_principal", "check_circles", "check_controllers", "check_proxies", "check_references"]

_PROXY_WORDS = frozenset({"default", "none"})
_NAME_HINT = "write a canister's name, or a principal such as `aaaaa-aa`"
Checked = tuple[str, Sequence[NamedEntry], Scope]
"""A project's key, its canisters, and what names mean in it."""


def check_references(project: Checked, problems: Problems) -> None:
    """Note names of canisters that do not exist."""
    _, entries, scope = project
    names = scope.names
    for entry in entries:
        check_controllers(entry.mapping.get("settings"), entry.name, scope, problems, severity="error")
        _check_dependencies(entry, scope, problems)
        check_proxies(entry.mapping.get("sync"), names, problems)


def check_proxies(sync: Node | None, canisters: Collection[str], problems: Problems) -> None:
    """Note proxies of plugin steps that are neither principals, nor canisters, nor `none` or `default`."""
    for step in _items_below(sync, "steps"):
        proxy = step.get("proxy") if isinstance(step, MappingNode) else None
        if isinstance(proxy, ScalarNode) and proxy.value not in _PROXY_WORDS:
            check_canister_or_principal(proxy, "`proxy`", canisters, problems, words=_PROXY_WORDS)


def check_controllers(settings: Node | None, name: str, scope: Scope, problems: Problems, *, severity: Literal["error", "warning"]) -> None:
    """Note controllers of canister `name` that are neither principals nor canisters."""
    for item in _items_below(settings, "controllers"):
        if isinstance(item, ScalarNode) and isinstance(item.value, str) and not _is_controller(item.value, scope):
            note = problems.error if severity == "error" else problems.warn
            key = scope.find(item.value)
            guess = did_you_mean(item.value, (*scope.own, *scope.keys)) or _NAME_HINT
            note(
                "unknown-controller",
                f"the controller `{item.value}` of canister `{name}` is neither a principal nor a canister of the project",
                item.span,
                hint=f"write its key in the workspace, `{key}`" if key is not None else guess,
            )


def check_canister_or_principal(
    node: Node | None, what: str, canisters: Collection[str], problems: Problems, *, words: Collection[str] = ()
) -> None:
    """Note a text that is neither a principal nor the name of a canister; `words` are others that may have been meant."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and not _is_known(node.value, canisters):
        problems.error(
            "unknown-canister",
            f"{what} is neither a principal nor a canister of the project: `{node.value}`",
            node.span,
            hint=did_you_mean(node.value, (*canisters, *sorted(words))) or _NAME_HINT,
        )


def _is_controller(text: str, scope: Scope) -> bool:
    return scope.find_controller(text) is not None or _is_known(text, ())


def _is_known(text: str, canisters: Collection[str]) -> bool:
    if text in canisters:
        return True
    return is_principal(text.lower())


def _items_below(node: Node | None, key: str) -> tuple[Node, ...]:
    inner = node.get(key) if isinstance(node, MappingNode) else None
    return inner.items if isinstance(inner, SequenceNode) else ()


def _dependencies(entry: NamedEntry) -> Iterator[ScalarNode]:
    for item in _items_below(entry.mapping, "depends_on"):
        if isinstance(item, ScalarNode) and isinstance(item.value, str):
            yield item


def _check_dependencies(entry: NamedEntry, scope: Scope, problems: Problems) -> None:
    for item in _dependencies(entry):
        if scope.find(item.text) is None:
            problems.error(
                "unknown-canister",
                f"canister `{entry.name}` depends on `{item.text}`, which does not exist",
                item.span,
                hint=did_you_mean(item.text, scope.names),
            )


def check_circles(projects: Sequence[Checked], problems: Problems) -> None:
    """Walk what canisters depend on, depth first (a loop, not recursion), and note each edge that closes a circle."""
    edges = {
        key_of(project, entry.name): [(item, key) for item in _dependencies(entry) if (key := scope.find(item.text)) is not None]
        for project, entries, scope in projects
        for entry in entries
    }
    done: set[str] = set()
    for start in edges:
        if start not in done:
            _walk(start, edges, done, problems)


def _walk(start: str, edges: Mapping[str, Sequence[tuple[ScalarNode, str]]], done: set[str], problems: Problems) -> None:
    pending, path = [(start, iter(edges[start]))], {start: None}
    while pending:
        name, items = pending[-1]
        item, target = next(items, (None, ""))
        if item is None:
            pending.pop()
            del path[name]
            done.add(name)
        elif target in path:
            names = list(path)
            circle = " → ".join([*names[names.index(target) :], target])
            problems.error(
                "dependency-cycle", "canisters depend on each other in a circle", item.span, detail=circle, hint="remove one of these"
            )
        elif target not in done:
            pending.append((target, iter(edges[target])))
            path[target] = None

"""What canisters say about each other: controllers, dependencies, proxies."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.problems import Problems, did_you_mean

__all__ = ["check_canister_or_principal", "check_controllers", "check_proxies", "check_references"]

_PROXY_WORDS = frozenset({"default", "none"})


def check_references(entries: Sequence[NamedEntry], problems: Problems) -> None:
    """Note names of canisters that do not exist, and dependencies in a circle."""
    names = {entry.name: entry for entry in entries}
    for entry in entries:
        check_controllers(entry.mapping.get("settings"), entry.name, names, problems, severity="error")
        _check_dependencies(entry, names, problems)
        check_proxies(entry.mapping.get("sync"), names, problems)
    _check_circles(names, problems)


def check_proxies(sync: Node | None, canisters: Collection[str], problems: Problems) -> None:
    """Note proxies of plugin steps that are neither principals, nor canisters, nor `none` or `default`."""
    for step in _items_below(sync, "steps"):
        proxy = step.get("proxy") if isinstance(step, MappingNode) else None
        if isinstance(proxy, ScalarNode) and proxy.value not in _PROXY_WORDS:
            check_canister_or_principal(proxy, "`proxy`", canisters, problems)


def check_controllers(
    settings: Node | None, name: str, canisters: Collection[str], problems: Problems, *, severity: Literal["error", "warning"]
) -> None:
    """Note controllers of canister `name` that are neither principals nor canisters."""
    for item in _items_below(settings, "controllers"):
        if isinstance(item, ScalarNode) and isinstance(item.value, str) and not _is_known(item.value, canisters):
            note = problems.error if severity == "error" else problems.warn
            note(
                "unknown-controller",
                f"the controller `{item.value}` of canister `{name}` is neither a principal nor a canister of the project",
                item.span,
                hint=did_you_mean(item.value, canisters),
            )


def check_canister_or_principal(node: Node | None, what: str, canisters: Collection[str], problems: Problems) -> None:
    """Note a text that is neither a principal nor the name of a canister."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and not _is_known(node.value, canisters):
        problems.error(
            "unknown-canister",
            f"{what} is neither a principal nor a canister of the project: `{node.value}`",
            node.span,
            hint=did_you_mean(node.value, canisters) or "write a canister's name, or a principal such as `aaaaa-aa`",
        )


def _is_known(text: str, canisters: Collection[str]) -> bool:
    if text in canisters:
        return True
    try:
        Principal.from_text(text)
    except PrincipalError:
        return False
    return True


def _items_below(node: Node | None, key: str) -> tuple[Node, ...]:
    inner = node.get(key) if isinstance(node, MappingNode) else None
    return inner.items if isinstance(inner, SequenceNode) else ()


def _dependencies(entry: NamedEntry) -> Iterator[ScalarNode]:
    for item in _items_below(entry.mapping, "depends_on"):
        if isinstance(item, ScalarNode) and isinstance(item.value, str):
            yield item


def _check_dependencies(entry: NamedEntry, names: Mapping[str, NamedEntry], problems: Problems) -> None:
    for item in _dependencies(entry):
        if item.text not in names:
            problems.error(
                "unknown-canister",
                f"canister `{entry.name}` depends on `{item.text}`, which does not exist",
                item.span,
                hint=did_you_mean(item.text, names),
            )


def _check_circles(names: Mapping[str, NamedEntry], problems: Problems) -> None:
    """Walk the dependencies depth first (a loop, not recursion) and note each edge that closes a circle."""
    done: set[str] = set()
    for start in names:
        path: list[str] = []
        pending: list[tuple[str, Iterator[ScalarNode]]] = [(start, _dependencies(names[start]))] if start not in done else []
        path.extend(name for name, _ in pending)
        while pending:
            name, items = pending[-1]
            item = next(items, None)
            if item is None:
                pending.pop()
                path.pop()
                done.add(name)
            elif item.text in path:
                circle = " → ".join([*path[path.index(item.text) :], item.text])
                problems.error(
                    "dependency-cycle", "canisters depend on each other in a circle", item.span, detail=circle, hint="remove one of these"
                )
            elif item.text in names and item.text not in done:
                pending.append((item.text, _dependencies(names[item.text])))
                path.append(item.text)

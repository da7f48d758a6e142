"""Health checks: what a canister must answer, hold or be, to be well."""

import re
from collections.abc import Callable
from typing import Final

from orchestrator.core.health import CyclesCheck, HealthCheck, HttpCheck, NoTrapsCheck, QueryCheck, StatusCheck
from orchestrator.core.units import parse_cycles
from orchestrator.documents import Entry, MappingNode, Node, ScalarNode
from orchestrator.errors import OrchestratorError
from orchestrator.manifest.fields import (
    check_keys,
    read_amount,
    read_choice,
    read_flag,
    read_integer,
    read_items,
    read_mapping,
    read_text,
    wrong_type,
)
from orchestrator.manifest.problems import Problems, did_you_mean, listed

__all__ = ["HEALTH_KEYS", "read_health"]

_LOWEST_STATUS = 100
_HIGHEST_STATUS = 599
_EXAMPLE = "`- status: running`"
_EXAMPLES = {"query": "method: ready", "http": "path: /health", "cycles": "at_least: 1t"}
_PATH = re.compile(r"[^\x00-\x20\x7f]*")


def read_health(node: Node | None, problems: Problems) -> tuple[HealthCheck, ...]:
    """Read a list of checks, each a map with one key."""
    checks = (_read_check(item, problems) for item in read_items(node, "`health`", problems) or ())
    return tuple(check for check in checks if check is not None)


def _read_check(node: Node, problems: Problems) -> HealthCheck | None:
    if not isinstance(node, MappingNode):
        wrong_type(node, "a health check", "a map", problems, hint=f"write it like {_EXAMPLE}")
        return None
    mapping = node
    known = [entry for entry in mapping.entries if entry.name in _READERS]
    for entry in mapping.entries:
        if entry.name not in _READERS:
            hint = did_you_mean(entry.name, _READERS) or f"write {listed(_READERS)}"
            problems.error("unknown-key", f"unknown kind of health check `{entry.name}`", entry.key.span, hint=hint)
    if not mapping.entries:
        problems.error("missing-key", "a health check says nothing", mapping.span, hint=f"write it like {_EXAMPLE}")
    for entry in known[1:]:
        summary = f"a health check is one of `{known[0].name}` and `{entry.name}`, not both"
        problems.error("contradiction", summary, entry.key.span, hint=f"start another check with `- {entry.name}:`")
    return _READERS[known[0].name](known[0], problems) if known else None


def _read_query(entry: Entry, problems: Problems) -> HealthCheck | None:
    mapping = _read_map(entry, ("method", "args", "expect"), problems)
    if mapping is None:
        return None
    method = mapping.get("method")
    if method is None:
        problems.error("missing-key", "the check `query` has no `method`", mapping.span, hint="add `method:`, the name of a query method")
    name = read_text(method, "`method`", problems)
    if name == "" and method is not None:
        problems.error("invalid-name", "`method` of a check is empty", method.span, hint="write the name of a query method")
    args = _read_candid(mapping.get("args"), "`args`", problems)
    expect = _read_candid(mapping.get("expect"), "`expect`", problems)
    return None if name is None else QueryCheck(method=name, args=args or "()", expect=expect, span=entry.key.span)


def _read_candid(node: Node | None, what: str, problems: Problems) -> str | None:
    text = read_text(node, what, problems)
    if text is None or node is None:
        return None
    from orchestrator.candid import parse_values  # only a project that asks for values pays for it

    try:
        parse_values(text)
    except OrchestratorError as error:
        problems.error("invalid-candid", f"{what} is not Candid text", node.span, detail=error.summary, hint='write it like "(42)"')
    return text.strip()


def _read_http(entry: Entry, problems: Problems) -> HealthCheck | None:
    mapping = _read_map(entry, ("path", "status", "contains"), problems)
    if mapping is None:
        return None
    path, node = read_text(mapping.get("path"), "`path`", problems), mapping.get("path")
    if path is not None and node is not None and not path.startswith("/"):
        problems.error("invalid-path", "`path` of a check must start with `/`", node.span, hint=f"write `path: /{path}`")
    elif path is not None and node is not None and not _PATH.fullmatch(path):
        hint = "write it as it stands in a URL: a space is `%20`"
        problems.error("invalid-path", "`path` of a check has spaces or control characters", node.span, hint=hint)
    status, node = read_integer(mapping.get("status"), "`status`", problems), mapping.get("status")
    if status is not None and node is not None and not _LOWEST_STATUS <= status <= _HIGHEST_STATUS:
        problems.error("out-of-range", f"`status` of a check must be from {_LOWEST_STATUS} to {_HIGHEST_STATUS}", node.span)
    contains = read_text(mapping.get("contains"), "`contains`", problems)
    return HttpCheck(path=path or "/", status=200 if status is None else status, contains=contains, span=entry.key.span)


def _read_cycles(entry: Entry, problems: Problems) -> HealthCheck | None:
    mapping = _read_map(entry, ("at_least",), problems)
    if mapping is None:
        return None
    if mapping.get("at_least") is None:
        problems.error("missing-key", "the check `cycles` has no `at_least`", mapping.span, hint="add `at_least:`, such as `at_least: 1t`")
    amount = read_amount(mapping.get("at_least"), "`at_least`", parse_cycles, problems, example="1t")
    return None if amount is None else CyclesCheck(at_least=amount, span=entry.key.span)


def _read_status(entry: Entry, problems: Problems) -> HealthCheck | None:
    _require_scalar(entry, "running", problems)
    word = read_choice(entry.value, "the check `status`", ("running",), problems) if isinstance(entry.value, ScalarNode) else None
    return None if word is None else StatusCheck(span=entry.key.span)


def _read_no_traps(entry: Entry, problems: Problems) -> HealthCheck | None:
    _require_scalar(entry, "true", problems)
    flag = read_flag(entry.value, "the check `no_traps`", problems) if isinstance(entry.value, ScalarNode) else None
    if flag is False:
        problems.error("unknown-variant", "the check `no_traps` can only be `true`", entry.value.span, hint="remove the check")
    return NoTrapsCheck(span=entry.key.span) if flag else None


def _require_scalar(entry: Entry, word: str, problems: Problems) -> None:
    if not isinstance(entry.value, ScalarNode):
        problems.error("wrong-type", f"the check `{entry.name}` must be `{word}`", entry.value.span, hint=f"write `{entry.name}: {word}`")


def _read_map(entry: Entry, keys: tuple[str, ...], problems: Problems) -> MappingNode | None:
    if isinstance(entry.value, ScalarNode) and not entry.value.is_empty:
        example = _EXAMPLES[entry.name]
        wrong_type(entry.value, f"the check `{entry.name}`", "a map", problems, hint=f"write `{entry.name}: {{ {example} }}`")
        return None
    mapping = read_mapping(entry.value, f"the check `{entry.name}`", problems)
    if mapping is not None:
        check_keys(mapping, keys, f"the check `{entry.name}`", problems, severity="error")
    return mapping


_READERS: Final[dict[str, Callable[[Entry, Problems], HealthCheck | None]]] = {
    "query": _read_query,
    "http": _read_http,
    "cycles": _read_cycles,
    "status": _read_status,
    "no_traps": _read_no_traps,
}
HEALTH_KEYS: Final = tuple(_READERS)
"""The kinds of health checks."""

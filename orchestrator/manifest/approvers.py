"""Approvers: who has to agree before an environment is changed."""

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.rollout import Approvers
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode
from orchestrator.manifest.fields import check_keys, read_flag, read_integer, read_items, read_mapping, read_text, wrong_type
from orchestrator.manifest.problems import Problems

__all__ = ["read_approvers"]

_EXAMPLE = "approvers: { principals: [PRINCIPAL], at_least: 1 }"


def read_approvers(node: Node | None, problems: Problems) -> Approvers | None:
    """Read `{principals, at_least, not_starter}`."""
    if isinstance(node, SequenceNode):
        wrong_type(node, "`approvers`", "a map", problems, hint=f"write the list as `principals`: `{_EXAMPLE}`")
        return None
    mapping = read_mapping(node, "`approvers`", problems)
    if mapping is None:
        return None
    check_keys(mapping, ("principals", "at_least", "not_starter"), "`approvers`", problems, severity="error")
    principals = _read_principals(mapping.get("principals"), problems)
    if mapping.get("principals") is None:
        problems.error("missing-key", "`approvers` has no `principals`", mapping.span, hint=f"write `{_EXAMPLE}`")
    least = _read_least(mapping, problems)
    not_starter = read_flag(mapping.get("not_starter"), "`not_starter`", problems)
    return Approvers(principals=principals, at_least=least, not_starter=not_starter is not False, span=mapping.span)


def _read_least(mapping: MappingNode, problems: Problems) -> int:
    node, listed = mapping.get("at_least"), mapping.get("principals")
    most = len({item.text.lower() for item in listed.items if isinstance(item, ScalarNode)}) if isinstance(listed, SequenceNode) else 1
    least = read_integer(node, "`at_least`", problems)
    if node is None or least is None:
        return 1
    if not 1 <= least <= max(1, most):
        detail = "so many approvals could never be given" if least else "nobody would have to agree"
        problems.error("out-of-range", f"`at_least` must be from 1 to {max(1, most)}, the number of principals", node.span, detail=detail)
    return least


def _read_principals(node: Node | None, problems: Problems) -> tuple[Principal, ...]:
    items = read_items(node, "`principals`", problems)
    if items == () and node is not None:
        problems.error("missing-key", "`principals` of `approvers` is empty", node.span, hint="nobody could approve: list who may")
    found: dict[Principal, None] = {}
    for item in items or ():
        text = read_text(item, "an item of `principals`", problems)
        if text is None:
            continue
        try:
            principal = Principal.from_text(text.lower())
        except PrincipalError as error:
            hint = "`orchestrator identity principal` prints it"
            problems.error("invalid-principal", f"`{text}` in `principals` is not a principal", item.span, detail=str(error), hint=hint)
            continue
        if principal in found:
            problems.warn("duplicate-name", f"`{text}` is listed twice in `principals`: it counts once", item.span)
        found[principal] = None
    return tuple(found)

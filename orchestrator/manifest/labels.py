"""Labels: the texts by which canisters are selected."""

from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.documents import Node, ScalarNode
from orchestrator.manifest.fields import read_entries, wrong_type
from orchestrator.manifest.problems import Problems

__all__ = ["read_labels"]


def read_labels(node: Node | None, problems: Problems) -> Mapping[str, str]:
    """Read a map of texts; numbers and `true` count as they are written. `KEY=VALUE` has to say it on a command line."""
    labels = {}
    for name, place, value in read_entries(node, "`labels`", problems):
        if not name or "=" in name:
            problems.error("invalid-name", f"`{name}` cannot be the name of a label", place, detail="a name is not empty and has no `=`")
        elif isinstance(value, ScalarNode) and value.value is not None:
            labels[name] = value.text
        else:
            wrong_type(value, f"the label `{name}`", "text", problems, hint=f"write it like `{name}: edge`")
    return MappingProxyType(labels)

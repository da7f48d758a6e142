"""What canisters and dependencies can be called."""

import re

from orchestrator.documents import Node
from orchestrator.manifest.problems import Problems

__all__ = ["check_name"]

_NAME = re.compile("[A-Za-z0-9_-]+")
_EXAMPLES = {"canister": "backend", "dependency": "lib"}


def check_name(name: str, node: Node | None, problems: Problems, *, what: str) -> None:
    """Note a name that a canister or a dependency (`what`) cannot have; `node` is where it stands."""
    if node is not None and not _NAME.fullmatch(name):
        problems.error(
            "invalid-name",
            f"`{name}` cannot be the name of a {what}",
            node.span,
            detail="names are made of letters, digits, `-` and `_` (`:` is reserved for dependencies)",
            hint=f"write `name: {_nearest(name) or _EXAMPLES.get(what, 'name')}`",
        )


def _nearest(name: str) -> str:
    """Return what is left of a name without accents, and with `-` for everything else."""
    from unicodedata import normalize  # only a project with problems pays for it

    plain = "".join(character for character in normalize("NFKD", name) if not 0x300 <= ord(character) <= 0x36F)
    return re.sub("[^A-Za-z0-9_-]+", "-", plain).strip("-")

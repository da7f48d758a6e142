"""Looking at a component without running it: what it is, what it wants, and whether this host takes it."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.engine.authoring.abilities import Ability, describe_abilities
from orchestrator.engine.authoring.producers import Producer, read_producers
from orchestrator.errors import PluginRefusedError

if TYPE_CHECKING:
    from orchestrator.sandbox.binary import Outline

__all__ = ["ComponentKind", "ComponentReport", "interface_name", "report_component"]

ComponentKind = Literal["component", "core-module", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentReport:
    """What a file says about itself.

    `size` in bytes, `sha256` in lower-case hex. `interface` is the name of the interface that it is made for, as
    `icp:sync-plugin@0.1.0`; `imports` and `exports` are names in the file's order; `fast_calls` tells whether its
    canister calls cross to the host in one piece; `refusal` is why it cannot be run here, if it cannot.
    """

    size: int
    sha256: str
    kind: ComponentKind
    interface: str | None
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    fast_calls: bool
    abilities: tuple[Ability, ...]
    producers: tuple[Producer, ...]
    refusal: PluginRefusedError | None


def report_component(data: bytes) -> ComponentReport:
    """Look at a component's bytes; nothing of them is compiled or run."""
    from orchestrator.sandbox.component import ComponentFacts, inspect_component

    refusal: PluginRefusedError | None = None
    facts = ComponentFacts(understood=False)
    try:
        facts = inspect_component(data)
    except PluginRefusedError as error:
        refusal = error
    outline = _outline(data)
    imports = () if outline is None else _import_names(outline)
    return ComponentReport(
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        kind=_kind(data),
        interface=interface_name(facts.interface),
        imports=imports,
        exports=() if outline is None else outline.exports,
        fast_calls=facts.wrappable,
        abilities=() if outline is None or refusal is not None else describe_abilities(imports),
        producers=read_producers(data),
        refusal=refusal,
    )


def interface_name(version: str | None) -> str | None:
    """Return an interface's whole name; a bare version is one of `icp:sync-plugin`."""
    return f"icp:sync-plugin@{version}" if version is not None and "@" not in version else version


def _outline(data: bytes) -> "Outline | None":
    from orchestrator.sandbox.binary import NotUnderstoodError, read_outline

    try:
        return read_outline(data)
    except NotUnderstoodError:
        return None


def _import_names(outline: "Outline") -> tuple[str, ...]:
    from orchestrator.sandbox.binary import Sort

    return tuple(item.name for item in outline.imports if item.sort is not Sort.TYPE)


def _kind(data: bytes) -> ComponentKind:
    from orchestrator.sandbox.binary import COMPONENT_HEADER, CORE_MODULE_HEADER

    if data.startswith(COMPONENT_HEADER):
        return "component"
    return "core-module" if data.startswith(CORE_MODULE_HEADER) else "unknown"

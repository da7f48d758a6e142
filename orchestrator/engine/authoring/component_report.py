"""Looking at a component without running it: what it is, what it wants, and whether this host takes it."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine.authoring.abilities import describe_abilities
from orchestrator.engine.authoring.producers import read_producers
from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.reports import ComponentKind, ComponentReport, interface_name

if TYPE_CHECKING:
    from orchestrator.sandbox.binary import Outline
    from orchestrator.sandbox.request import OnPhase

__all__ = ["report_component", "try_component"]


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
        understood=outline is not None,
        interface=interface_name(facts.interface),
        extension=None if facts.extension is None else f"orchestrator:sync-plugin@{facts.extension}",
        imports=imports,
        exports=() if outline is None else outline.exports,
        fast_calls=facts.wrappable,
        abilities=() if outline is None or refusal is not None else describe_abilities(imports),
        producers=read_producers(data),
        refusal=refusal,
    )


async def try_component(
    data: bytes, report: ComponentReport, cache_directory: Path, on_phase: "OnPhase" = lambda _phase, _detail: None
) -> ComponentReport:
    """Compile a component, to see whether its code is valid: its refusal is added to the report.

    Where the cache cannot be used, nobody can tell of what was understood; raises `SandboxError` for what was not.
    """
    from orchestrator.sandbox.host import prepare_component

    if report.refusal is not None:
        return report
    try:
        await prepare_component(data, report.sha256, cache_directory, on_phase=on_phase)
    except PluginRefusedError as refusal:
        return replace(report, refusal=refusal, abilities=())
    except SandboxError:
        if not report.understood:
            raise
    return report


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

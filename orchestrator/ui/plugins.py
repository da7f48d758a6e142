"""Plugins as text and as JSON: what a component is, and what a run of one alone did."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from orchestrator.sandbox.reports import ComponentReport, Producer
from orchestrator.ui.style import harmless

__all__ = ["PLUGIN_SCHEMA", "component_to_json", "render_component", "render_size"]

PLUGIN_SCHEMA: Final = 1
_KINDS: Final[Mapping[str, str]] = {
    "component": "component",
    "core-module": "core module, not a component",
    "unknown": "not WebAssembly",
}


def component_to_json(path: str, report: ComponentReport) -> dict[str, object]:
    """Return a component's report as plain values; `size` is in bytes."""
    refusal = report.refusal
    return {
        "schema": PLUGIN_SCHEMA,
        "path": path,
        "kind": report.kind,
        "size": report.size,
        "sha256": report.sha256,
        "interface": report.interface,
        "extension": report.extension,
        "imports": list(report.imports),
        "exports": list(report.exports),
        "fast_calls": report.fast_calls,
        "may": [{"name": each.name, "granted": each.granted, "text": each.text} for each in report.abilities],
        "producers": [{"field": each.field, "name": each.name, "version": each.version} for each in report.producers],
        "refused": None
        if refusal is None
        else {"slug": refusal.slug, "summary": refusal.summary, "detail": refusal.detail, "hint": refusal.hint},
    }


def render_component(path: str, report: ComponentReport) -> str:
    """Return a component's report as lines, without a final line end."""
    return "\n".join(f"{label + ':':<12} {text}".rstrip() if label else f"{'':<12} {text}" for label, text in _facts(path, report))


def _facts(path: str, report: ComponentReport) -> Iterator[tuple[str, str]]:
    yield "file", harmless(path)
    yield "size", f"{render_size(report.size)} ({report.size} bytes)" if report.size >= 1 << 10 else f"{report.size} bytes"
    yield "sha256", report.sha256
    yield "kind", _KINDS[report.kind]
    yield from _listed("made with", [_producer(each) for each in report.producers])
    if report.understood:
        yield from _contents(report)
    elif report.refusal is None:
        yield "contents", "of a kind that is not read here; it compiles, and running it tells the rest"


def _contents(report: ComponentReport) -> Iterator[tuple[str, str]]:
    yield "interface", harmless(", ".join(filter(None, (report.interface, report.extension))) or "none that is implemented here")
    yield from _listed("imports", _grouped(report.imports))
    yield from _listed("exports", [", ".join(harmless(name) for name in report.exports)] if report.exports else [])
    if report.refusal is None:
        yield "fast path", "yes: the bytes of its calls cross to the host in one piece" if report.fast_calls else "no"
        yield from _listed("it may", [each.text for each in report.abilities if each.granted])
        yield from _listed("it may not", [each.text for each in report.abilities if not each.granted])


def _listed(label: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(texts):
        yield ("" if number else label), text


def _producer(producer: Producer) -> str:
    return harmless(f"{producer.name} {producer.version}".strip() + f" ({producer.field})")


def _grouped(imports: Iterable[str]) -> list[str]:
    """Put the imports of one package and version on one line: `wasi:cli@0.2.0: environment, exit`."""
    groups: dict[str, list[str]] = {}
    for name in imports:
        package, slash, rest = name.partition("/")
        interface, at, version = rest.partition("@")
        groups.setdefault(f"{package}{at}{version}" if slash else "", []).append(interface if slash else name)
    return [harmless(f"{package}: {', '.join(names)}" if package else ", ".join(names)) for package, names in groups.items()]


def render_size(count: int) -> str:
    """Return a number of bytes in the largest unit that it reaches: `17.3 MiB`."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"

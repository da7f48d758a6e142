"""What can be wrong with the steps that a recipe renders to, whatever its parameters are."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode, parse_yaml
from orchestrator.engine.authoring.recipe_marks import MARK, MarkedText
from orchestrator.engine.authoring.recipe_probing import ShapeError, pair_scalars
from orchestrator.errors import Diagnostic, DocumentError, ManifestError, Severity, Span
from orchestrator.manifest import load_steps
from orchestrator.recipes.template import Origin

__all__ = ["check_steps"]

_PATH: Final = Path("rendered")
_DOWNLOADS: Final = re.compile(r"\b(?:curl|wget)\b")
_CHECKS: Final = re.compile(r"\b(?:sha256sum|shasum|openssl|sha256)\b")
_ADDRESS: Final = re.compile(r"https?://")
_PATH_KEYS: Final = ("path", "dirs", "files")


@dataclass(slots=True)
class _Found:
    """Problems by what they are and the template's line; a problem counts where it is in every rendering of its line."""

    rendered: Counter[int] = field(default_factory=Counter)
    problems: dict[tuple[str, int], Diagnostic] = field(default_factory=dict)
    times: Counter[tuple[str, int]] = field(default_factory=Counter)
    odd: dict[tuple[str, int], Diagnostic] = field(default_factory=dict)


def check_steps(renderings: Sequence[MarkedText], origin: Origin) -> Iterator[Diagnostic]:
    """Yield what is wrong: steps that do not load, addresses without a hash, absolute paths, values that are not there.

    An error that only some configurations have is left to the recipe's user: its place is the configuration.
    """
    found = _Found()
    for marked in renderings:
        found.rendered.update(set(marked.lines))
        _load(marked, origin, found)
        try:
            node = parse_yaml(marked.text, _PATH)
        except DocumentError:
            continue
        for step in _steps(node):
            _check_step(step, marked, origin, found)
        _check_empty(node, marked, origin, found)
    for (name, line), diagnostic in found.problems.items():
        if found.times[name, line] == found.rendered[line]:
            yield diagnostic
        elif name == "unpinned-url":
            yield replace(diagnostic, severity="warning", summary="a file of this address is not pinned with every configuration")
    yield from found.odd.values()


def _load(marked: MarkedText, origin: Origin, found: _Found) -> None:
    """Load a rendering as steps; what is wrong with a value in it is not the template's fault."""
    text = marked.fill()
    try:
        diagnostics = load_steps(text, _PATH, directory=Path()).warnings
    except ManifestError as error:
        diagnostics = error.diagnostics
    lines = marked.text.split("\n")
    seen = set()
    for each in diagnostics:
        number = each.span.line if each.span is not None else 1
        if number > len(lines) or MARK.search(lines[number - 1]):
            continue
        line = marked.lines[number - 1]
        key = (f"{each.slug} {each.summary}", line)
        found.problems[key] = _finding("steps", each.summary, _line_span(origin, line), each.severity, each.detail, each.hint)
        if key not in seen:
            found.times[key] += 1
        seen.add(key)


def _check_step(step: MappingNode, marked: MarkedText, origin: Origin, found: _Found) -> None:
    url = step.get("url")
    if isinstance(url, ScalarNode) and step.get("path") is None:
        _check_url(step, url, marked, origin, found)
    for key in _PATH_KEYS:
        for node in _scalars(step.get(key)):
            if node.text.startswith("/"):
                span = _span(node, marked, origin)
                hint = "write it from the canister's folder, or take it as a parameter"
                found.odd["absolute", span.line] = _finding(
                    "absolute-path", "an absolute path is there on one machine only", span, hint=hint
                )
    for key in ("command", "commands"):
        for node in _scalars(step.get(key)):
            if _DOWNLOADS.search(node.text) and _ADDRESS.search(node.text) and not _CHECKS.search(node.text):
                span = _span(node, marked, origin)
                summary = "a script downloads something and does not check what came"
                hint = "compare with `sha256sum --check`, or use a `pre-built` step with `url` and `sha256`"
                found.odd["download", span.line] = _finding("unpinned-download", summary, span, hint=hint)


def _check_url(step: MappingNode, url: ScalarNode, marked: MarkedText, origin: Origin, found: _Found) -> None:
    span = _span(url, marked, origin)
    if url.text.lower().startswith("http://"):
        hint = "write `https://`"
        found.odd["http", span.line] = _finding("insecure-url", "what comes by `http://` may have been changed on its way", span, hint=hint)
    key = ("unpinned-url", span.line)
    severity: Severity = "warning" if MARK.match(url.text) else "error"
    hint = "add `sha256:`; where the address is a parameter, take the hash as one, too"
    found.problems[key] = _finding("unpinned-url", "a file of this address is not pinned by its `sha256`", span, severity, hint=hint)
    found.times[key] += step.get("sha256") is None
    if not found.times[key]:
        del found.problems[key]


def _check_empty(meant: Node | None, marked: MarkedText, origin: Origin, found: _Found) -> None:
    """Note values that are nothing where the template writes one alone."""
    try:
        pairs = list(pair_scalars(meant, parse_yaml(marked.fill(), _PATH)))
    except (DocumentError, ShapeError):
        return
    for pair in pairs:
        if pair.real.value is None and MARK.fullmatch(pair.meant.text):
            span = _span(pair.meant, marked, origin)
            hint = "put the line between `{{#if NAME}}` and `{{/if}}`, or give the parameter a `default`"
            found.odd["empty", span.line] = _finding(
                "unguarded-optional", "nothing is written here where the value is left out", span, hint=hint
            )


def _steps(node: Node | None) -> Iterator[MappingNode]:
    for section in ("build", "sync"):
        steps = node.get(section) if isinstance(node, MappingNode) else None
        items = steps.get("steps") if isinstance(steps, MappingNode) else None
        for item in items.items if isinstance(items, SequenceNode) else ():
            if isinstance(item, MappingNode):
                yield item


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    match node:
        case ScalarNode():
            yield node
        case SequenceNode():
            for item in node.items:
                yield from _scalars(item)
        case MappingNode():
            for entry in node.entries:
                yield from _scalars(entry.value)


def _span(node: ScalarNode, marked: MarkedText, origin: Origin) -> Span:
    return _line_span(origin, marked.lines[min(node.span.line, len(marked.lines)) - 1])


def _line_span(origin: Origin, line: int) -> Span:
    text = origin.lines[line - 1] if line <= len(origin.lines) else ""
    indent = len(text) - len(text.lstrip())
    return Span(path=origin.path, line=line, column=indent + 1, length=max(1, len(text.strip())), text=text)


def _finding(
    name: str, summary: str, span: Span, severity: Severity = "warning", detail: str | None = None, hint: str | None = None
) -> Diagnostic:
    return Diagnostic(slug=f"recipe-lint/{name}", summary=summary, severity=severity, span=span, detail=detail, hint=hint)

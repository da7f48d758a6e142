"""The steps of a rendered recipe: text that no file holds, so problems also say where it comes from."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.core.project import BuildStep, SyncStep
from orchestrator.documents import MappingNode, ScalarNode, describe, parse_yaml, source_of_text
from orchestrator.errors import Diagnostic, DocumentError, ManifestError, Span
from orchestrator.manifest.fields import check_keys
from orchestrator.manifest.problems import Problems
from orchestrator.manifest.references import check_proxies
from orchestrator.manifest.steps import read_build, read_sync

__all__ = ["Steps", "load_steps"]

_Related = tuple[tuple[Span, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a recipe stands for."""

    build: tuple[BuildStep, ...]
    sync: tuple[SyncStep, ...]
    warnings: tuple[Diagnostic, ...] = ()


def load_steps(
    text: str,
    path: Path,
    *,
    directory: Path,
    canisters: Collection[str] | None = None,
    related: Callable[[Span], _Related] = lambda _span: (),
    shown: str | None = None,
) -> Steps:
    """Read the `build` and `sync` sections of a rendered recipe; problems are reported under `path`.

    Relative paths start from `directory`. With `canisters` (the project's names) the steps' proxies are
    checked. `related` gives the further places of a problem, from its place in `text`. `shown` is the text as problems may
    show it, of the same length: what is another character there is in none of them. Raise `ManifestError`.
    """
    problems = Problems()
    mapping = _parse(text, path, shown, problems)
    if mapping is not None:
        check_keys(mapping, ("build", "sync"), "the rendered recipe", problems, severity="warning")
        if mapping.get("build") is None:
            problems.error(
                "no-build", "the rendered recipe has no `build`", mapping.span, hint="the template must give `build:` with `steps:`"
            )
    build = read_build(mapping.get("build") if mapping else None, directory, problems)
    sync = read_sync(mapping.get("sync") if mapping else None, directory, problems)
    if mapping is not None and canisters is not None:
        check_proxies(mapping.get("sync"), canisters, problems)
    secrets = _Secrets(text, shown)
    try:
        problems.raise_errors()
    except ManifestError as error:
        found = _relate(error.diagnostics, related, secrets)
        raise ManifestError(
            "a recipe did not render into build and sync steps", slug="manifest/rendered-recipe", diagnostics=found
        ) from None
    return Steps(build=build, sync=sync, warnings=_relate(problems.warnings, related, secrets))


def _parse(text: str, path: Path, shown: str | None, problems: Problems) -> MappingNode | None:
    try:
        node = parse_yaml(text, path, shown=shown)
    except DocumentError as error:
        problems.add(error.diagnostics)
        return None
    if isinstance(node, MappingNode):
        return node
    span = node.span if node is not None else Span(path=path, line=1, column=1)
    written = describe(node) if node is not None else describe(ScalarNode(value=None, text="", origin=span))
    problems.error("wrong-type", f"a rendered recipe must be a map, not {written}", span, hint="the template must give `build:`")
    return None


def _relate(diagnostics: tuple[Diagnostic, ...], related: Callable[[Span], _Related], secrets: "_Secrets") -> tuple[Diagnostic, ...]:
    return tuple(
        diagnostic
        if diagnostic.span is None
        else replace(secrets.hide(diagnostic, diagnostic.span), related=(*diagnostic.related, *related(diagnostic.span)))
        for diagnostic in diagnostics
    )


class _Secrets:
    """What a rendered text has from values, line by line."""

    def __init__(self, text: str, shown: str | None) -> None:
        self._text, self._shown = text, shown

    def hide(self, diagnostic: Diagnostic, span: Span) -> Diagnostic:
        """Return a problem whose words repeat no value that stands where it points."""
        if self._shown is None or self._shown == self._text:
            return diagnostic
        line = source_of_text(self._text, span.path).lines[span.line - 1]
        marked = slice(span.column - 1, span.column - 1 + span.length)
        values = _differing(line[marked], span.text[marked])
        if not values:
            return diagnostic
        from orchestrator.core.secret_lines import hide_texts  # only a rendering that fails pays for it

        words = (hide_texts(text, values) if text else text for text in (diagnostic.summary, diagnostic.detail, diagnostic.hint))
        summary, detail, hint = words
        return replace(diagnostic, summary=summary or "", detail=detail, hint=hint)


def _differing(text: str, shown: str) -> list[str]:
    """Return the stretches of a text that another of the same length does not have, longest first."""
    parts = "".join(mine if mine != other else "\n" for mine, other in zip(text, shown, strict=True)).split("\n")
    return sorted({*filter(None, parts), *([text] if any(parts) else [])}, key=len, reverse=True)

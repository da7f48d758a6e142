"""The steps of a rendered recipe: text that no file holds, so problems also say where it comes from."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.core.project import BuildStep, SyncStep
from orchestrator.documents import MappingNode, ScalarNode, describe, parse_yaml
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
) -> Steps:
    """Read the `build` and `sync` sections of a rendered recipe; problems are reported under `path`.

    Relative paths start from `directory`. With `canisters` (the project's names) the steps' proxies are
    checked. `related` gives the further places of a problem, from its place in `text`. Raise `ManifestError`.
    """
    problems = Problems()
    mapping = _parse(text, path, problems)
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
    try:
        problems.raise_errors()
    except ManifestError as error:
        found = _relate(error.diagnostics, related)
        raise ManifestError(
            "a recipe did not render into build and sync steps", slug="manifest/rendered-recipe", diagnostics=found
        ) from None
    return Steps(build=build, sync=sync, warnings=_relate(problems.warnings, related))


def _parse(text: str, path: Path, problems: Problems) -> MappingNode | None:
    try:
        node = parse_yaml(text, path)
    except DocumentError as error:
        problems.add(error.diagnostics)
        return None
    if isinstance(node, MappingNode):
        return node
    span = node.span if node is not None else Span(path=path, line=1, column=1)
    written = describe(node) if node is not None else describe(ScalarNode(value=None, text="", span=span))
    problems.error("wrong-type", f"a rendered recipe must be a map, not {written}", span, hint="the template must give `build:`")
    return None


def _relate(diagnostics: tuple[Diagnostic, ...], related: Callable[[Span], _Related]) -> tuple[Diagnostic, ...]:
    return tuple(
        diagnostic if diagnostic.span is None else replace(diagnostic, related=(*diagnostic.related, *related(diagnostic.span)))
        for diagnostic in diagnostics
    )

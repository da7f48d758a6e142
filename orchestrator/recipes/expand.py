"""A recipe reference and its template to the text of build and sync steps, with where each line comes from."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from orchestrator.core.addresses import path_text
from orchestrator.core.project import RecipeReference
from orchestrator.errors import Diagnostic, RecipeError, Span
from orchestrator.recipes.configuration import RESERVED_NAME, CheckedConfiguration, check_configuration
from orchestrator.recipes.parameters import RecipeDescription
from orchestrator.recipes.parser import parse_template
from orchestrator.recipes.render import render_template
from orchestrator.recipes.sheet import Rendered
from orchestrator.recipes.template import Template

__all__ = ["Expansion", "TemplateFile", "expand"]

_PARSED_TEMPLATES = 32
"""Templates that are kept in memory, parsed."""
_VALUE_CHARACTER = re.compile("[^\t\n\r\x85\u2028\u2029]")
_HIDDEN = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFile:
    """A template's bytes and where they were found."""

    path: Path
    data: bytes
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A rendered recipe: `text` is YAML with `build` and `sync`, to be reported under `path`.

    `lines[i]` is the line of the template (from 1) that line `i` of the text comes from; `sha256` is
    the hash of the template's bytes. `shown` is the text with `*` for each character of a value, which may be secret.
    """

    text: str
    shown: str
    path: Path
    lines: tuple[int, ...]
    sha256: str
    template: Path
    template_lines: tuple[str, ...]
    reference: RecipeReference
    warnings: tuple[Diagnostic, ...] = ()

    def related(self, span: Span) -> tuple[tuple[Span, str], ...]:
        """Return the places behind one of `text`: the template's line, and the recipe in the manifest."""
        places: list[tuple[Span, str]] = []
        if span.path == self.path and span.line <= len(self.lines):
            line = self.lines[span.line - 1]
            text = self.template_lines[line - 1] if line <= len(self.template_lines) else ""
            indent = len(text) - len(text.lstrip())
            length = max(1, len(text.strip()))
            places.append((Span(path=self.template, line=line, column=indent + 1, length=length, text=text), "rendered from this line"))
        if self.reference.span is not None:
            places.append((self.reference.span, "the recipe is used here"))
        return tuple(places)


def expand(
    reference: RecipeReference,
    template: bytes,
    path: Path,
    *,
    canister: str,
    facts: Mapping[str, object] | None = None,
    description: RecipeDescription | None = None,
) -> Expansion:
    """Render a template for a canister; raise `RecipeError`.

    `path` is where the template's bytes came from (an `address_path` for other machines), `facts` is what `_` holds besides `canister.name`.
    The hash is checked first, on every expansion; then, by the recipe's `description`, the configuration.
    """
    sha256 = hashlib.sha256(template).hexdigest()
    if reference.sha256 is not None and reference.sha256.lower() != sha256:
        raise RecipeError(
            "the recipe's template is not the one that was pinned",
            slug="recipe/checksum",
            detail=f"expected sha256 {reference.sha256}, found {sha256}",
            span=reference.span,
            hint="review the template, then write its new hash as `sha256`",
        )
    text = _decode(template, path, reference)
    checked = CheckedConfiguration(values=reference.configuration)
    try:
        parsed = _parse(text, path)
        if description is not None:
            checked = check_configuration(description, reference)
        data = {**checked.values, RESERVED_NAME: {**(facts or {}), "canister": {"name": canister}}}
        rendered = render_template(parsed, data)
    except RecipeError as error:
        raise _with_use(error, reference) from error
    return Expansion(
        text=rendered.text,
        shown=_hide(rendered),
        path=path.with_name(f"{path.name} (rendered for {canister})"),
        lines=rendered.lines,
        sha256=sha256,
        template=path,
        template_lines=parsed.origin.lines,
        reference=reference,
        warnings=checked.warnings,
    )


@lru_cache(maxsize=_PARSED_TEMPLATES)
def _parse(text: str, path: Path) -> Template:
    """Parse a template; one that many canisters share is parsed once."""
    return parse_template(text, path)


def _hide(rendered: Rendered) -> str:
    pieces, position = [], 0
    for start, end in rendered.values:
        pieces += [rendered.text[position:start], _VALUE_CHARACTER.sub(_HIDDEN, rendered.text[start:end])]
        position = end
    return "".join([*pieces, rendered.text[position:]])


def _with_use(error: RecipeError, reference: RecipeReference) -> RecipeError:
    """Return an error of a template with the place in the manifest: for a value that is missing, where it should have been."""

    def relate(diagnostic: Diagnostic) -> Diagnostic:
        place: tuple[Span | None, str] = (reference.span, "the recipe is used here")
        if diagnostic.slug == "recipe/missing-value" and () in reference.configuration_spans:
            place = (reference.configuration_spans[()], "its configuration is here")
        span, note = place
        if span is None or (diagnostic.span is not None and diagnostic.span.path == span.path):
            return diagnostic
        return replace(diagnostic, related=(*diagnostic.related, (span, note)))

    diagnostics = tuple(map(relate, error.diagnostics))
    return RecipeError(error.summary, slug=error.slug, detail=error.detail, span=error.span, hint=error.hint, diagnostics=diagnostics)


def _decode(template: bytes, path: Path, reference: RecipeReference) -> str:
    try:
        return template.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(
            "the recipe's template is not UTF-8 text",
            slug="recipe/not-utf-8",
            detail=f"{path_text(path)}: byte {error.start} does not belong there",
            span=reference.span,
        ) from error

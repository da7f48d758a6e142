"""Collecting everything that is wrong with a project before saying so once."""

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.errors import Diagnostic, ManifestError, Span

__all__ = ["Problems", "did_you_mean", "listed"]

MAX_PROBLEMS = 100
"""Problems that are reported; more than that is one broken habit, not a hundred mistakes."""


class Problems:
    """The problems and warnings found so far."""

    def __init__(self) -> None:
        self._errors: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._without_effect: set[str] = set()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Return what is wrong so far, in the order in which it was noted."""
        return tuple(self._errors)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Return what is odd but not wrong, in the order of the files."""
        return tuple(sorted(dict.fromkeys(self._warnings), key=_place))

    def error(
        self,
        slug: str,
        summary: str,
        span: Span | None,
        *,
        detail: str | None = None,
        hint: str | None = None,
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """Note something that is wrong; `slug` comes without its `manifest/`."""
        self._errors.append(
            Diagnostic(slug=f"manifest/{slug}", summary=summary, span=span, detail=detail, hint=hint, related=related),
        )

    def warn(
        self,
        slug: str,
        summary: str,
        span: Span | None,
        *,
        detail: str | None = None,
        hint: str | None = None,
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """Note something odd."""
        self._warnings.append(
            Diagnostic(slug=f"manifest/{slug}", summary=summary, severity="warning", span=span, detail=detail, hint=hint, related=related),
        )

    def warn_without_effect(self, key: str, what: str, span: Span, *, detail: str | None = None) -> None:
        """Note, once for each kind of key, that one is read and nothing is done with it yet."""
        if key not in self._without_effect:
            self._without_effect.add(key)
            self.warn("not-supported", f"the key `{key}` in {what} has no effect yet", span, detail=detail)

    def add(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Note problems that were found elsewhere (a document that does not parse)."""
        for diagnostic in diagnostics:
            (self._errors if diagnostic.severity == "error" else self._warnings).append(diagnostic)

    def raise_unreadable(self) -> None:
        """Raise what is known already where a file cannot be read: what follows would guess."""
        if any(error.slug.startswith("document/") or error.slug == "manifest/missing-file" for error in self._errors):
            self.raise_errors()

    def raise_errors(self, *, strict: bool = False) -> None:
        """Raise one `ManifestError` with all errors, in the order of the files; with `strict`, warnings are errors.

        Unknown keys stand beside the errors: a key that is missing may be one of them, misspelt.
        """
        found = [*self._errors, *(replace(warning, severity="error") for warning in self._warnings if strict)]
        if not found:
            return
        if not strict:
            found += [warning for warning in self._warnings if warning.slug == "manifest/unknown-key"]
        found = sorted(dict.fromkeys(found), key=_place)
        if len(found) > 1:
            left = len(found) - MAX_PROBLEMS
            more = f"{left} more {'is' if left == 1 else 'are'} not shown" if left > 0 else None
            raise ManifestError("the project cannot be loaded", detail=more, diagnostics=found[:MAX_PROBLEMS])
        (one,) = found
        raise ManifestError(one.summary, slug=one.slug, detail=one.detail, span=one.span, hint=one.hint, diagnostics=found)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return (str(span.path), span.line, span.column) if span is not None else ("", 0, 0)


def did_you_mean(name: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the hint for a misspelt name, or None where nothing comes as close as `cutoff` (1 is the same)."""
    from difflib import get_close_matches  # only a project with problems pays for it

    close = get_close_matches(name.lower().replace("_", "-"), _spellings(candidates), n=1, cutoff=cutoff)
    return f"did you mean `{_spellings(candidates)[close[0]]}`?" if close else None


def _spellings(candidates: Iterable[str]) -> dict[str, str]:
    return {candidate.lower().replace("_", "-"): candidate for candidate in candidates}


def listed(names: Iterable[str]) -> str:
    """Return names for a message: `a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) <= 1:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"

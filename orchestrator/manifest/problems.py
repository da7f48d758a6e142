"""Collecting everything that is wrong with a project before saying so once."""

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.errors import Diagnostic, ManifestError, Span

__all__ = ["MAX_PROBLEMS", "Problems", "did_you_mean", "is_guess", "is_unreadable", "limit_problems", "listed", "say_left", "sort_problems"]

MAX_PROBLEMS = 100
"""Problems that are reported; more than that is one broken habit, not a hundred mistakes."""


_GUESSES = frozenset(
    f"manifest/{slug}"
    for slug in (
        *("environment-not-defined", "no-canisters", "no-stage"),
        *("unknown-canister", "unknown-controller", "unknown-label", "unknown-network", "unused-override"),
    )
)
"""What would not be wrong if a file had what it is missing."""
_HALVES = frozenset(f"manifest/{slug}" for slug in ("ambiguous-step", "missing-key", "mixed-steps", "no-build", "no-such-step"))
"""What would not be wrong if the other half was there: what `orchestrator.yaml` and the file below it say about one thing."""
_CAUSES = frozenset(f"manifest/{slug}" for slug in ("added-environment", "added-network", "empty-glob", "misnamed-file", "unknown-key"))
"""Warnings of what may be why something else is missing."""
_OVERLAY = "orchestrator.yaml"


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
    def error_count(self) -> int:
        """Return how many errors were noted."""
        return len(self._errors)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Return what is odd but not wrong, in the order of the files."""
        return sort_problems(self._warnings)

    @property
    def warning_count(self) -> int:
        """Return how many warnings were noted."""
        return len(self._warnings)

    def warnings_since(self, count: int) -> tuple[Diagnostic, ...]:
        """Return the warnings that were noted after there were so many."""
        return tuple(self._warnings[count:])

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

    @property
    def complete(self) -> bool:
        """Tell whether every file could be read; where one could not, what others say about it is no mistake of theirs."""
        return not any(is_unreadable(error) for error in self._errors)

    def forget_guesses(self) -> None:
        """Forget what may be wrong only because a file could not be read: that is what is wrong."""
        halved = any(is_unreadable(error) and (error.span is None or error.span.path.name == _OVERLAY) for error in self._errors)
        self._errors = [error for error in self._errors if not is_guess(error, halved=halved)]
        self._warnings = [warning for warning in self._warnings if not is_guess(warning, halved=halved)]

    def raise_errors(self, *, strict: bool = False) -> None:
        """Raise one `ManifestError` with all errors, in the order of the files; with `strict`, warnings are errors.

        Warnings of what may be meant for something that is missing stand beside the errors, such as unknown keys.
        """
        found = [*self._errors, *(replace(warning, severity="error") for warning in self._warnings if strict)]
        if not found:
            return
        if not strict:
            found += [warning for warning in self._warnings if warning.slug in _CAUSES]
        shown, left = limit_problems(found)
        if len(shown) > 1:
            raise ManifestError("the project cannot be loaded", detail=say_left(left), diagnostics=shown)
        (one,) = shown
        raise ManifestError(one.summary, slug=one.slug, detail=one.detail, span=one.span, hint=one.hint, diagnostics=shown)


def is_unreadable(diagnostic: Diagnostic) -> bool:
    """Tell whether a problem is that a file, or what it is expected in, cannot be read."""
    return diagnostic.slug.startswith("document/") or diagnostic.slug == "manifest/missing-file"


def is_guess(diagnostic: Diagnostic, *, halved: bool = False) -> bool:
    """Tell whether a problem may come of a file that could not be read, because what it says is missing may be there.

    `halved` tells that this may be an `orchestrator.yaml`; what such a file adds to may be what is missing as well.
    """
    above = diagnostic.span is not None and diagnostic.span.path.name == _OVERLAY
    return diagnostic.slug in _GUESSES or (diagnostic.slug in _HALVES and (halved or above))


def sort_problems(problems: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return problems in the order of files and lines, each once; what has no place comes first."""
    return tuple(sorted(dict.fromkeys(problems), key=_place))


def limit_problems(problems: Iterable[Diagnostic]) -> tuple[tuple[Diagnostic, ...], int]:
    """Return problems as `sort_problems` does, warnings only where errors leave room, and how many are left out."""
    found = sort_problems(problems)
    kept = sort_problems(sorted(found, key=lambda each: each.severity == "warning")[:MAX_PROBLEMS])
    return kept, len(found) - len(kept)


def say_left(count: int) -> str | None:
    """Return that problems were left out, if some were."""
    return f"{count} more {'is' if count == 1 else 'are'} not shown" if count else None


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

"""What is wrong with recipes of other machines, at their place in the manifest and without secrets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from orchestrator.core.project import RecipeReference
from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.core.registries import is_loopback_url
from orchestrator.engine.pins import Pinned, describe_change, hint_of_change
from orchestrator.errors import Diagnostic, OrchestratorError, RecipeError, StoreError
from orchestrator.store.download import DownloadError

__all__ = ["checksum_error", "describe_pinned", "download_error", "explain_missing", "not_fetched", "refuse_page", "warn_insecure"]

_PAGES: Final = (b"<!doctype", b"<html", b"<?xml")
_BEGINNING_BYTES: Final = 64


def describe_pinned(reference: RecipeReference) -> Pinned:
    """Return what the pins call a remote recipe."""
    return Pinned(kind="recipes", address=reference.address, stated=reference.sha256, span=reference.span)


def checksum_error(reference: RecipeReference, wanted: str, found: str) -> RecipeError:
    """Return the error of a template that is not the one that was pinned."""
    what = describe_pinned(reference)
    return RecipeError(
        "the recipe's template is not the one that was pinned",
        slug="recipe/checksum",
        detail=describe_change(what, wanted, found),
        span=redact_span(reference.span),
        hint=hint_of_change(what),
    )


def download_error(reference: RecipeReference, url: str, error: StoreError, *, pinned: bool) -> OrchestratorError:
    """Return the error of a download as the error of a recipe; what is not about the URL stays as it is.

    What is not `pinned` cannot be found in the package cache, which knows hashes only.
    """
    if error.slug == "download/offline":
        return RecipeError(
            f"the recipe `{redact_url(reference.address)}` is not {'in the package cache' if pinned else 'pinned'}, and nothing is downloaded offline",
            slug="recipe/offline",
            detail=f"its template is at {redact_url(url)}",
            span=redact_span(reference.span),
            hint="run `orchestrator recipe lock` once with a connection, or leave out `--offline`",
        )
    if not error.slug.startswith("download/"):
        return error
    status = error.status if isinstance(error, DownloadError) else None
    return not_fetched(reference, url, error.detail or error.summary, status, settings=error.hint if error.slug in _OWN_HINTS else None)


_OWN_HINTS: Final = frozenset({"download/busy", "download/settings"})
_MISSING: Final[Mapping[int, str]] = {
    401: "the server wants to know who asks: save the template in the project, and write its path",
    403: "the server wants to know who asks: save the template in the project, and write its path",
    404: "check the recipe's name and version: there is nothing at this address",
    410: "check the recipe's name and version: there is nothing at this address any more",
}


def not_fetched(
    reference: RecipeReference, url: str, detail: str, status: int | None = None, *, settings: str | None = None
) -> RecipeError:
    """Return the error of a template that cannot be had; `status` is the server's answer, `settings` another hint."""
    general = "check the address and the connection, or save the template in the project and write its path"
    return RecipeError(
        f"the recipe `{redact_url(reference.address)}` cannot be downloaded",
        slug="recipe/download",
        detail=f"{redact_url(url)}: {detail}",
        span=redact_span(reference.span),
        hint=settings or _MISSING.get(status or 0, general),
    )


def explain_missing(error: RecipeError) -> RecipeError:
    """Return a fault of a remote template; where a value is missing, it says why nothing tells what the recipe takes."""
    if error.slug != "recipe/missing-value":
        return error
    reason = "no `recipe.yaml` comes with a recipe of another machine: what it takes stands in its template"
    diagnostics = [replace(each, detail="\n".join(filter(None, (each.detail, reason)))) for each in error.diagnostics]
    return RecipeError(error.summary, slug=error.slug, detail=error.detail, span=error.span, hint=error.hint, diagnostics=diagnostics)


def refuse_page(reference: RecipeReference, url: str, data: bytes) -> None:
    """Refuse what is no template before it is pinned: servers answer with pages where something is missing."""
    beginning = data[:_BEGINNING_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data.strip() and not beginning.startswith(_PAGES):
        return
    found = "a web page" if data.strip() else "nothing"
    raise RecipeError(
        f"what is at the address of the recipe `{redact_url(reference.address)}` is no template",
        slug="recipe/not-a-template",
        detail=f"{redact_url(url)} sent {found}",
        span=redact_span(reference.span),
        hint="write the address of the template's own text, such as a file of a release",
    )


def warn_insecure(reference: RecipeReference, url: str) -> tuple[Diagnostic, ...]:
    """Return a warning about a template that anybody between could change, and that nobody has pinned."""
    if not url.startswith("http://") or is_loopback_url(url):
        return ()
    return (
        Diagnostic(
            slug="recipe/insecure",
            summary=f"the recipe `{redact_url(reference.address)}` is downloaded over http, where anybody between can change it",
            severity="warning",
            span=redact_span(reference.span),
            hint="write `https://`, or the template's `sha256` below its `type`",
        ),
    )

"""URLs as they may be shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.redaction import redact_span, redact_url, redact_urls
from orchestrator.errors import Span

SPAN = Span(path=Path("icp.yaml"), line=3, column=1)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a/b.wasm", "https://example.com/a/b.wasm"),
        ("https://me@example.com/a", "https://***@example.com/a"),
        ("https://me:secret@example.com:8080/a", "https://***@example.com:8080/a"),
        ("https://me:se@cret@example.com/a", "https://***@example.com/a"),
        ("https://me:se/cret@example.com/a", "https://***@example.com/a"),
        ("https://example.com/@scope/a", "https://example.com/@scope/a"),
        ("https://example.com:8080/@scope/a", "https://example.com:8080/@scope/a"),
        ("https://example.com/a?token=secret&b=2", "https://example.com/a?token=***&b=***"),
        ("https://example.com/a?secret", "https://example.com/a?***"),
        ("https://example.com/a#secret", "https://example.com/a"),
        ("not a URL", "not a URL"),
        ("", ""),
    ],
)
def test_secrets_of_a_url_are_left_out(url: str, shown: str) -> None:
    """User, password, values of the query and the fragment are not shown; the rest is."""
    assert redact_url(url) == shown


def test_urls_in_a_text() -> None:
    """Every URL of a text is shown so, and nothing else of it changes."""
    assert redact_urls("see 'https://a:b@c.test/d?e=f', or <http://g.test>") == "see 'https://***@c.test/d?e=***', or <http://g.test>"


def test_a_place_shows_no_secrets() -> None:
    """The caret still stands below the URL in a line that is shown without its secrets."""
    url = "https://me:secret@example.com/a?b=c"
    place = replace(SPAN, column=6, length=len(url), text=f"url: {url}  # here")

    shown = redact_span(place)

    assert shown is not None
    assert shown.text == "url: https://***@example.com/a?b=***  # here"
    assert shown.text[shown.column - 1 :][: shown.length] == "https://***@example.com/a?b=***"


@pytest.mark.parametrize("span", [None, replace(SPAN, text="path: plugin.wasm", length=4)])
def test_other_places_stay(span: Span | None) -> None:
    """A place without a URL is left alone."""
    assert redact_span(span) is span

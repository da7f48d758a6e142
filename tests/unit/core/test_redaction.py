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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("url: http://me:hun'ter2@c.test/d", "url: http://***@c.test/d"),
        ('{url: "http://me:<hunter2>@c.test/d", a: 1}', '{url: "http://***@c.test/d", a: 1}'),
        ("url: http://c.test/d?e=hun'ter2", "url: http://c.test/d?e=***"),
        ("'http://c.test/d?e=f', 'http://a:b@g.test'", "'http://c.test/d?e=***', 'http://***@g.test'"),
        ("`HTTPS://me:hunter2@c.test`", "`HTTPS://***@c.test`"),
    ],
)
def test_secrets_with_odd_characters(text: str, shown: str) -> None:
    """What ends a URL elsewhere may be in a password, and an apostrophe in a token."""
    assert redact_urls(text) == shown


def test_a_long_line_is_read_once() -> None:
    """A line of a megabyte, such as one with arguments in hexadecimal, takes no longer than it is long."""
    line = "4449444c" * 130_000

    assert redact_urls(f"{line} http://me:hunter2@c.test {line}") == f"{line} http://***@c.test {line}"


@pytest.mark.parametrize("url", ["http://me:hunter 2@c.test/d", "'http://me:hunter 2@c.test/d'", '"http://c.test/?a=hunter 2"'])
def test_a_url_that_is_pointed_at_is_known_whole(url: str) -> None:
    """Even one with spaces, which is none, shows no secret where the caret says how long it is."""
    shown = redact_span(replace(SPAN, column=6, length=len(url), text=f"url: {url}, x: y"))

    assert shown is not None
    assert "2" not in shown.text
    assert shown.text.endswith(", x: y")
    assert shown.text[shown.column - 1 :][: shown.length].strip("'\"").startswith("http://")


def test_a_place_shows_no_secrets() -> None:
    """The caret still stands below the URL in a line that is shown without its secrets."""
    url = "https://me:secret@example.com/a?b=c"
    place = replace(SPAN, column=6, length=len(url), text=f"url: {url}  # here")

    shown = redact_span(place)

    assert shown is not None
    assert shown.text == "url: https://***@example.com/a?b=***  # here"
    assert shown.text[shown.column - 1 :][: shown.length] == "https://***@example.com/a?b=***"


@pytest.mark.parametrize("length", [1, 7, 10, 14, 20, 30])
def test_a_mark_below_a_part_of_a_url_hides_all_of_it(length: int) -> None:
    """Wherever the caret ends, the rest of the URL behind it is not shown either."""
    shown = redact_span(replace(SPAN, column=6, length=length, text="url: https://me:secret@example.com/a?b=secret, x: y"))

    assert shown is not None
    assert "secret" not in shown.text
    assert shown.column <= len(shown.text) + 1


def test_a_mark_within_what_is_hidden_stays_in_the_line() -> None:
    """A caret far inside of a secret that is replaced by a few stars does not stand behind the end of the line."""
    line = '"https://a.test/?token=a-very-long-secret'
    shown = redact_span(replace(SPAN, column=len(line) - 2, length=1, text=line))

    assert shown is not None
    assert "secret" not in shown.text
    assert 1 <= shown.column <= len(shown.text) + 1


@pytest.mark.parametrize("span", [None, replace(SPAN, text="path: plugin.wasm", length=4)])
def test_other_places_stay(span: Span | None) -> None:
    """A place without a URL is left alone."""
    assert redact_span(span) is span

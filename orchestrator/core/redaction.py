"""Addresses as they may be shown: what could be a secret in them is left out."""

import re
from dataclasses import replace

from orchestrator.errors import Span

__all__ = ["HIDDEN", "redact_span", "redact_url", "redact_urls"]

HIDDEN = "***"
_SCHEME = r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}://"  # bounded: a line may be a megabyte of hexadecimal digits
# Passwords may have what ends a URL elsewhere, and a value of a query may have an apostrophe within.
_URL = re.compile(rf"{_SCHEME}(?:[^\s/?#]*@)?(?:[^\s'\"`<>]|'(?=[\w~%=&-]))+")
_QUOTED_URL = re.compile(rf"""(?P<quote>['"]?)(?P<url>{_SCHEME}.*)(?P=quote)""", re.DOTALL)
_ENDS = frozenset(("", *" \t,;}])'\"`<>"))
"""What may stand behind a URL in a line."""
_QUERY_VALUE = re.compile(r"(?<==)[^&;]+")
_BARE_QUERY = re.compile(r"[^=]+")


def redact_url(url: str) -> str:
    """Return a URL without its user and password, without the values of its query, and without its fragment.

    It need not be well-formed: what stands before the last `@` of the authority goes, whatever it is.
    """
    head, _, _ = url.partition("#")
    address, question, query = head.partition("?")
    scheme, separator, rest = address.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        _, at, host = authority.rpartition("@")
        # A password may have a slash that should have been encoded: then the `@` stands in what looks like the path.
        if not at and "@" in path and not authority.rpartition(":")[2].isdecimal() and ":" in authority:
            _, at, host = rest.rpartition("@")
            slash = path = ""
        address = f"{scheme}://{f'{HIDDEN}@{host}' if at else authority}{slash}{path}"
    return f"{address}{question}{_hide_values(query)}"


def _hide_values(query: str) -> str:
    """Keep a query's names; one without names is a value as a whole."""
    return _QUERY_VALUE.sub(HIDDEN, query) if "=" in query else _BARE_QUERY.sub(HIDDEN, query)


def redact_urls(text: str) -> str:
    """Return a text with every URL in it as `redact_url` shows it."""
    return _URL.sub(lambda found: redact_url(found.group()), text)


def redact_span(span: Span | None) -> Span | None:
    """Return a place whose line shows no secrets of URLs; the caret keeps standing below what it stood below."""
    if span is None:
        return None
    start = span.column - 1
    before, marked, after = span.text[:start], span.text[start : start + span.length], span.text[start + span.length :]
    # Of a URL that is marked as a whole it is known where it ends, whatever is in it; what is marked may be a part of one.
    whole = _QUOTED_URL.fullmatch(marked) if after[:1] in _ENDS else None
    hidden = redact_urls(marked) if whole is None else f"{whole['quote']}{redact_url(whole['url'])}{whole['quote']}"
    parts = redact_urls(before) + hidden + redact_urls(after)
    text = redact_urls(span.text) if whole is None else parts
    if text == span.text:
        return span
    if parts != text:
        return replace(span, text=text, column=min(span.column, len(text) + 1))
    return replace(span, text=text, column=len(redact_urls(before)) + 1, length=max(1, len(hidden)))

"""Tokens: what stands there, where, and what is no token."""

from pathlib import Path

import pytest

from orchestrator.candid.lexer import Source, tokenize
from orchestrator.errors import CandidSyntaxError


def tokens(text: str) -> list[tuple[str, str]]:
    """Return the kinds and texts of all tokens but the end."""
    return [(token.kind, token.text) for token in tokenize(Source(text, Path("x.did")))[:-1]]


def test_kinds() -> None:
    """Names, reserved words, numbers and marks are told apart."""
    assert tokens("record nat -> 1_000 0xfF_0 1.5 .5 1e-3 2.e+4 ( a_1 )") == [
        ("word", "record"),
        ("name", "nat"),
        ("mark", "->"),
        ("decimal", "1000"),
        ("hex", "fF0"),
        ("float", "1.5"),
        ("float", ".5"),
        ("float", "1e-3"),
        ("float", "2.e+4"),
        ("mark", "("),
        ("name", "a_1"),
        ("mark", ")"),
    ]


def test_strings() -> None:
    """Escapes give bytes: raw ones too, so that blobs can be written."""
    (token, _) = tokenize(Source(r'"a\n\t\r\\\"\'\u{1F6_00}\ff\0aé"', Path("x")))

    assert token.data == b"a\n\t\r\\\"'\xf0\x9f\x98\x80\xff\n\xc3\xa9"


def test_comments_nest() -> None:
    """Line comments and nested block comments are left out."""
    assert tokens("a // b\n/* c /* d */ e // */ f") == [("name", "a"), ("name", "f")]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a\n  ?", "`?` means nothing here", (2, 3, 1)),
        ("a /* b", "a comment is not closed", (1, 3, 2)),
        ('x\n"abc', "a string is not closed", (2, 1, 4)),
        (r'"a\qb"', r"`\q` is not an escape", (1, 3, 2)),
        (r'"\u{110000}"', "no Unicode character", (1, 2, 10)),
        (r'"\u{d800}"', "no Unicode character", (1, 2, 8)),
        (r'"\u{fffffffffffffffffff}"', "no Unicode character", (1, 2, 23)),
        ('"\ud800"', "not valid Unicode", (1, 2, 1)),
    ],
)
def test_errors_point_at_the_place(text: str, message: str, place: tuple[int, int, int]) -> None:
    """What is no token raises `CandidSyntaxError` with line, column and length."""
    with pytest.raises(CandidSyntaxError) as caught:
        tokens(text)

    span = caught.value.span
    assert message in caught.value.summary
    assert span is not None
    assert (span.line, span.column, span.length) == place
    assert span.text == text.splitlines()[span.line - 1]

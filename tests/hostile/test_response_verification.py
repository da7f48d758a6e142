"""What canisters may send as certificates: refused or verified, and never a failure."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError
from orchestrator.protocol import cbor
from orchestrator.protocol.response_verification import BodyHasher, CertificateCache, CertifiedRequest, CertifiedResponse, verify_response
from orchestrator.protocol.response_verification.expression import MAX_EXPRESSION_CHARACTERS, parse_expression
from orchestrator.protocol.response_verification.header import MAX_HEADER_CHARACTERS, parse_certificate_header
from tests.support.authority import Authority
from tests.support.certified_pages import Page, certify_pages, expression

EXAMPLES = 40
NOW = 1_700_000_000_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
AUTHORITY = Authority()
PAGE = Page(path=("http_expr", "<*>"))
HEADERS = certify_pages([PAGE], authority=AUTHORITY, canister=CANISTER, time_ns=NOW)
CACHE = CertificateCache(AUTHORITY.root_key)


def verifies(headers: tuple[tuple[str, str], ...], url: str = "/") -> bool:
    """Tell whether a response verifies; any error but the one for refusals comes through."""
    hasher = BodyHasher()
    hasher.update(PAGE.body)
    try:
        verify_response(
            CertifiedRequest(method="GET", url=url),
            CertifiedResponse(status=PAGE.status, headers=headers, body=hasher.digest()),
            canister_id=CANISTER,
            check_certificate=lambda data: CACHE.verify(data, canister_id=CANISTER, now_ns=NOW),
        )
    except CertificateError:
        return False
    return True


def changed(name: str, value: str) -> tuple[tuple[str, str], ...]:
    """Return the headers with another value for one of them."""
    return tuple((key, value if key == name else text) for key, text in HEADERS)


def read(text: str) -> str:
    """Return what became of an expression's text: `expression`, or why it is none."""
    try:
        parse_expression(text)
    except CertificateError as error:
        return error.slug
    return "expression"


@settings(max_examples=EXAMPLES)
@given(text=st.text(max_size=60))
def test_any_certificate_header_is_refused(text: str) -> None:
    """Text that nobody certified proves nothing."""
    assert not verifies(changed("IC-Certificate", text))


@settings(max_examples=EXAMPLES)
@given(start=st.integers(0, 2000), length=st.integers(1, 30), text=st.text(st.sampled_from("AZaz09+/=:, \n\x00é"), max_size=20))
def test_a_certificate_header_with_another_middle_is_refused_or_the_same(start: int, length: int, text: str) -> None:
    """Cut and filled anywhere, it ends in a refusal, or says the same in other words."""
    value = dict(HEADERS)["IC-Certificate"]
    assert verifies(changed("IC-Certificate", value[:start] + text + value[start + length :])) in {False, True}


@settings(max_examples=EXAMPLES)
@given(text=st.text(st.sampled_from('{}()[]:,"_abEmpty \n\\') | st.characters(), max_size=80))
def test_any_expression_is_refused_or_read(text: str) -> None:
    """The parser of expressions ends on everything."""
    assert read(text) in {"expression", "protocol/response-expression"}


@settings(max_examples=EXAMPLES)
@given(start=st.integers(0, 200), length=st.integers(0, 20), text=st.text(max_size=10))
def test_an_expression_that_was_changed_certifies_nothing(start: int, length: int, text: str) -> None:
    """Another text has another hash, whatever it means."""
    other = PAGE.expression[:start] + text + PAGE.expression[start + length :]
    assert verifies(changed("IC-CertificateExpression", other)) is (other == PAGE.expression)


@settings(max_examples=EXAMPLES)
@given(url=st.text(max_size=30))
def test_any_url_is_looked_up(url: str) -> None:
    """A wildcard for everything answers every path, or the path is not one; nothing fails."""
    assert verifies(HEADERS, url) in {True, False}


@pytest.mark.parametrize(
    "make",
    [
        lambda: parse_expression("[" * 10_000),
        lambda: parse_expression("a(" * 5_000),
        lambda: parse_expression("a{b:" * 3_000),
        lambda: parse_expression(expression() + " " * MAX_EXPRESSION_CHARACTERS),
        lambda: parse_certificate_header("certificate=:AA:," * (MAX_HEADER_CHARACTERS // 16)),
        lambda: parse_certificate_header("certificate=:AA:, tree=:" + "ggMB" * 10_000 + ":"),
    ],
    ids=["lists", "calls", "objects", "long", "fields", "tree"],
)
def test_depth_and_length_have_an_end(make: Callable[[], object]) -> None:
    """What is too deep or too long is refused before it costs anything."""
    with pytest.raises(CertificateError):
        make()


def test_a_path_of_many_segments_is_looked_up_once() -> None:
    """The work grows with the path's length, not with its square: 30,000 segments would take minutes otherwise."""
    assert verifies(HEADERS, "/a" * 30_000)


def test_a_deep_tree_is_refused() -> None:
    """A tree that nests without end is refused by its depth, not by the machine's stack."""
    tree: object = [3, b""]
    for _ in range(150):
        tree = [2, b"a", tree]
    value = base64.b64encode(cbor.dumps(tree)).decode()
    assert not verifies(changed("IC-Certificate", f"certificate=:AA:, tree=:{value}:, version=2, expr_path=:gA==:"))

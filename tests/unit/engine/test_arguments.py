"""Install arguments become bytes, typed by the module that gets them."""

from pathlib import Path

import pytest

from orchestrator import candid
from orchestrator.candid import types as T
from orchestrator.core.project import Arguments, Canister
from orchestrator.engine.arguments import EMPTY_ARGUMENTS, encode_arguments, install_arguments
from orchestrator.errors import DeployError, Span

SPAN = Span(path=Path("icp.yaml"), line=7, column=5)


def encode(content: str | bytes, *, service: bytes | None = None, **fields: object) -> bytes:
    """Encode one argument text."""
    return encode_arguments(Arguments(content=content, span=SPAN, **fields), service, canister="api")  # type: ignore[arg-type]  # the test's choice


def test_text_is_typed_by_the_module() -> None:
    """A module that says what it takes gets exactly that type."""
    assert encode("(5)", service=b"service : (nat8) -> {}") == candid.encode([T.NAT8], [5])


@pytest.mark.parametrize("service", [None, b"service : {}", b"this is no interface", b"\xff"])
def test_without_types_they_are_inferred(service: bytes | None) -> None:
    """A module that says nothing, or nothing readable, gets what the text looks like, as icp-cli does."""
    assert encode("(5)", service=service) == candid.encode([T.INT], [5])


def test_other_formats_are_bytes() -> None:
    """Hex and binary arguments are taken as they are; no arguments are an empty tuple."""
    assert encode("4449444c0000", format="hex") == EMPTY_ARGUMENTS
    assert encode(b"raw", format="bin") == b"raw"
    assert encode_arguments(None, None, canister="api") == EMPTY_ARGUMENTS


@pytest.mark.parametrize(
    ("content", "fields", "service"),
    [("(5", {}, None), ("4g", {"format": "hex"}, None), ('("text")', {}, b"service : (nat8) -> {}")],
)
def test_what_cannot_be_encoded_has_its_place(content: str, fields: dict[str, object], service: bytes | None) -> None:
    """The error points at the manifest and says what is wrong."""
    with pytest.raises(DeployError) as caught:
        encode(content, service=service, **fields)

    assert caught.value.slug == "deploy/arguments"
    assert caught.value.span == SPAN
    assert caught.value.detail


@pytest.mark.parametrize("content", ["(hunter2)", '(principal "hunter2")', "(12hunter2)", '(record { a = "hunter2" b })', '("hunter2")'])
def test_what_arguments_hold_is_not_repeated(content: str) -> None:
    """They may be secret: the error says where they are wrong, and not with what."""
    with pytest.raises(DeployError) as caught:
        encode(content, service=b"service : (nat8) -> {}")

    assert "hunter2" not in f"{caught.value} {caught.value.detail}"
    assert content == '("hunter2")' or "line 1, column " in str(caught.value.detail)


def test_an_upgrade_may_have_its_own(tmp_path: Path) -> None:
    """Without `upgrade_args` an upgrade gets what the install got."""
    first = Arguments(content=b"one", format="bin")
    plain = Canister(name="api", directory=tmp_path, init_args=first)
    special = Canister(name="api", directory=tmp_path, init_args=first, upgrade_args=Arguments(content=b"two", format="bin"))

    assert install_arguments(plain, {}) == (b"one", b"one")
    assert install_arguments(special, {}) == (b"one", b"two")

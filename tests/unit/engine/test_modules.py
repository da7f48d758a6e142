"""A module is recognised before anybody tries to install it."""

import gzip

import pytest

from orchestrator.engine.modules import describe_defect, load_metadata
from tests.support.projects import make_wasm


@pytest.mark.parametrize("data", [make_wasm(), gzip.compress(make_wasm("x"))], ids=["plain", "gzipped"])
def test_modules_are_accepted(data: bytes) -> None:
    """Plain and gzipped modules are what networks take."""
    assert describe_defect(data) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"hello", "68 65 6c 6c"),
        (b"\0asm\x0d\0\1\0", "component"),
        (b"\0asm\2\0\0\0", "version"),
        (b"\x1f\x8bnot gzip", "gzip"),
        (gzip.compress(b"hello world"), "68 65 6c 6c"),
    ],
    ids=["empty", "text", "component", "version", "not-gzip", "gzipped-text"],
)
def test_anything_else_is_described(data: bytes, said: str) -> None:
    """The defect says what the bytes are instead."""
    defect = describe_defect(data)

    assert defect is not None
    assert said in defect


def test_metadata_is_found() -> None:
    """The interface of a module is in its custom section, gzipped or not."""
    wasm = make_wasm("m", service="service : {}")

    assert load_metadata(wasm) == {"candid:service": b"service : {}"}
    assert load_metadata(gzip.compress(wasm)) == {"candid:service": b"service : {}"}


@pytest.mark.parametrize("cut", range(8, 40))
def test_torn_modules_have_no_metadata(cut: int) -> None:
    """A module that ends too early is no reason to fail."""
    assert load_metadata(make_wasm("m", service="service : {}")[:cut]).keys() <= {"candid:service"}

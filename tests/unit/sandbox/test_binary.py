"""The reader of component binaries."""

import pytest

from orchestrator.sandbox.binary import COMPONENT_HEADER, MAX_OUTLINE_BYTES, MAX_SECTIONS, NotUnderstoodError, Section, Sort, read_outline
from tests.support.components import OK, Guest, assemble, component_that_returns_ok


def test_counts_and_indices() -> None:
    """Imports have their index in their own sort's space, and the prefix says how many there are."""
    outline = read_outline(Guest().plugin(OK, wasi=("stdio", "files", "sockets")))
    functions = [item for item in outline.imports if item.sort is Sort.FUNCTION]
    instances = [item for item in outline.imports if item.sort is Sort.INSTANCE]

    assert [(item.name, item.index) for item in functions] == [("canister-call", 0)]
    assert [item.index for item in instances] == list(range(len(instances)))
    assert outline.counts[Sort.INSTANCE] == len(instances)
    assert outline.counts[Sort.FUNCTION] == 1


def test_every_type_form() -> None:
    """All forms of types that WIT can express are skipped by their own length."""
    outline = read_outline(
        assemble("""(component
          (type $a (record (field "x" u8) (field "y" (list string)))) (type (variant (case "a" $a) (case "b")))
          (type (tuple u8 char)) (type (flags "a" "b")) (type (enum "a")) (type (option f32)) (type (result $a (error s64)))
          (type (result)) (type (func (param "p" bool) (result u16))) (type (func))
          (type (component (import "i" (func)) (export "e" (func)))) (type (resource (rep i32)))
          (import "res" (type $r (sub resource))) (import "own" (func (param "r" (own $r)) (param "b" (borrow $r))))
          (import "same" (type (eq $a))))""")
    )

    assert [(item.name, item.sort) for item in outline.imports] == [("res", Sort.TYPE), ("own", Sort.FUNCTION), ("same", Sort.TYPE)]


def test_custom_sections_are_left_out_of_the_prefix() -> None:
    """A name section between imports does not stop the prefix, and is not copied."""
    plain = component_that_returns_ok()
    with_custom = plain[:8] + b"\x00\x05\x04note" + plain[8:]

    assert read_outline(with_custom).prefix == read_outline(plain).prefix
    assert read_outline(with_custom).plain_prefix


def test_an_import_after_a_definition() -> None:
    """Then the prefix is not all that the component imports, and wrapping is off the table."""
    outline = read_outline(assemble('(component (import "a" (func)) (core module) (import "b" (func)))'))

    assert [item.name for item in outline.imports] == ["a", "b"]
    assert not outline.plain_prefix


def test_more_than_is_read() -> None:
    """What would take minutes to walk is left to the compiler's process, which can be ended."""
    plain = component_that_returns_ok()
    types = b"\x07\x82\x80\x04" + b"\xff\xff\x03" + b"\x7d" * 0xFFFF  # 65535 times `u8`, after the two lengths

    with pytest.raises(NotUnderstoodError, match="sections"):
        read_outline(plain + b"\x00\x02\x01a" * (MAX_SECTIONS + 1))
    with pytest.raises(NotUnderstoodError, match="bytes of types"):
        read_outline(plain[:8] + types * (MAX_OUTLINE_BYTES // len(types) + 1) + plain[8:])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0asm\x01\0\0\0",
        b"\0asm\x0d\0\x01\0\x07",  # a section without a length
        b"\0asm\x0d\0\x01\0\x07\x10\x01",  # a section longer than the file
        b"\0asm\x0d\0\x01\0\x07\x02\x01\x30",  # a type of no known kind
        b"\0asm\x0d\0\x01\0\x07\x06\xff\xff\xff\xff\xff\xff",  # a number that does not end
        b"\0asm\x0d\0\x01\0\x07\x05\xff\xff\xff\xff\x0f",  # four thousand million types
        b"\0asm\x0d\0\x01\0\x07\x03\x01\x7f\x00",  # bytes after the last entry
        b"\0asm\x0d\0\x01\0\x0a\x05\x01\x00\x01\xff\x01",  # a name that is not UTF-8
        b"\0asm\x0d\0\x01\0\x07\xc1\x02\x01" + b"\x42\x01\x01" * 106 + b"\x7f",  # types in types in types
    ],
)
def test_not_understood(data: bytes) -> None:
    """Damage and unknown parts are one kind of error, whatever they are."""
    with pytest.raises(NotUnderstoodError):
        read_outline(data)


def nested(body: bytes, depth: int) -> bytes:
    """Put a component of these sections into `depth` components, as a section."""
    for _ in range(depth):
        whole = COMPONENT_HEADER + body
        body = bytes([Section.COMPONENT, len(whole)]) + whole
    return body


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("sort", [Sort.TYPE, Sort.COMPONENT], ids=["type", "component"])
def test_aliases_that_lead_out(depth: int, sort: Sort) -> None:
    """What an alias of the plugin names lies in the plugin: alone it is invalid otherwise, but not inside the wrapping component."""
    plugin = component_that_returns_ok()
    within = nested(bytes([Section.ALIAS, 5, 1, sort, 2, depth, 0]), depth)
    outside = nested(bytes([Section.ALIAS, 5, 1, sort, 2, depth + 1, 0]), depth)

    assert read_outline(plugin + within) == read_outline(plugin)
    with pytest.raises(NotUnderstoodError, match="leads out"):
        read_outline(plugin + outside)


def test_aliases_of_types_that_lead_out() -> None:
    """Types of instances and components are scopes of their own for aliases."""
    plugin = component_that_returns_ok()
    within, outside = (bytes([Section.TYPE, 8, 1, 0x42, 1, 2, 3, 2, count, 0]) for count in (1, 2))

    assert read_outline(plugin + within) == read_outline(plugin)
    with pytest.raises(NotUnderstoodError, match="leads out"):
        read_outline(plugin + outside)

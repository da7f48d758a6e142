"""The .did parser: what files mean, and errors that point at the place."""

from pathlib import Path

import pytest

from orchestrator.candid import Interface, load_interface_file, parse_interface
from orchestrator.candid import types as T
from orchestrator.candid.interface import MAX_IMPORTS
from orchestrator.candid.interface_files import MAX_FILE_BYTES
from orchestrator.candid.stream import MAX_NESTING
from orchestrator.errors import CandidError, CandidSyntaxError


def methods(interface: Interface) -> dict[str, str]:
    """Return the methods of an interface as text."""
    assert interface.service is not None
    return {name: str(function) for name, function in interface.service.methods.items()}


def test_what_other_libraries_lose() -> None:
    """Named arguments, methods that are named types, quoted names, field ids, and a missing last semicolon all count."""
    interface = parse_interface(
        """
        type F = func (nat) -> (text) query; /* a /* nested */ comment */
        service name : (opt text, init : record { 5 : nat }) -> {
          "my method" : (x : nat, "y z" : text) -> (result : blob) composite_query;
          foo : F;
          notify : (record { nat; 7 : text; bool }, service { bar : F }) -> () oneway
        }
        """
    )

    assert methods(interface) == {
        "my method": "func (nat, text) -> (blob) composite_query",
        "foo": "func (nat) -> (text) query",
        "notify": "func (record { 0 : nat; 7 : text; 8 : bool }, service { bar : (nat) -> (text) query }) -> () oneway",
    }
    assert list(map(str, interface.init_arguments)) == ["opt text", "record { 5 : nat }"]


def test_names_are_replaced() -> None:
    """A name is the type that it stands for; only what recurs keeps its name, where it recurs."""
    interface = parse_interface(
        "type A = opt B; type B = record { x : C }; type C = nat; type L = opt record { nat; L }; service : { f : (A, L) -> () }"
    )

    assert interface.types["A"] == T.Opt(T.record({"x": T.NAT}))
    assert str(interface.types["L"]) == "opt record { nat; L }"
    assert methods(interface) == {"f": "func (opt record { x : nat }, opt record { nat; L }) -> ()"}


def test_a_file_of_types_only() -> None:
    """Without a service there is none; an empty file is fine."""
    assert parse_interface("type A = nat;").service is None
    assert parse_interface("").types == {}


def test_many_names_of_one_type_are_read() -> None:
    """Each name is followed once, however long the chain: 10,000 of them would take a quarter of a minute otherwise."""
    chain = "".join(f"type T{number} = T{number + 1};" for number in range(10_000))
    assert len(parse_interface(f"{chain} type T10000 = nat;").types) == 10_001


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("service : { f : (Token) -> () }; // x", "type `Token` is not defined", (1, 18, 5)),
        ("type A = B;\ntype B = A;", "type `A` is defined as itself", (1, 6, 1)),
        ("type A = nat;\ntype A = nat;", "type `A` is defined twice", (2, 6, 1)),
        ("service : { f : () -> (); f : () -> () }", "method `f` is there twice", (1, 27, 1)),
        ("type A = record { a : nat; a : nat };", "`a` is there twice", (1, 28, 1)),
        ("type A = variant { a; 97 };", "`97` and `a` have the same field id 97", (1, 23, 2)),
        ("service : { f : (x : nat, x : nat) -> () }", "argument `x` is there twice", (1, 27, 1)),
        ("service : { f : () -> () query oneway }", "at most one annotation", (1, 32, 6)),
        ("service : { f : () -> (nat) oneway }", "a oneway function has no results", (1, 29, 6)),
        ("type N = nat; service : { f : N }", "`N` is not a function type", (1, 31, 1)),
        ("type N = nat; service : N", "this type is not a service", (1, 25, 1)),
        ("service : { query : () -> () }", "expected a name, found `query`", (1, 13, 5)),
        ("type A = record { 4294967296 : nat };", "a field id is at most 4294967295", (1, 19, 10)),
        ("type A = record { 4294967295 : nat; nat };", "a field id is at most 4294967295", (1, 37, 3)),
        ("type A = nat", "", None),
        ("type A = nat type B = nat", "expected `;`, found `type`", (1, 14, 4)),
        ("type A = (nat)", "expected a type, found `(`", (1, 10, 1)),
        ("service : {}; type A = nat;", "nothing may follow the service", (1, 15, 4)),
        ("hello", "expected `type`, `import` or `service`", (1, 1, 5)),
        ('type "A" = nat;', "expected a name for the type", (1, 6, 3)),
        ("service : { f : (nat -> () }", "expected `,` or `)`, found `->`", (1, 22, 2)),
        ('import "other.did";', "`other.did` cannot be imported here", (1, 8, 11)),
    ],
)
def test_errors_point_at_the_place(text: str, message: str, place: tuple[int, int, int] | None) -> None:
    """Every mistake is told in one sentence, with path, line, column and length."""
    if place is None:
        assert parse_interface(text).service is None
        return
    with pytest.raises(CandidSyntaxError) as caught:
        parse_interface(text, path=Path("x.did"))

    span = caught.value.span
    assert message in caught.value.summary
    assert span is not None
    assert (span.line, span.column, span.length) == place
    assert span.path == Path("x.did")


def test_hints() -> None:
    """A name that is almost a known one is suggested; a reserved word is told to be quoted."""
    with pytest.raises(CandidSyntaxError) as near:
        parse_interface("type Token = nat; service : { f : (Tokn) -> () }")
    with pytest.raises(CandidSyntaxError) as reserved:
        parse_interface("service : { record : () -> () }")

    assert near.value.hint == "did you mean `Token`?"
    assert reserved.value.hint == 'put it in quotes: "record"'


def test_nesting_is_capped() -> None:
    """A type nested deeper than the cap is refused by name, however deep."""
    assert parse_interface(f"type A = {'opt ' * (MAX_NESTING - 1)}nat;").types
    for depth in (MAX_NESTING, 100_000):
        with pytest.raises(CandidSyntaxError) as caught:
            parse_interface(f"type A = {'opt ' * depth}nat;")
        assert caught.value.slug == "candid/too-deep"


def test_long_chains_of_names() -> None:
    """Names that lead to names, thousands deep, need no recursion."""
    chain = "".join(f"type A{index} = opt A{index + 1};" for index in range(3000))

    assert len(parse_interface(f"{chain} type A3000 = nat;").types) == 3001


def write(folder: Path, **files: str) -> None:
    """Write .did files by name."""
    for name, text in files.items():
        (folder / f"{name}.did").write_text(text, encoding="utf-8")


def test_imports(tmp_path: Path) -> None:
    """`import` brings types, `import service` methods too; a file that two others import counts once."""
    write(
        tmp_path,
        main='import "a.did"; import service "b.did"; service : (A) -> { main : (A, B) -> () }',
        a='import "c.did"; type A = record { c : C }; service : { not_merged : () -> () }',
        b='import "c.did"; type B = vec C; service : { merged : (B) -> () }',
        c="type C = nat;",
    )

    interface = load_interface_file(tmp_path / "main.did")

    assert methods(interface) == {"main": "func (record { c : nat }, vec nat) -> ()", "merged": "func (vec nat) -> ()"}
    assert sorted(interface.types) == ["A", "B", "C"]
    assert list(map(str, interface.init_arguments)) == ["record { c : nat }"]


@pytest.mark.parametrize(
    ("files", "slug"),
    [
        ({"main": 'import "main.did";'}, "candid/import-cycle"),
        ({"main": 'import "a.did";', "a": 'import "main.did";'}, "candid/import-cycle"),
        ({"main": 'import "a.did"; type A = nat;', "a": "type A = nat;"}, "candid/duplicate-type"),
        ({"main": 'import service "a.did"; service : { f : () -> () }', "a": "service : { f : () -> () }"}, "candid/duplicate-name"),
        ({"main": 'import service "a.did";', "a": "type A = nat;"}, "candid/import"),
        ({"main": 'import "none.did";'}, "candid/unreadable-file"),
    ],
)
def test_imports_that_make_no_sense(tmp_path: Path, files: dict[str, str], slug: str) -> None:
    """Cycles, clashes and missing files raise with their slug."""
    write(tmp_path, **files)
    with pytest.raises(CandidError) as caught:
        load_interface_file(tmp_path / "main.did")

    assert caught.value.slug == slug


def test_imports_are_capped() -> None:
    """Files that import more and more files are stopped at the limit."""

    def endless(name: str, _importer: Path | None) -> tuple[Path, str]:
        number = int(name.removesuffix(".did"))
        return Path(name), f'import "{number + 1}.did";'

    with pytest.raises(CandidSyntaxError, match=f"more than {MAX_IMPORTS} files"):
        parse_interface('import "1.did";', imports=endless)


def test_huge_files_are_refused(tmp_path: Path) -> None:
    """A file beyond the limit is not even parsed."""
    path = tmp_path / "x.did"
    path.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(CandidError, match="larger than"):
        load_interface_file(path)


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is no text raises `CandidError` instead of a decoding error."""
    path = tmp_path / "x.did"
    path.write_bytes(b"\xff")
    with pytest.raises(CandidError, match="not UTF-8"):
        load_interface_file(path)

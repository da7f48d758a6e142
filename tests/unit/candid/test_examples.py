"""Examples of values: text that parses at its type."""

import pytest

from orchestrator.candid import parse_arguments, parse_interface
from orchestrator.candid import types as T
from orchestrator.candid.examples import example_text
from tests.support.candid_generator import CandidGenerator

LIST = T.recursive("List", lambda list_: T.Opt(T.record({"head": T.INT, "tail": list_})))
TREE = T.recursive("Tree", lambda tree: T.variant({"leaf": T.NAT, "branch": T.record({"left": tree, "right": tree})}))
ROSE = T.recursive("Rose", lambda rose: T.record({"children": T.Vec(rose)}))
ENDLESS = T.recursive("Endless", lambda endless: T.record({"next": endless}))


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (T.NAT, "0"),
        (T.INT8, "0"),
        (T.FLOAT64, "0.0"),
        (T.BOOL, "false"),
        (T.TEXT, '""'),
        (T.NULL, "null"),
        (T.PRINCIPAL, 'principal "aaaaa-aa"'),
        (T.BLOB, 'blob ""'),
        (T.Opt(T.NAT), "null"),
        (T.Vec(T.TEXT), 'vec { "" }'),
        (T.tuple_of(T.NAT, T.TEXT), 'record { 0; "" }'),
        (T.record({}), "record {}"),
        (T.variant({"a": T.NULL, "b": T.NAT}), "variant { a }"),
        (T.function([T.NAT], [], "query"), 'func "aaaaa-aa".method'),
        (T.service({}), 'service "aaaaa-aa"'),
        (LIST, "null"),
        (TREE, "variant { leaf = 0 }"),
        (ROSE, "record {\n  children = vec {};\n}"),
    ],
    ids=str,
)
def test_the_example_of_a_type(type_: T.Type, text: str) -> None:
    """Each kind of type has a plain example, and it parses."""
    assert example_text(type_) == text
    assert parse_arguments(f"({text})", [type_])


def test_named_fields_stand_on_lines_of_their_own() -> None:
    """Records are laid out, also inside each other; names that are words of the language are quoted."""
    interface = parse_interface('type P = record { "first name" : text; at : record { x : nat; y : nat } }; service : { f : (P) -> () };')
    text = example_text(interface.types["P"])
    assert text == 'record {\n  at = record {\n    x = 0;\n    y = 0;\n  };\n  "first name" = "";\n}'
    assert parse_arguments(f"({text})", [interface.types["P"]])


@pytest.mark.parametrize(
    "type_", [T.EMPTY, ENDLESS, T.variant({}), T.record({"a": T.EMPTY})], ids=["empty", "endless", "variant", "record"]
)
def test_types_without_values_have_no_example(type_: T.Type) -> None:
    """None says that nobody can write one."""
    assert example_text(type_) is None


def test_shared_parts_do_not_explode() -> None:
    """A type whose value has exponentially many parts still has a short example, or none."""
    type_: T.Type = T.NAT
    for _ in range(40):
        type_ = T.tuple_of(T.Vec(type_), T.Vec(type_))
    text = example_text(type_)
    assert text is None or len(text) < 100_000


@pytest.mark.parametrize("seed", range(60))
def test_every_example_parses(seed: int) -> None:
    """Whatever the type, its example is a value of it."""
    type_ = CandidGenerator(seed).type()
    text = example_text(type_)
    assert text is not None
    assert parse_arguments(f"({text})", [type_])

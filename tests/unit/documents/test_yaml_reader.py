"""YAML text becomes nodes with places, or one clear error."""

import functools
import gc
import tracemalloc
from pathlib import Path

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from orchestrator.documents import (
    MAX_ALIASED_NODES,
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_NODES,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    describe,
    load_yaml,
    parse_yaml,
    plain_value,
    source_of_text,
)
from orchestrator.documents.yaml_reader import _compose
from orchestrator.errors import DocumentError
from tests.support.counting_calls import count_calls
from tests.support.reports import render_error

PATH = Path("/project/icp.yaml")


def read(text: str) -> object:
    """Return a text's document as plain values."""
    node = parse_yaml(text, PATH)
    assert node is not None
    return plain_value(node)


def refusal(text: str) -> DocumentError:
    """Return the error that a text ends in."""
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text, PATH)
    return caught.value


def test_a_node_knows_its_place() -> None:
    """Spans count lines and columns from 1, in code points, and carry the line."""
    node = parse_yaml("é: [ä, name]\n", PATH)
    assert isinstance(node, MappingNode)
    sequence = node.get("é")
    assert isinstance(sequence, SequenceNode)
    span = sequence.items[1].span
    assert (span.line, span.column, span.length, span.text) == (1, 8, 4, "é: [ä, name]")


def test_a_text_over_lines_is_underlined_to_the_end_of_its_first() -> None:
    """A block scalar's span stays on the line where it starts."""
    node = parse_yaml("key: |\n  one\n  two\n", PATH)
    assert isinstance(node, MappingNode)
    value = node.entries[0].value
    assert (value.span.line, value.span.column, value.span.length) == (1, 6, 1)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff"])
def test_nothing_is_an_empty_document(text: str) -> None:
    """A file without a value is empty, not wrong."""
    node = parse_yaml(text, PATH)
    assert node is None or describe(node) == "nothing"


def test_quotes_make_text() -> None:
    """Quoted scalars and `!!str` are text; other core tags must fit."""
    assert read("[\"5\", '5', 5, !!str 5, !!int 5, !!float 5, ! 5]") == ["5", "5", 5, "5", 5, 5.0, "5"]


def test_merge_keys_are_ordinary_keys() -> None:
    """`<<` merges nothing, as in YAML 1.2 and in icp-cli."""
    assert read("a: &a {x: 1}\nb:\n  <<: *a\n") == {"a": {"x": 1}, "b": {"<<": {"x": 1}}}


def test_aliases_stand_for_their_anchors() -> None:
    """An alias is the value, with the place where it was written."""
    node = parse_yaml("a: &x [1]\nb: *x\n", PATH)
    assert isinstance(node, MappingNode)
    alias = node.get("b")
    assert alias is node.get("a")


def test_lines_end_as_yaml_says() -> None:
    """Carriage returns and mixed line ends do not shift places."""
    node = parse_yaml("a: 1\r\nb: 2\rc: 3\n", PATH)
    assert isinstance(node, MappingNode)
    assert [(entry.key.span.line, entry.key.span.text) for entry in node.entries] == [(1, "a: 1"), (2, "b: 2"), (3, "c: 3")]


BROKEN = {
    "tab": "a:\n\tb: 1\n",
    "two colons": "path: C: x\n",
    "list out of line": "a:\n  - x\n - y\n",
    "open quote": "a: 'x\nb: 1\n",
    "open bracket": "a: [1,\n",
    "open brace": "a: {x: 1\nb: 2\n",
    "lonely bracket": "a: }\n",
    "list then key": "- a\nb: 1\n",
    "no colon": "a: 1\nb\nc: 2\n",
    "at sign": "type: @dfinity/rust\n",
    "backtick": "a: `x`\n",
    "bad escape": 'a: "C:\\dir"\n',
    "percent": "a: %x\n",
    "exclamation": "a: !important\n",
    "wrong tag": "a: !!int x\n",
    "unknown alias": "a: *base\n",
    "alias in itself": "a: &x\n  b: *x\n",
    "nameless anchor": "a: & x\n",
    "duplicate key": "name: a\nbuild: 1\nname: b\n",
    "duplicate key, quoted": "a: 1\n'a': 2\n",
    "list as key": "? [a]\n: b\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "control character": "a: x\x07y\n",
    "list on the line of a key": "a: - b\n",
    "unclosed block": "a: |\n  x\n y\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_report(name: str, snapshot: SnapshotAssertion) -> None:
    """Each way to break YAML is reported in plain words, with place and hint."""
    error = refusal(BROKEN[name])
    assert error.span is not None
    assert render_error(error, PATH.parent) == snapshot


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has only one parser here")
@pytest.mark.parametrize("name", BROKEN)
def test_both_parsers_report_the_same(name: str) -> None:
    """Without libyaml the same faults are named, at the same line."""
    error = refusal(BROKEN[name])
    with pytest.raises(DocumentError) as caught:
        _compose(source_of_text(BROKEN[name], PATH), yaml.SafeLoader)
    assert caught.value.slug == error.slug
    assert caught.value.span is not None
    assert error.span is not None
    assert caught.value.span.line == error.span.line


def bomb(levels: int) -> str:
    """Return nested aliases that stand for 9 ** levels values."""
    lines = ["l0: &l0 [x]"]
    lines += [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, levels + 1)]
    return "\n".join(lines)


def test_an_alias_bomb_is_refused() -> None:
    """A billion laughs cost nothing and end in one error."""
    assert refusal(bomb(60)).slug == "document/alias-bomb"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 50_000 + "x", "? " * 50_000, "{a: " * 100_000, "".join(f"{' ' * i}a:\n" for i in range(1000))]
)
def test_depth_is_capped(text: str) -> None:
    """Nesting without end is refused early, and never ends in a RecursionError."""
    assert refusal(text).slug == "document/too-deep"


def test_depth_counts_aliases() -> None:
    """Depth hidden behind aliases counts too."""
    chain = ["l0: &l0 [x]", *(f"l{level}: &l{level} [*l{level - 1}]" for level in range(1, MAX_DEPTH + 5))]
    assert refusal("\n".join(chain)).slug == "document/too-deep"


def test_the_depth_cap_itself_is_allowed() -> None:
    """A document exactly as deep as the cap is read."""
    assert isinstance(parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, PATH), SequenceNode)


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    """The size cap holds for files, before they are parsed."""
    path = tmp_path / "icp.yaml"
    path.write_bytes(b"#" * (MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(DocumentError) as caught:
        load_yaml(path)
    assert caught.value.slug == "document/too-large"


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [(b"a: 1\nb: \xff\n", 2, 4), ("a: ü".encode("utf-16"), 1, 1), (b"\xef\xbb\xbfa: \xc3", 1, 4)],
)
def test_other_encodings_are_refused_with_the_place(tmp_path: Path, data: bytes, line: int, column: int) -> None:
    """A file that is not UTF-8 is refused at its first wrong byte."""
    path = tmp_path / "icp.yaml"
    path.write_bytes(data)
    with pytest.raises(DocumentError) as caught:
        load_yaml(path)
    assert caught.value.slug == "document/not-utf-8"
    assert caught.value.span is not None
    assert (caught.value.span.line, caught.value.span.column) == (line, column)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """A byte order mark shifts no column."""
    path = tmp_path / "icp.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    node = load_yaml(path)
    assert isinstance(node, MappingNode)
    assert node.entries[0].key.span.column == 1


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    """A file that cannot be opened is reported, not raised as OSError."""
    with pytest.raises(DocumentError) as caught:
        load_yaml(tmp_path / "nope.yaml")
    assert caught.value.slug == "document/unreadable"


def test_nodes_describe_themselves() -> None:
    """Messages name what was found in words."""
    nodes: list[Node] = []
    for text in ("{}", "[]", "x", "5", "true", "~"):
        node = parse_yaml(text, PATH)
        assert node is not None
        nodes.append(node)
    assert [describe(node) for node in nodes] == ["a map", "a list", "text", "the number 5", "`true` (a yes-or-no value)", "nothing"]
    assert isinstance(nodes[2], ScalarNode)


def test_many_values_are_no_bomb() -> None:
    """A long document without aliases is read; one with too many values is called too large, not a bomb."""
    text = f"[{'a, ' * 2000}]"
    assert _compose(source_of_text(text, PATH), max_nodes=2001) is not None
    with pytest.raises(DocumentError) as caught:
        _compose(source_of_text(text, PATH), max_nodes=2000)
    assert caught.value.slug == "document/too-large"
    assert MAX_NODES > MAX_ALIASED_NODES


def test_aliases_may_stand_for_some_values() -> None:
    """What aliases stand for is counted apart from what is written."""
    assert read(f"a: &a [{'x, ' * 100}]\nb: [{'*a, ' * 500}]\n")
    assert refusal(f"a: &a [{'x, ' * 1000}]\nb: [{'*a, ' * 200}]\n").slug == "document/alias-bomb"


ENDS = {"LF": "\n", "CR LF": "\r\n", "CR": "\r", "NEL": "\x85", "LS": "\u2028", "PS": "\u2029"}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "mark"])
def test_places_count_the_lines_that_yaml_counts(name: str, start: str) -> None:
    """Whatever ends lines, and with a byte order mark, a place has the line and column that an editor shows."""
    end = ENDS[name]
    error = refusal(f"{start}# ä 🙂{end}a: 1{end}b: 🙂é {end}  c: *nope{end}")
    assert error.span is not None
    assert (error.span.line, error.span.text.strip()) == (4, "c: *nope")
    node = parse_yaml(f"{start}a: 1{end}'é🙂': [🙂, x]{end}", PATH)
    assert isinstance(node, MappingNode)
    value = node.entries[1].value
    assert isinstance(value, SequenceNode)
    assert [(item.span.line, item.span.column, item.span.length) for item in value.items] == [(2, 8, 1), (2, 11, 1)]


def test_reading_leaves_the_garbage_collector_as_it_was() -> None:
    """The collector is off while nodes are made only, also where reading ends in an error."""
    assert gc.isenabled()
    parse_yaml("a: 1", PATH)
    refusal("a: *nope")
    assert gc.isenabled()


def test_a_document_twice_as_long_is_twice_the_work() -> None:
    """Reading does work in proportion to the document."""
    text = "- name: a\n  build: {steps: [{type: script, command: x}]}\n  settings: &s {a: 1}\n"
    once, twice = (count_calls(functools.partial(parse_yaml, text.replace("&s ", "") * times, PATH)) for times in (200, 400))
    assert twice < 2.2 * once


def test_places_are_made_when_they_are_asked_for() -> None:
    """A document takes little more memory than its values: nobody asks most of its nodes where they stand."""
    text = "- name: canister\n  build: {steps: [{type: script, command: some words of a command}]}\n" * 500
    tracemalloc.start()
    try:
        node = parse_yaml(text, PATH)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert node is not None
    assert kept < 25 * len(text)
    assert node.span.text == "- name: canister"


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_what_is_noticed_at_the_end_has_a_line(end: str) -> None:
    """What is missing at the end of a text is missed in a line that can be shown, whether the text ends with a line or not."""
    with pytest.raises(DocumentError) as caught:
        parse_yaml(f"name: a\nbuild: [{end}", Path("f"))
    (found,) = caught.value.diagnostics

    assert found.span is not None
    assert (found.span.line, found.span.text) == (2, "build: [")

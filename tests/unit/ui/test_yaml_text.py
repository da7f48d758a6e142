"""What is written as YAML is what is read back, by this project's reader and by PyYAML's."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.documents import parse_yaml, plain_value
from orchestrator.ui.yaml_text import Shared, Tagged, render_yaml

_TEXTS = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\n\t :#-?|>'\"\\%@`!&*{}[],~=<0123456789abeExot._+ynNT")),
    max_size=12,
)
_SCALARS = _TEXTS | st.booleans() | st.none() | st.integers(min_value=-(2**63), max_value=2**64)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=8)


def written(data: dict[str, object]) -> str:
    """Return a document."""
    return "".join(render_yaml(data))


@given(st.dictionaries(_TEXTS, _VALUES, max_size=3))
@example(
    {
        "a": "1_000",
        "b": "30d",
        "c": "yes",
        "d": "2024-01-01",
        "e": "12:30:45",
        "f": "0o17",
        "g": "1e3",
        "h": "=",
        "i": "<<",
        "j": ".5",
        ">": ">",
    }
)
@example({"a": [[], {}, [[1]], [{"b": {"c": ["x\ny", "x\n\n", " x\n", "x\n \ny", "\n"]}}]]})
@example({"k" * 2_000: {"k" * 2_000: ["x"]}, "": "", "null": None})
def test_what_is_written_is_read_back(data: dict[str, object]) -> None:
    """Every text, number and structure comes back from both readers."""
    text = written(data)
    assert yaml.safe_load(text) == data
    node = parse_yaml(text, Path("shown.yaml"))
    assert node is not None
    assert plain_value(node) == data


@pytest.mark.parametrize(
    "text", ["1gib", "30d", "1.5t", "cargo build --release", "https://x.y/z", "./p/q.wasm", "(42)", "@x/y", "a: b", "a #b", "'", "münchen"]
)
def test_quotes_stand_where_they_must(text: str) -> None:
    """Ordinary words, commands, paths and URLs have no quotes."""
    assert ("'" in written({"a": text})) == (text in {"@x/y", "a: b", "a #b", "'"})


def test_what_a_terminal_would_obey_is_escaped() -> None:
    """Control characters, and those that turn the line around, never reach a terminal."""
    assert written({"a": "x\x1b[31m\u202e\x85"}) == 'a: "x\\x1b[31m\\u202e\\x85"\n'


def test_layout() -> None:
    """Tags, lists at the depth of their key, and texts of several lines look as icp-cli prints them."""
    shared = Shared(value={"x": "z"})
    data = {
        "port": Tagged(tag="Fixed", value=8000),
        "args": Tagged(tag="Text", value={"content": "(1)", "format": "candid"}),
        "bytes": Tagged(tag="Binary", value=[0, 255]),
        "steps": [{"type": "script", "commands": ["a", "b\nc"]}, {"map": shared}],
        "again": shared,
    }
    assert written(data) == (
        "port: !Fixed 8000\nargs: !Text\n  content: (1)\n  format: candid\nbytes: !Binary\n- 0\n- 255\n"
        "steps:\n- type: script\n  commands:\n  - a\n  - |-\n    b\n    c\n- map:\n    x: z\nagain:\n  x: z\n"
    )

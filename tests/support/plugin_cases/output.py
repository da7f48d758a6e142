"""What plugins print: lines, escape sequences, too much of everything."""

from tests.support.components import component_that_prints
from tests.support.plugin_cases.case import PluginCase

__all__ = ["OUTPUT"]

_STREAM_LIMIT = 1 << 20
_FLOOD = 3 << 20


def _printing(name: str, text: bytes, *lines: str) -> tuple[PluginCase, PluginCase]:
    """Print to stderr, which a success shows, and to stdout, which a failure shows."""
    return (
        PluginCase(name=f"{name}-stderr", component=component_that_prints(stderr=text), lines=lines),
        PluginCase(
            name=f"{name}-stdout",
            component=component_that_prints(stdout=text, then="unreachable"),
            lines=lines,
            theirs="wasm trap: wasm `unreachable` instruction executed",
            slug="plugin/trap",
            summary="plugin trapped: it aborted: it panicked or ran into something that its code rules out",
        ),
    )


OUTPUT = (
    *_printing("hello", b"hello\n", "hello"),
    *_printing("partial", b"whole\npart", "whole", "part"),
    *_printing("nothing", b""),
    *_printing("empty", b"\n\none\n\n", "", "", "one", ""),
    *_printing("returns", b"one\r\ntwo\r\r\nth\rree\r\n\r\nlast\r", "one", "two", "th\rree", "", "last"),
    *_printing("colours", b"\x1b[1;31mred\x1b[0m plain\x1b[2K\n\x1b[32m\n", "red plain", ""),
    *_printing("not-text", b"\xff\xfe ok \xc3\n\xe2\x82\n", "�� ok �", "�"),
    *_printing("wide", "grüezi 你好 🌍\n".encode(), "grüezi 你好 🌍"),
    *_printing("tabs", b"a\tb\x00c\x07\n", "a\tb\x00c\x07"),
    *_printing("long", b"x" * 100_000 + b"\n", "x" * 100_000),
    PluginCase(
        name="both",
        component=component_that_prints(stdout=b"to stdout\n", stderr=b"to stderr\n", then="unreachable"),
        lines=("to stdout", "to stderr"),
        slug="plugin/trap",
        theirs="wasm trap: wasm `unreachable` instruction executed",
    ),
    PluginCase(
        name="flood-stderr",
        component=component_that_prints(stderr=(b"y" * 4095 + b"\n") * (_FLOOD >> 12)),
        lines=("y" * 4095,) * (_STREAM_LIMIT >> 12) + (f"… {_FLOOD - _STREAM_LIMIT} bytes of stderr truncated",),
    ),
    PluginCase(
        name="flood-stdout",
        component=component_that_prints(stdout=b"z" * _FLOOD, then="unreachable"),
        lines=("z" * _STREAM_LIMIT, f"… {_FLOOD - _STREAM_LIMIT} bytes of stdout truncated"),
        slug="plugin/trap",
        theirs="wasm trap: wasm `unreachable` instruction executed",
    ),
    PluginCase(
        name="one-byte-more",
        component=component_that_prints(stderr=b"a" * _STREAM_LIMIT + b"\n"),
        lines=("a" * _STREAM_LIMIT, "… 1 bytes of stderr truncated"),
    ),
)

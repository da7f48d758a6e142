"""What fuzzing starts from: the files of the test cases and the recipes that ship, cut into inputs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["FOUND", "REPOSITORY", "dictionary", "found", "seeds"]

REPOSITORY = Path(__file__).parents[2]
FOUND = Path(__file__).parent / "found"
"""Inputs that once broke a target, a folder each: they are tests now."""
CASES = REPOSITORY / "tests" / "cases"
_TEXT = re.compile(r"\"\"\"(.*?)\"\"\"|'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"", re.DOTALL)
_WORDS = {
    "template": "{{ }} {{{ }}} {{# {{/ {{else}} {{^}} {{~ ~}} {{> {{#> {{#*inline {{!-- --}} {{{{raw}}}} {{{{/raw}}}} as| @root ../ this each if with lookup replace",
    "yaml": "--- ... &a *a !!int !!str <<: | > |- >+ ? - : # [ ] { } , ' \" ~ null true 0x1f .inf",
    "manifest": "canisters: networks: environments: name: build: sync: steps: type: script plugin recipe: settings: configuration: dependencies: init_args:",
    "did": "service : { } -> query oneway composite_query record variant opt vec func principal blob type = import nat8 ;",
    "candid": '( ) record { } variant opt vec blob " ; = : nat8 principal service func null true',
    "lock": '{ } [ ] : , "v" 1 "recipes" "plugins" "modules" null',
}


def seeds(target: str) -> Iterator[bytes]:
    """Return what a target is seeded with."""
    yield b""
    if target == "template":
        yield from (case["template"].encode() for case in json.loads((CASES / "recipes" / "handlebars.json").read_text(encoding="utf-8")))
        yield from _files("**/*.hbs")
    elif target == "description":
        yield from _files("**/recipe.yaml")
    elif target in {"yaml", "manifest", "steps"}:
        yield from _files("**/*.yaml")
    elif target == "did":
        yield from _files("**/*.did")
    elif target == "candid":
        yield from _strings("tests/unit/candid/test_text.py")
    elif target == "address":
        yield from (b"@dfinity/rust@v3.2.0", b"./a.hbs", b"file://a", b"https://a.test/r.hbs", b"rust", b"@a/b", b"a/b")
    elif target == "lock":
        sha256 = "a" * 64
        yield json.dumps({"v": 1, "recipes": {"@a/b@v1": sha256}, "plugins": {"https://a.test/p.wasm": sha256}, "modules": {}}).encode()


def found(target: str) -> list[Path]:
    """Return the inputs that once broke a target."""
    return sorted((FOUND / target).glob("*")) if (FOUND / target).is_dir() else []


def dictionary(target: str) -> list[str]:
    """Return words that a target gives a meaning to."""
    return _WORDS.get(target, "").split()


def _files(pattern: str) -> Iterator[bytes]:
    for folder in ("tests/cases", "recipes", "examples", "orchestrator/candid/interfaces", "templates"):
        for path in sorted((REPOSITORY / folder).glob(pattern)):
            if path.stat().st_size < 64 * 1024:
                yield path.read_bytes()


def _strings(source: str) -> Iterator[bytes]:
    for match in _TEXT.finditer((REPOSITORY / source).read_text(encoding="utf-8")):
        yield next(group for group in match.groups() if group is not None).encode()

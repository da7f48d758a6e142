"""What fuzzing starts from: the files of the test cases and the recipes that ship, cut into inputs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

__all__ = ["FILE_MARK", "FOUND", "REPOSITORY", "dictionary", "found", "seeds"]

REPOSITORY = Path(__file__).parents[2]
FOUND = Path(__file__).parent / "found"
"""Inputs that once broke a target, a folder each: they are tests now."""
CASES = REPOSITORY / "tests" / "cases"
_TEXT = re.compile(r"\"\"\"(.*?)\"\"\"|'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"", re.DOTALL)
FILE_MARK = "\n%%%\n"
"""Between the files of one input."""
_CANISTER = "canisters: [{name: a, build: {steps: [{type: script, command: x}]}}]\n"
# app/icp.yaml, app/orchestrator.yaml, lib/icp.yaml, app/vendor/icp.yaml
_WORKSPACES = (
    (f"{_CANISTER}dependencies: [{{name: lib, path: ../lib}}]\n", "", _CANISTER),
    (
        f"{_CANISTER}dependencies: [{{name: lib, path: ../lib}}, {{name: v, path: vendor, canisters: [a]}}]\n",
        'environments: [{name: s, network: ic, canisters: [a], settings: {"lib:a": {compute_allocation: 1}}}]\n',
        f"{_CANISTER}dependencies: [{{name: v, path: ../app/vendor}}]\n",
        f"{_CANISTER}environments: [{{name: s, network: ic}}]\n",
    ),
    ("dependencies: [{name: lib, path: ../lib}]\n", "{}\n", "dependencies: [{name: app, path: ../app}]\n"),
)
_SHA256 = "a" * 64
_WRITTEN: dict[str, tuple[str, ...]] = {
    "workspace": tuple(FILE_MARK.join(files) for files in _WORKSPACES),
    "set": ("a=1", "a.b=[1, x]\na.c={d: 2}", "a.b.c=\nd=text"),
    "settings": (
        "registries:\n  acme: https://a.test/{name}/{version}/recipe.hbs\n",
        "registries: {dfinity: 'http://127.0.0.1:1/{recipe}/{version}'}\n",
    ),
    "address": ("@dfinity/rust@v3.2.0", "./a.hbs", "file://a", "https://a.test/r.hbs", "rust", "@a/b", "a/b"),
    "lock": (json.dumps({"v": 1, "recipes": {"@a/b@v1": _SHA256}, "plugins": {"https://a.test/p.wasm": _SHA256}, "modules": {}}),),
}
_WORDS = {
    "template": "{{ }} {{{ }}} {{# {{/ {{else}} {{^}} {{~ ~}} {{> {{#> {{#*inline {{!-- --}} {{{{raw}}}} {{{{/raw}}}} as| @root ../ this each if with lookup replace",
    "yaml": "--- ... &a *a !!int !!str <<: | > |- >+ ? - : # [ ] { } , ' \" ~ null true 0x1f .inf",
    "manifest": "canisters: networks: environments: name: build: sync: steps: type: script plugin recipe: settings: configuration: dependencies: init_args:",
    "workspace": "%%% canisters: dependencies: - {name: path: ../lib ./vendor ../app . environments: settings: lib:a",
    "settings": "registries: dfinity acme https:// http:// {name} {version} {recipe} @ : / ? # %",
    "recipe": "%%% {{ }} {{#each {{/each}} parameters: type: string list map any required: default: items: fields: choices: one_of: build: steps: null",
    "set": "a a.b = . : [ ] { } , & * ! | > ' #",
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
    elif target == "recipe":
        yield from _recipes()
    elif target == "description":
        yield from _files("**/recipe.yaml")
    elif target in {"yaml", "manifest", "steps"}:
        yield from _files("**/*.yaml")
    elif target == "did":
        yield from _files("**/*.did")
    elif target == "candid":
        yield from _strings("tests/unit/candid/test_text.py")
    else:
        yield from (text.encode() for text in _WRITTEN[target])


def found(target: str) -> list[Path]:
    """Return the inputs that once broke a target."""
    return sorted((FOUND / target).glob("*")) if (FOUND / target).is_dir() else []


def dictionary(target: str) -> list[str]:
    """Return words that a target gives a meaning to."""
    return _WORDS.get(target, "").split()


def _recipes() -> Iterator[bytes]:
    """Return each recipe with its description, and with the configuration of each of its cases."""
    for path in sorted((REPOSITORY / "recipes").glob("*/recipe.hbs")):
        parts = [path.read_text(encoding="utf-8"), path.with_suffix(".yaml").read_text(encoding="utf-8")]
        for case in sorted(path.parent.glob("cases/*/case.yaml")):
            configuration = yaml.safe_load(case.read_text(encoding="utf-8")).get("configuration", {})
            yield FILE_MARK.join([*parts, json.dumps(configuration)]).encode()


def _files(pattern: str) -> Iterator[bytes]:
    for folder in ("tests/cases", "recipes", "examples", "orchestrator/candid/interfaces", "templates"):
        for path in sorted((REPOSITORY / folder).glob(pattern)):
            if path.stat().st_size < 64 * 1024:
                yield path.read_bytes()


def _strings(source: str) -> Iterator[bytes]:
    for match in _TEXT.finditer((REPOSITORY / source).read_text(encoding="utf-8")):
        yield next(group for group in match.groups() if group is not None).encode()

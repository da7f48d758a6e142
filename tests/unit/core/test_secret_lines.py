"""Lines of manifests are shown without what may be secret, whatever state the manifest is in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.secret_lines import MASK, hide_secrets, secret_parts, secret_texts, shown_line
from orchestrator.errors import Span

SHOWN = {
    "variables": (
        "settings:\n  environment_variables:\n    API_KEY: hunter2\n    other: 'hunter2'\n  compute_allocation: 5\n",
        "settings:\n  environment_variables:\n    API_KEY: ********\n    other: ********\n  compute_allocation: 5\n",
    ),
    "a flow map": (
        "    environment_variables: { A: hunter2, b: 'hunter2, x', C: { path: a.txt } }\n",
        "    environment_variables: { A: ********, b: ********, C: { path: a.txt } }\n",
    ),
    "within a flow map": (
        "settings: { environment_variables: { A: hunter2 }, compute_allocation: 5 }\n",
        "settings: { environment_variables: { A: ******** }, compute_allocation: 5 }\n",
    ),
    "arguments": ('init_args: "(hunter2)"\nname: a\n', "init_args: ********\nname: a\n"),
    "arguments by format": (
        "init_args:\n  value: hunter2\n  format: hex\nupgrade_args: { path: x.bin, format: bin }\n",
        "init_args:\n  value: ********\n  format: hex\nupgrade_args: { path: x.bin, format: bin }\n",
    ),
    "a block": (
        "init_args: |\n  (record {\n    hunter2: x\n\n  })\nname: a\n",
        "init_args: |\n  ********\n    ********\n\n  ********\nname: a\n",
    ),
    "a block within": (
        "environment_variables:\n  PEM: |\n    hunter2: y\n  B: x\n",
        "environment_variables:\n  PEM: |\n    ********\n  B: ********\n",
    ),
    "several lines in quotes": (
        'init_args: "(record {\nhunter2: 1 })"\nname: a\n',
        "init_args: ********\n********\nname: a\n",
    ),
    "several lines without": (
        "environment_variables:\n  A: one\n    hunter2: three\n  B: x\n",
        "environment_variables:\n  A: ********\n    ********\n  B: ********\n",
    ),
    "a configuration": (
        "recipe:\n  type: rust\n  configuration:\n    package: hunter2\n    list:\n      - hunter2\n    map: { a: [hunter2, b] }\nname: a\n",
        "recipe:\n  type: rust\n  configuration:\n    package: ********\n    list:\n      - ********\n    map: { a: [********, ********] }\nname: a\n",
    ),
    "per canister": (
        "init_args:\n  backend: hunter2\nsettings:\n  backend:\n    environment_variables: {A: hunter2}\n",
        "init_args:\n  backend: ********\nsettings:\n  backend:\n    environment_variables: {A: ********}\n",
    ),
    "misspelt": (
        "  enviroment_varables: { A: hunter2 }\n  int_args: hunter2\n",
        "  enviroment_varables: { A: ******** }\n  int_args: ********\n",
    ),
    "misspelt, in lines": ("env_vars:\n  key: hunter2\nname: a\n", "env_vars:\n  key: ********\nname: a\n"),
    "indented with a tab": (
        "          environment_variables:\n\tkey: hunter2\n",
        "          environment_variables:\n\tkey: ********\n",
    ),
    "not indented": (
        "  environment_variables:\n  key: hunter2\n  other: hunter2\n  controllers: [a]\n",
        "  environment_variables:\n  key: ********\n  other: ********\n  controllers: [a]\n",
    ),
    "anywhere": ("settings:\n  API_KEY: hunter2\n  my_token: hunter2\n", "settings:\n  API_KEY: ********\n  my_token: ********\n"),
    "no colon": ("environment_variables:\n  API_KEY hunter2\nname: a\n", "environment_variables:\n  ********\nname: a\n"),
    "a list of a container": ('environment: ["A=hunter2", B]\n', "environment: [********, ********]\n"),
    "a list of a container, in lines": (
        "environment:\n- A=hunter2\n- B=hunter2\nimage: x\n",
        "environment:\n- A=********\n- B=********\nimage: x\n",
    ),
    "JSON": (
        '{\n"settings": {\n"environment_variables": {\n"A": "hunter2",\n"B": {"path": "x"}\n}},\n"init_args": "(hunter2)",\n"name": "a"\n}\n',
        '{\n"settings": {\n"environment_variables": {\n"A": ********,\n"B": {"path": "x"}\n}},\n"init_args": ********\n"name": "a"\n}\n',
    ),
    "never closed": ("environment_variables: { A: hunter2,\nhunter2\n", "environment_variables: { A: ********,\n********\n"),
    "next line": ("init_args:\n(hunter2)\nname: a\n", "init_args:\n********\nname: a\n"),
    "environments": ("environments:\n  - name: staging\n    network: ic\n", "environments:\n  - name: staging\n    network: ic\n"),
    "unknown keys": (
        "parameters:\n  package: {type: string, x: y}\nmine: [a]\nother: {b: 1}\nmonkeys: 3\nauthor: me\nroot_key: fetch\n",
        "parameters:\n  package: {type: string, x: y}\nmine: [a]\nother: {b: 1}\nmonkeys: 3\nauthor: me\nroot_key: fetch\n",
    ),
    "keys that say so": (
        "x-api-key: hunter2\napiKey: hunter2\nauth: hunter2\ndb_pwd: hunter2\ndeploy: { signing_key: hunter2, retries: 3 }\n",
        "x-api-key: ********\napiKey: ********\nauth: ********\ndb_pwd: ********\ndeploy: { signing_key: ********, retries: 3 }\n",
    ),
    "fields of a plugin": (
        "- { type: plugin, path: a.wasm, fields: { a: hunter2 }, run: always }\nlabels: { tier: edge }\n",
        "- { type: plugin, path: a.wasm, fields: { a: ******** }, run: always }\nlabels: { tier: edge }\n",
    ),
    "sections that are hardly to be recognized": (
        "cofniguration:\n  a: hunter2\nname: a\nrecipe: { cofniguration: { a: hunter2 }, type: rust }\n",
        "cofniguration:\n  a: ********\nname: a\nrecipe: { cofniguration: { a: ******** }, type: rust }\n",
    ),
    "commands": (
        "command: cargo build --release && DFX_NETWORK=ic make test-key-path all\n",
        "command: cargo build --release && DFX_NETWORK=ic make test-key-path all\n",
    ),
    "commands with secrets": (
        (
            "- API_TOKEN=hunter2 npm run build\n- tool --auth-token hunter2 --password='hunter2 x' -v --key-file k.pem --token $TOKEN\n"
            "- curl -u me:hunter2 -H 'Authorization: Bearer hunter2' x\n"
        ),
        (
            "- API_TOKEN=******** npm run build\n- tool --auth-token ******** --password=******** -v --key-file k.pem --token $TOKEN\n"
            "- curl -u ******** -H 'Authorization: Bearer ********' x\n"
        ),
    ),
    "secrets by their form": (
        "stripe: sk_live_0123456789abcdef\nnote: [npm run, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc]\ncommand: npm run npm_build\n",
        "stripe: ********\nnote: [npm run, ********]\ncommand: npm run npm_build\n",
    ),
    "alias": ("environment_variables:\n  A: &x hunter2\n  B: *x\n", "environment_variables:\n  A: ********\n  B: ********\n"),
    "comment": ("# environment_variables: { A: hunter2 }\n", "# environment_variables: { A: ******** }\n"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_secrets_are_masked_and_nothing_else(name: str) -> None:
    """Names, paths and all that surrounds a section stay."""
    text, expected = SHOWN[name]
    lines = tuple(text.split("\n"))

    assert "\n".join(shown_line(lines, index) for index in range(len(lines))) == expected


@pytest.mark.parametrize(
    ("column", "length", "shown"),
    [(3, 1, (3, 1)), (6, 7, (6, 8)), (8, 2, (6, 8)), (15, 5, (16, 5))],
    ids=["key", "value", "part of the value", "behind"],
)
def test_caret_follows(column: int, length: int, shown: tuple[int, int]) -> None:
    """The caret stays below its key, covers the mask of its value, and moves with what stands behind."""
    text = "{ A: hunter2, bcdefg: 1 }"
    span = Span(path=Path("f"), line=2, column=column, length=length, text=text, lines=("environment_variables:", text))

    hidden = hide_secrets(span)

    assert hidden.text == f"{{ A: {MASK}, bcdefg: {MASK} }}"
    assert (hidden.column, hidden.length) == shown


@pytest.mark.parametrize("name", ["recipe.yaml", "recipe.hbs", "site.hbs"])
def test_recipes_hold_no_secrets(name: str) -> None:
    """A recipe's own files say what a value is called: `token: {type: text}` is shown, also above another line."""
    line = "  token: {type: text}"
    span = Span(path=Path(name), line=1, column=11, length=4, text=line, lines=(line,))
    assert (hide_secrets(span), secret_texts(span), shown_line((line,), 0, Path(name))) == (span, (), line)
    rendered = Path(f"{name} (rendered for web)")
    assert shown_line((line,), 0, rendered) == "  token: {type: ********}"


def test_what_a_message_must_not_repeat() -> None:
    """The secret that a place marks is known as it is written, and without its quotes; so are those of its line."""
    text = "  A: 'hunter2'"
    lines = ("environment_variables:", text)

    assert secret_texts(Span(path=Path("f"), line=2, column=6, length=9, text=text, lines=lines)) == ("'hunter2'", "hunter2")
    key = Span(path=Path("f"), line=2, column=3, length=1, text=text, lines=lines)
    assert (secret_texts(key), secret_texts(key, whole_line=True)) == ((), ("'hunter2'", "hunter2"))


_CHARACTERS = st.sampled_from([*" \n\t:-{}[],\"'#&*|>\\=", "init_args", "environment_variables", "A", "path", "name: a", "é"])


@given(st.lists(_CHARACTERS, max_size=60).map("".join))
def test_any_text_can_be_looked_at(text: str) -> None:
    """Whatever the lines are, the hidden parts are in order, do not overlap, and lie within their line."""
    lines = tuple(text.split("\n"))
    for line, parts in zip(lines, secret_parts(lines), strict=True):
        ends = [0, *(end for part in parts for end in part), len(line)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in parts)


@pytest.mark.parametrize(
    "text",
    [
        "init_args: {" + " " * 500_000,
        "secret" * 80_000,
        "init_args: {" + "{a: " * 50_000,
        "init_args: '" + "'" * 500_001,
        "a\\" * 250_000,
        "}, env: { a: b" * 4_000,
        "x: y, env: 'b', " * 4_000,
        "--token a " * 5_000,
        "-u " * 20_000,
        "odd_key_" * 60_000,
    ],
    ids=["spaces", "names", "brackets", "quotes", "backslashes", "sections", "scalars", "options", "users", "one word"],
)
def test_long_lines_take_linear_time(text: str) -> None:
    """No line makes the search go back and forth: half a megabyte is looked at at once."""
    assert len(secret_parts(("configuration:", f"  {text}", "name: a", f"x: {{ {text}"))) == 4


BROKEN = """\
canisters:
  - name: backend
    settings:
      environment_variables:
        API_KEY: hunter2
        other: "hunter2"
        third: {path: x, value: hunter2}
    init_args: "(hunter2)"
    recipe:
      configuration:
        deep: { a: hunter2, b: [hunter2] }
        lines: |
          hunter2
          (hunter2)
environments:
  - init_args:
      front: { value: hunter2, format: hex }
networks:
  - environment: ["K=hunter2", J]
"""


@pytest.mark.parametrize("spaces", [1, 2, 4], ids=["one", "two", "four"])
@pytest.mark.parametrize("mark", ["dedented", "indented", "with a tab", "removed before"])
def test_lines_in_the_wrong_place_show_no_secrets(mark: str, spaces: int) -> None:
    """A line that is moved, or whose predecessor is missing, takes no secret out of its section."""
    lines = BROKEN.splitlines()
    for index, line in enumerate(lines):
        moved = {
            "dedented": [line[min(spaces, len(line) - len(line.lstrip())) :]],
            "indented": [" " * spaces + line],
            "with a tab": ["\t" * spaces + line.lstrip()],
            "removed before": [line],
        }[mark]
        before = lines[: index - 1 if mark == "removed before" and index and lines[index - 1].strip().endswith("}") else index]
        text = (*before, *moved, *lines[index + 1 :])
        shown = [shown_line(text, number) for number in range(len(text))]
        assert [each for each in shown if "hunter2" in each] == []

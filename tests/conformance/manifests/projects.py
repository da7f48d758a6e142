"""Projects in folders: where the manifest is found, what it names, and what YAML makes of it."""

from tests.conformance.manifests.tools import BUILD, Case, one_canister, top

__all__ = ["PROJECTS"]

_A = f"name: a\n{BUILD}\n"
_C = {"c/canister.yaml": f"name: c\n{BUILD}\n"}
_DEEP = 60


def _files(manifest: str | bytes, folder: str = ".", **files: str | bytes) -> Case:
    named = {name.replace("__", "/").replace("_dot_", "."): content for name, content in files.items()}
    return Case(files={"icp.yaml": manifest, **named}, folder=folder)


def _with(manifest: str, files: dict[str, str | bytes], folder: str = ".") -> Case:
    return Case(files={"icp.yaml": manifest, **files}, folder=folder)


_FINDING: dict[str, Case] = {
    "no manifest": Case(files={"x": ""}),
    "manifest is a folder": Case(files={"icp.yaml/": ""}),
    "from below": _files(f"canisters: [{{{_A.strip().replace(chr(10), ', ')}}}]", folder="deep/down", deep__down__x=""),
    "nearest wins": _files("canisters: [missing]", folder="sub", sub__icp_dot_yaml=""),
    "other spelling": Case(files={"icp.yml": "", "Icp.yaml": ""}),
    "from the folder of a canister": _with("canisters: [c]", {**_C}, folder="c"),
}
_FOLDERS: dict[str, Case] = {
    "canister.yaml": _with("canisters: [c]", {**_C}),
    "canister.yaml is empty": _with("canisters: [c]", {"c/canister.yaml": ""}),
    "canister.yaml is a list": _with("canisters: [c]", {"c/canister.yaml": "- name: c\n"}),
    "canister.yaml with a canister in a list": _with("canisters: [c]", {"c/canister.yaml": f"canister:\n  name: c\n  {BUILD}\n"}),
    "canister.yaml with an unknown key": _with("canisters: [c]", {"c/canister.yaml": f"name: c\n{BUILD}\ncandid: x\n"}),
    "canister.yaml is broken": _with("canisters: [c]", {"c/canister.yaml": "name: [\n"}),
    "canister.yaml with two documents": _with("canisters: [c]", {"c/canister.yaml": f"name: c\n{BUILD}\n---\n"}),
    "paths of a folder's canister": _with(
        "canisters: [c]",
        {
            "c/canister.yaml": f"name: c\n{BUILD}\ninit_args: {{path: a.txt}}\nsettings: {{environment_variables: {{V: {{path: ../v}}}}}}\n",
            "c/a.txt": "(1)",
            "v": "value",
        },
    ),
    "override's file is in the canister's folder": _with(
        "canisters: [c]\nenvironments: [{name: s, settings: {c: {environment_variables: {V: {path: v}}}}, init_args: {c: {path: v}}}]",
        {**_C, "c/v": "value"},
    ),
    "override's file is not in the project's folder": _with(
        "canisters: [c]\nenvironments: [{name: s, init_args: {c: {path: v}}}]", {**_C, "v": "value"}
    ),
    "one folder twice": _with("canisters: [c, c]", {**_C}),
    "one folder by name and by pattern": _with("canisters: [c, 'c*']", {**_C}),
    "name in two folders": _with("canisters: ['*']", {**_C, "d/canister.yaml": f"name: c\n{BUILD}\n"}),
    "pattern in the middle": _with("canisters: ['*/x']", {"b/x/canister.yaml": f"name: b\n{BUILD}\n", "a/x/canister.yaml": _A}),
    "pattern of two stars": _with("canisters: ['**']", {"b/x/canister.yaml": f"name: b\n{BUILD}\n", "a/canister.yaml": _A, **_C}),
    "pattern of two stars at the end": _with("canisters: ['b/**']", {"b/x/canister.yaml": f"name: b\n{BUILD}\n", "b/canister.yaml": _A}),
    "pattern of two stars, then a name": _with("canisters: ['**/x']", {"b/x/canister.yaml": f"name: b\n{BUILD}\n", "x/canister.yaml": _A}),
    "pattern and hidden folders": _with("canisters: ['*']", {".h/canister.yaml": _A, **_C}),
    "pattern of one letter": _with("canisters: ['?']", {**_C, "dd/canister.yaml": _A}),
    "pattern of a set": _with("canisters: ['[cd]']", {**_C, "d/canister.yaml": _A}),
    "pattern of what is not in a set": _with("canisters: ['[!c]']", {**_C, "d/canister.yaml": _A}),
    "pattern of a range": _with("canisters: ['[a-c]']", {**_C, "d/canister.yaml": _A}),
    "pattern of braces": _with("canisters: ['{c,d}']", {**_C}),
    "pattern that does not end": _with("canisters: ['[c']", {**_C}),
    "pattern of three stars": _with("canisters: ['***']", {**_C}),
    "pattern upwards": _with("canisters: ['../*/c']", {**_C}),
    "pattern with a dot": _with("canisters: ['./*']", {**_C}),
    "pattern that ends in a slash": _with("canisters: ['*/']", {**_C}),
    "pattern of capitals": _with("canisters: ['C*']", {**_C, "Cc/canister.yaml": _A}),
    "order of patterns": _with(
        "canisters: ['*']",
        {f"{name}/canister.yaml": f"name: {name.replace(' ', '_')}\n{BUILD}\n" for name in ("b", "B", "a10", "a2", "_", "a-b", "a b", "a")},
    ),
    "absolute folder that is missing": top("canisters: [/nowhere/at/all]"),
    "folder above": _with("canisters: [../c]", {"../c/canister.yaml": _A}, folder="."),
    "folder with a space": _with("canisters: ['a b']", {"a b/canister.yaml": _A}),
    "network file": _with("networks: [n/x.yaml]", {"n/x.yaml": "name: n\nmode: managed\n"}),
    "network file is empty": _with("networks: [n.yaml]", {"n.yaml": ""}),
    "network file is a list": _with("networks: [n.yaml]", {"n.yaml": "- name: n\n  mode: managed\n"}),
    "network file is a folder": _with("networks: [n]", {"n/x": ""}),
    "network file is a pattern": _with("networks: ['*.yaml']", {"n.yaml": "name: n\nmode: managed\n"}),
    "environment file": _with("environments: [e.yaml]", {"e.yaml": "name: s\nnetwork: ic\n"}),
    "environment file is missing": top("environments: [e.yaml]"),
    "environment file is broken": _with("environments: [e.yaml]", {"e.yaml": "name: ["}),
    "environment file with an unknown key": _with("environments: [e.yaml]", {"e.yaml": "name: s\nnetwrok: ic\n"}),
    "two networks of a name": top("networks: [{name: n, mode: managed}, {name: n, mode: managed}]"),
    "local twice": top("networks: [{name: local, mode: managed}, {name: local, mode: managed}]"),
    "two environments of a name": top("environments: [{name: n}, {name: n}]"),
    "environment local, redefined": top(
        f"canisters: [{{{_A.strip().replace(chr(10), ', ')}}}]\nenvironments: [{{name: local, canisters: []}}]"
    ),
    "environment ic, redefined": top("environments: [{name: ic, network: local}]"),
    "local is connected": top("networks: [{name: local, mode: connected, url: 'http://127.0.0.1:4943', root-key: fetch}]"),
    "names differ in case": top(f"canisters: [{{name: a, {BUILD}}}, {{name: A, {BUILD}}}]"),
}
_DIALECT: dict[str, Case] = {
    "byte order mark": _files(b"\xef\xbb\xbfcanisters: []\n"),
    "utf-16": _files("canisters: []\n".encode("utf-16")),
    "not utf-8": _files(b"canisters: []\n# \xff\n"),
    "windows line ends": _files(f"canisters:\r\n- name: a\r\n  {BUILD}\r\n  init_args: |\r\n    (1,\r\n    2)\r\n"),
    "old mac line ends": _files("canisters: []\rnetworks: []\r"),
    "tab before a key": _files("canisters:\n\t- name: a\n"),
    "tab after a colon": _files("canisters:\t[]\n"),
    "NUL": _files(b"canisters: []\n\0"),
    "control character": _files(b"canisters: []\n# \x07\n"),
    "escaped control character": one_canister('settings: {environment_variables: {A: "\\e[31m\\0"}}'),
    "comments only": _files("# a\n\n  # b\n"),
    "blank": _files("\n \n"),
    "start of a document": _files("---\ncanisters: []\n"),
    "empty document": _files("---\n"),
    "end of a document": _files("canisters: []\n...\n"),
    "two starts": _files("---\n---\n"),
    "directive": _files("%YAML 1.2\n---\ncanisters: []\n"),
    "a text": _files("hello\n"),
    "null": _files("null\n"),
    "tilde": _files("~\n"),
    "a list": _files("[]\n"),
    "anchors": _files("canisters:\n- name: a\n  build: &b {steps: [{type: script, command: x}]}\n- name: b\n  build: *b\n"),
    "unknown alias": _files("canisters: *a\n"),
    "anchor twice": _files(f"canisters:\n- name: &n a\n  {BUILD}\n- name: &n b\n  {BUILD}\n  init_args: *n\n"),
    "tag str": one_canister("settings: {environment_variables: {A: !!str 5}}"),
    "tag int on a text": one_canister('settings: {compute_allocation: !!int "5"}'),
    "tag of nobody": one_canister("settings: {environment_variables: {A: !x y}}"),
    "tag of nobody on a map": one_canister("settings: !x {}"),
    "tag on a key": one_canister("!!str settings: {}"),
    "tag null": one_canister("settings: !!null ''"),
    "key twice, deep": one_canister("settings: {compute_allocation: 1, compute_allocation: 2}"),
    "variable twice": one_canister("settings: {environment_variables: {A: x, A: z}}"),
    "unknown key twice": one_canister("settings: {x: 1, x: 2}"),
    "key is a list": one_canister("settings: {[a]: 1}"),
    "key is null": one_canister("settings: {~: 1}"),
    "key is a number": one_canister("settings: {5: 1}"),
    "variable's name is a number": one_canister("settings: {environment_variables: {5: a, 1.50: b, true: c, null: d}}"),
    "weird variables": one_canister('settings: {environment_variables: {"": a, "a b": "", "ä\\n": "x\\ny\\n", "=": "#"}}'),
    "question mark": _files("? canisters\n: []\n"),
    "block texts": one_canister(
        "init_args: |\n    (1)\n\n      (2)\n  settings:\n    environment_variables:\n      A: >-\n        a\n        b\n\n        c\n      B: |+\n        x\n\n"
    ),
    "plain text on two lines": one_canister("init_args: (1,\n    2)"),
    "long line": one_canister(f"settings: {{environment_variables: {{A: {'x' * 100_000}}}}}"),
    "deep unknown key": one_canister(f"settings: {{x: {'[' * _DEEP}{']' * _DEEP}}}"),
    "deeper unknown key": one_canister(f"settings: {{x: {'[' * 120}{']' * 120}}}"),
    "quoted keys": _files(f'"canisters": [{{"name": "a", {BUILD}}}]'),
    "json": _files('{"canisters": [{"name": "a", "build": {"steps": [{"type": "script", "command": "x\\u0041"}]}}]}'),
    "json with tabs": _files('{\n\t"canisters": []\n}'),
    "comment after a value": _files("canisters: [] # none\n"),
    "no space after a comma": _files("canisters: [c,d]\n"),
    "colon in a text": one_canister("init_args: a:b"),
    "colon and space in a text": one_canister("init_args: a: b"),
    "merge key in settings": _files(
        f"canisters:\n- name: a\n  {BUILD}\n  settings: &s {{compute_allocation: 1}}\n- name: b\n  {BUILD}\n  settings: {{<<: *s}}\n"
    ),
    "indented lists": _files(f"canisters:\n    -   name: a\n        {BUILD}\n    -   name: b\n        {BUILD}\n"),
    "alias bomb": _files(
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(7))
    ),
}
PROJECTS: dict[str, Case] = {**_FINDING, **_FOLDERS, **_DIALECT}
"""By name."""

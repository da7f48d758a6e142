"""The vectors about manifests and recipes that were taken from icp-cli 1.5.0, by their numbers."""

from tests.conformance.manifests.tools import BUILD, Case, one_canister, one_network, top

__all__ = ["VECTORS"]

_STEP = "{type: script, command: x}"
_TWO = f"canisters: [{{name: a, {BUILD}}}, {{name: b, {BUILD}}}]\n"
_CONTEXT = (
    '{{_.canister.name}} {{replace "-" "_" y}} {{#each l}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}} '
    "{{#if z}}Z{{else}}noZ{{/if}} {{l}} {{n}} {{b}} {{m}} {{nul}}"
)


def _recipe(template: str, configuration: str = "{}", keys: str = "") -> Case:
    return top(
        f"canisters: [{{name: my-can, recipe: {{type: 'file://r.hbs', configuration: {configuration}}}{keys}}}]\n",
        r_dot_hbs=template,
    )


def _command(template: str, configuration: str = "{}") -> Case:
    return _recipe(f"build:\n  steps:\n    - type: script\n      command: '{template}'\n", configuration)


VECTORS: dict[str, Case] = {
    "A1 nothing": top(""),
    "A2 unknown key": top("canisterz: []"),
    "A3 no name": top(f"canisters: [{{{BUILD}}}]"),
    "A4 name is a number": top(f"canisters: [{{name: 12, {BUILD}}}]"),
    "A5 name is yes": top(f"canisters: [{{name: yes, {BUILD}}}]"),
    "A6 name with a space": top(f'canisters: [{{name: "a b", {BUILD}}}]'),
    "A7 recipe and build": top(f"canisters: [{{name: a, recipe: {{type: 'file://r.hbs'}}, {BUILD}}}]", r_dot_hbs=BUILD),
    "A8 recipe and sync": _recipe(f"{BUILD}\nsync: {{steps: [{_STEP}]}}\n", "{}", ", sync: {steps: [{type: script, command: own}]}"),
    "A9 neither recipe nor build": top("canisters: [{name: a}]"),
    "A10 unknown key beside build": one_canister("candid: x"),
    "A11 no steps": top("canisters: [{name: a, build: {steps: []}}]"),
    "A12 unknown step": top("canisters: [{name: a, build: {steps: [{type: zip}]}}]"),
    "A13 assets": one_canister("sync: {steps: [{type: assets, dir: d}]}"),
    "A14 plugin without hash": one_canister('sync: {steps: [{type: plugin, url: "https://x.y/z"}]}'),
    "A15 plugin without place": one_canister("sync: {steps: [{type: plugin}]}"),
    "A15 pre-built without place": top("canisters: [{name: a, build: {steps: [{type: pre-built}]}}]"),
    "A16 command, then commands": top("canisters: [{name: a, build: {steps: [{type: script, command: x, commands: [y]}]}}]"),
    "A16 commands, then command": top("canisters: [{name: a, build: {steps: [{type: script, commands: [y], command: x}]}}]"),
    "A17 no commands": top("canisters: [{name: a, build: {steps: [{type: script, commands: []}]}}]"),
    "A18 unit": one_canister("settings: {memory_allocation: 1zb}"),
    "A19 part of a byte": one_canister("settings: {memory_allocation: 1.3kib}"),
    "A20 float": one_canister("settings: {wasm_memory_limit: 1e3}"),
    "A21 duration": one_canister("settings: {freezing_threshold: 1y}"),
    "A22 cycles as a float": one_canister("settings: {reserved_cycles_limit: 1.5}"),
    "A22 cycles as text": one_canister('settings: {reserved_cycles_limit: "1.5t"}'),
    "A23 five hundred percent": one_canister("settings: {compute_allocation: 500}"),
    "A23 less than nothing": one_canister("settings: {compute_allocation: -1}"),
    "A24 visibility": one_canister("settings: {log_visibility: foo}"),
    "A25 variable is a number": one_canister("settings: {environment_variables: {A: 1}}"),
    "A25 variable is yes": one_canister("settings: {environment_variables: {A: yes}}"),
    "A26 variable's file is missing": one_canister("settings: {environment_variables: {A: {path: missing}}}"),
    "A27 variable's file": one_canister("settings: {environment_variables: {A: {path: v}}}", v=" val \n\n"),
    "A28 controller": one_canister("settings: {controllers: [zzz]}"),
    "A29 two of a name": top(f"canisters: [{{name: a, {BUILD}}}, {{name: a, {BUILD}}}]"),
    "A30 no folder": top("canisters: [nope]"),
    "A30 folder without manifest": top("canisters: [sub]", sub__x=""),
    "A30 the manifest itself": top("canisters: [sub/canister.yaml]", sub__canister_dot_yaml=f"name: a\n{BUILD}"),
    "A31 patterns": top(
        'canisters: ["canisters/*", sub, "nothing/*"]',
        canisters__y__canister_dot_yaml=f"name: y\n{BUILD}",
        canisters__x__canister_dot_yaml=f"name: x\n{BUILD}",
        canisters__none__other="",
        sub__canister_dot_yaml=f"name: a\n{BUILD}",
    ),
    "A32 network's file is missing": top("networks: [n.yaml]"),
    "A33 network ic": top("networks: [{name: ic, mode: managed}]"),
    "A34 no root key": one_network("mode: connected, url: 'https://x.y'"),
    "A34 short root key": one_network("mode: connected, url: 'https://x.y', root-key: abcd"),
    "A35 mode": one_network("mode: foo"),
    "A36 gateway": one_network(
        'mode: managed, launcher: pocket-ic, gateway: {port: 0, bind: 0.0.0.0, domains: [foo.test]}, version: "12.0.0"'
    ),
    "A37 local, redefined": top("networks: [{name: local, mode: managed, gateway: {port: 8010}}]"),
    "A39 environment's network": top("environments: [{name: s, network: zz}]"),
    "A39 environment's canister": top("environments: [{name: s, canisters: [b]}]"),
    "A40 settings are replaced": top(
        f"canisters: [{{name: a, {BUILD}, settings: {{compute_allocation: 1, memory_allocation: 1gib}}}}]\n"
        "environments: [{name: s, settings: {a: {compute_allocation: 5}}}]\n"
    ),
    "A41 recipe without version": top('canisters: [{name: a, recipe: {type: "@dfinity/rust"}}]'),
    "A42 no address": top("canisters: [{name: a, recipe: {type: no-such-recipe}}]"),
    "A43 unknown registry": top('canisters: [{name: a, recipe: {type: "@foo/rust@v1"}}]'),
    "A44 template is missing": top("canisters: [{name: a, recipe: {type: 'file://nope.hbs'}}]"),
    "A45 variable is missing": _command("echo {{x}}"),
    "A46 hash of the template": top(f"canisters: [{{name: a, recipe: {{type: 'file://r.hbs', sha256: {'00' * 32}}}}}]", r_dot_hbs=BUILD),
    "A47 nothing is escaped": _command("{{x}} {{{x}}}", '{x: "<a>&b"}'),
    "A48 no build": _recipe("sync: {steps: []}\n"),
    "A49 everything": _command(_CONTEXT, "{y: a-b-c, l: [1, two], n: 1.50, b: true, m: {k: v}, nul: null, z: 0, _: user}"),
    "A50 binary value": one_canister("init_args: {value: xx, format: bin}"),
    "A51 key twice": top("canisters: []\ncanisters: []\n"),
    "A51 two documents": top("canisters: []\n---\ncanisters: []\n"),
    "A51 null": top("canisters: null\n"),
    "A52 merge key": top(f"canisters:\n- &a\n  name: a\n  {BUILD}\n- <<: *a\n  name: b\n"),
    "A65 order": top(
        f"canisters: [{{name: zeta, {BUILD}}}, {{name: alpha, {BUILD}}}]\nenvironments: [{{name: s, canisters: [alpha, zeta]}}]\n"
    ),
    "A66 commands that cannot be parsed": top(
        "canisters: [{name: a, build: {steps: [{type: script, commands: [\"echo 'unbalanced\", '\"\"', 'kill -9 $$']}]}}]\n"
    ),
    "two canisters": top(_TWO),
}
"""A1 to A52, A65 and A66; A38 is in every case, and A53 to A64 are about commands, not manifests."""

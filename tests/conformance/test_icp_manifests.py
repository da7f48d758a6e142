"""Manifests and recipes mean here what they mean to icp-cli 1.5.0: the same texts through both.

The official binary is run with a private home, without telemetry; `icp project show` loads a project and prints it.
"""

import os
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from orchestrator.core.project import ScriptStep
from orchestrator.errors import OrchestratorError
from orchestrator.manifest import load_project, load_steps
from orchestrator.recipes import LocalRecipe, expand, load_local, parse_address

pytestmark = [pytest.mark.npm, pytest.mark.slow]
TIMEOUT_SECONDS = 30
BUILD = "build: {steps: [{type: script, command: x}]}"


class Shown(yaml.SafeLoader):
    """Reads what `icp project show` prints; its tags (`!Fixed 8000`) do not matter here."""


Shown.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """A directory in which both tools load the same project."""

    binary: Path
    directory: Path

    def icp(self, manifest: str) -> dict[str, object] | None:
        """Return what icp-cli shows of a manifest, or None where it refuses it."""
        (self.directory / "icp.yaml").write_text(manifest, encoding="utf-8", newline="")
        environment = {
            **os.environ,
            "ICP_HOME": str(self.directory / "home"),
            "ICP_TELEMETRY_DISABLED": "1",
            "NO_COLOR": "1",
            "RUST_BACKTRACE": "0",
        }
        done = subprocess.run(
            [self.binary, "project", "show"], cwd=self.directory, env=environment, check=False, capture_output=True, timeout=TIMEOUT_SECONDS
        )
        shown: dict[str, object] | None = yaml.load(done.stdout, Loader=Shown) if done.returncode == 0 else None  # noqa: S506  a safe loader
        return shown

    def icp_command(self, manifest: str) -> object:
        """Return the command of canister `a` as icp-cli sees it, or None where it refuses the project."""
        shown = self.icp(manifest)
        if shown is None:
            return None
        canisters = shown["canisters"]
        assert isinstance(canisters, dict)
        return canisters["a"][1]["build"]["steps"][0]["command"]

    def own_command(self, manifest: str) -> object:
        """Return the same as this project sees it."""
        (self.directory / "icp.yaml").write_text(manifest, encoding="utf-8", newline="")
        try:
            (canister,) = load_project(self.directory).canisters
            assert canister.recipe is not None
            address = parse_address(canister.recipe)
            assert isinstance(address, LocalRecipe)
            template = load_local(canister.recipe, address, project_directory=self.directory, working_directory=self.directory)
            expansion = expand(canister.recipe, template.data, template.path, canister=canister.name)
            (step,) = load_steps(expansion.text, expansion.path, directory=self.directory).build
        except OrchestratorError:
            return None
        assert isinstance(step, ScriptStep)
        return step.commands[0]

    def accepts(self, manifest: str) -> bool:
        """Say whether this project accepts a manifest."""
        (self.directory / "icp.yaml").write_text(manifest, encoding="utf-8", newline="")
        try:
            load_project(self.directory)
        except OrchestratorError:
            return False
        return True


@pytest.fixture
def both(npm_modules: Path, tmp_path: Path) -> Both:
    """Return an empty directory and the binary, or skip where there is none for this machine."""
    binary = npm_modules / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
    if not binary.exists():
        pytest.skip("icp-cli 1.5.0 is not installed (npm has it for Linux on x64)")
    return Both(binary=binary, directory=tmp_path)


AMOUNTS = """5 -5 +5 1.5 1e3 0x10 0o17 007 ~ yes true "5" 5kib "5 KiB" 5_kb 1_000 1.5t "1.5t" 2T 30d "30 d" 1.5d "" abc .5 ".5" "5." 1e3k "1e3"
"1e3k" "0.5kib" 18446744073709551615 [] {} [1] {a: 1} "_5" "5_" "+5" " 5 " "5d " 1.0.0 2024-01-01 .inf "1e30" 1e400 "5 s" "-0" "1.50t" "1e-3k"
"1e" "e3" "." "5K" "1 t" "1.t" "_" "5kb" "5 b" "0.0000000000001t" "1t_" "1_t" "5d_" "_5_d" "1k_b" "1_kb" "1e3t_" "0e99999t" "0e-99999kib"
"0e99999999999999999999" "-0.0t" "_-0t" "-_0_kb" "-0d" "_-0" "+1d" "+-0" "- 0" "1e1_0" "1._5k" "5\\tgib" "1\\u00a0kb" "\\u20035w" "１" "1e-0" "0x10kb"
"18446744073709551616kb" "340282366920938463463374607431768211455" "340282366920938463463374607431768211456" "1e38" "1e39" 1_5_ "30D\""""
SLOTS = {
    "memory": "{name: a, " + BUILD + ", settings: {memory_allocation: VALUE}}",
    "cycles": "{name: a, " + BUILD + ", settings: {reserved_cycles_limit: VALUE}}",
    "duration": "{name: a, " + BUILD + ", settings: {freezing_threshold: VALUE}}",
    "percent": "{name: a, " + BUILD + ", settings: {compute_allocation: VALUE}}",
    "variable": "{name: a, " + BUILD + ", settings: {environment_variables: {A: VALUE}}}",
    "name": "{name: VALUE, " + BUILD + "}",
    "command": "{name: a, build: {steps: [{type: script, command: VALUE}]}}",
}


@pytest.mark.parametrize("slot", SLOTS)
def test_the_same_values_are_accepted(both: Both, slot: str) -> None:
    """Numbers, amounts and words are accepted in the same places, whatever YAML takes them for."""
    values = re.findall(r'"[^"]*"|\{[^}]*\}|\S+', AMOUNTS)
    assert len(values) > 50
    manifests = {value: f"canisters: [{SLOTS[slot].replace('VALUE', value)}]\n" for value in values}
    assert {value: both.accepts(text) for value, text in manifests.items()} == {
        value: both.icp(text) is not None for value, text in manifests.items()
    }


SCALARS = """5 -5 +5 1.5 1.50 1e3 1.0 100.0 1e16 1e17 123456789012345680.0 1e-5 1e-7 0.0001 0.00001234 1e300 0x10 -0x10 0o17 0o8 0b11 007 -007 ~
null NULL nUll yes on true True tRUE false "5" 5kib 1_000 .5 5. -.5 +.5 18446744073709551615 -9223372036854775808
340282366920938463463374607431768211456 [] {} 1.0.0 2024-01-01 12:30:45 .inf -.inf .nan .Nan 1e400 0x 0o 1e e3 ++5 0 -0 00 0.0 0e0 1E3 1.e3 .e3 = <<
"true" y n 1__0 0b 0B11 0X1F inf nan 0xFFFFFFFFFFFFFFFF"""
SHOW_VALUE = (
    "build:\n  steps:\n    - type: script\n      command: '[{{v}}]{{#if v}}T{{else}}F{{/if}}"
    "{{#each v}}{{@key}}={{this}};{{else}}none{{/each}} {{eq v 5}}{{gt v 4}}{{len v}}'\n"
)
RECIPE = "canisters:\n- name: a\n  recipe:\n    type: file://r.hbs\n    configuration: "


def test_the_same_scalars_mean_the_same(both: Both) -> None:
    """A plain scalar has the same type and is written the same way in a recipe."""
    (both.directory / "r.hbs").write_text(SHOW_VALUE, encoding="utf-8")
    manifests = {value: f"{RECIPE}{{v: {value}}}\n" for value in SCALARS.split()}
    assert {value: both.own_command(text) for value, text in manifests.items()} == {
        value: both.icp_command(text) for value, text in manifests.items()
    }


NEW_LINE = "\n        "
TAGS = """{{a}} {{{a}}} {{&n}} {{~a}} {{a~}} {{~a~}} {{#if a}} {{#if m}} {{#if z}} {{/if}} {{else}} {{^}} {{else·if·t}} {{#unless·z}} {{/unless}}
{{#each·l}} {{#each·o}} {{#each·e}} {{/each}} {{this}} {{@index}} {{@key}} {{@first}} {{@last}} {{../a}} {{@../index}} {{#with·o}} {{#with·o·as·|q|}}
{{#each·l·as·|x·i|}} {{x}} {{i}} {{q.k}} {{k}} {{/with}} {{!·c·}} {{!--·d·--}} {{o.k}} {{l.0}} {{l.[1]}} {{m}} {{lookup·o·'k'}} {{lookup·l·@index}}
{{replace·'x'·'y'·a}} {{replace·'x'·'y'·m}} {{eq·a·'x'}} {{or·m·a}} {{and·a·m}} {{not·a}} {{len·l}} {{gt·n·1}} {{#if·(eq·a·'x')}} {{#if·(or·m·z)}}
{{#if·zero·includeZero=true}} {{~#if·a~}} {{~/if~}} {{~else~}} {{@root.a}} {{this.a}} \\{{a}} \\\\{{a}} {{{{raw}}}}·{{b}}·{{{{/raw}}}} {{*inline}}
{{#*inline·"p"}} {{/inline}} {{>·p}} {{>·p·o}} {{>·p·k=a}} {{log·a}} {{_.canister.name}} {{[a]}} {{(lookup·o·'k')}} {{z}} {{l}} {{o}} {{../this}}
{{#each·(lookup·o·'l')}} {{else·each·l}} {{else·with·o}} {{#each·@root.l}}""".replace("\\\\", "\\")
DATA = "{a: x, n: 5, zero: 0, t: true, z: null, l: [1, two, [3], {k: w}], e: [], o: {k: v, l: [p, q]}}\n"
CLOSING = {"if": "{{/if}}", "unless": "{{/unless}}", "each": "{{/each}}", "with": "{{/with}}", "*inline": "{{/inline}}"}


def random_template(choose: random.Random) -> str:
    """Return tags in any order, most blocks closed, with line ends and spaces between them."""
    tags = [tag.replace("·", " ") for tag in TAGS.split()]
    parts: list[str] = []
    closing: list[str] = []
    for _ in range(choose.randint(1, 7)):
        parts.append(choose.choice(tags))
        if (opened := re.match(r"\{\{~?#(\*?\w+)", parts[-1])) and opened[1] in CLOSING:
            closing.append(CLOSING[opened[1]])
        if choose.random() < 0.35:
            parts.append(choose.choice([" ", "-", "w", NEW_LINE, NEW_LINE, f"  {NEW_LINE}", "\r\n        "]))
        if closing and choose.random() < 0.3:
            parts.append(closing.pop())
    return "".join([*parts, *reversed(closing)])


@pytest.mark.parametrize("seed", range(4))
def test_the_same_templates_render_the_same(both: Both, seed: int) -> None:
    """Templates made of any tags render to the same text, white space included, or are refused by both."""
    choose = random.Random(seed)  # noqa: S311  the same templates every time
    theirs, ours = {}, {}
    for _ in range(60):
        template = random_template(choose)
        lines = f"build:\n  steps:\n    - type: script\n      command: |\n        START\n        {template}\n        END\n"
        (both.directory / "r.hbs").write_text(lines, encoding="utf-8", newline="")
        theirs[template] = both.icp_command(RECIPE + DATA)
        ours[template] = both.own_command(RECIPE + DATA)
    assert any(theirs.values())
    assert ours == theirs

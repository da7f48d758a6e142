"""Loading and checking large projects, beside icp-cli 1.5.0 on the same files in the same run.

Times and memory are those of whole processes. icp-cli has no command that only checks: `project show` loads, and prints.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from orchestrator.documents import parse_yaml
from orchestrator.recipes import parse_template, render_template
from tests.bench.measuring import MEGABYTE, Row, measure_process, median_seconds, milliseconds, time_process
from tests.support.workspace import ROOT

__all__ = ["rows"]

ICP = ROOT / "tests" / "support" / "npm" / "node_modules" / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
OWN = Path(sys.executable).with_name("orchestrator")
CANISTERS = 1000
INLINE_CANISTERS = 5000
"""icp-cli is not asked to show these: it takes more than 24 GB to tell each canister about all others."""
TIMES = 3
SHORT_TIMES = 9
RECIPE = """build:
  steps:
    - type: script
      commands:
        - cargo build --package {{replace "-" "_" package}} --release
        {{#each metadata}}
        - ic-wasm out.wasm -o out.wasm metadata "{{name}}" -d "{{value}}"
        {{/each}}
"""
CANISTER = """name: canister-{0}
recipe:
  type: file://{1}recipe.hbs
  configuration:
    package: package-{0}
    metadata:
      - name: candid:service
        value: service-{0}
settings:
  memory_allocation: 1gib
  environment_variables:
    INDEX: "{0}"
"""
INLINE = """name: canister-{0}
build: {{steps: [{{type: script, command: echo {0}}}]}}
settings: {{compute_allocation: 1}}
"""


def rows(folder: Path) -> Iterator[Row]:
    """Measure whole projects, the command that shows the example, and the two readers by themselves."""
    yield _compared(_in_one_file(folder / "one", CANISTER, CANISTERS), f"{CANISTERS:,} canisters of one recipe, in one file")
    yield _compared(_in_many_files(folder / "many"), f"{CANISTERS:,} canisters of one recipe, a file each, found by a pattern")
    seconds, peak = _measured([str(OWN), "project", "validate"], _in_one_file(folder / "inline", INLINE, INLINE_CANISTERS), folder)
    yield Row(what=f"{INLINE_CANISTERS:,} canisters with steps of their own", value=_figures(seconds, peak), peer="icp: more than 24 GB")
    hello = folder / "hello"
    shutil.copytree(ROOT / "examples" / "hello", hello, ignore=shutil.ignore_patterns(".orchestrator", ".icp"))
    shown = _seconds([str(OWN), "project", "show"], hello, folder)
    yield Row(what="project show of examples/hello", value=milliseconds(shown), peer=_icp(hello, folder, TIMES * 3))
    yield from _readers()


def _readers() -> Iterator[Row]:
    entry = "- name: canister\n  build: {steps: [{type: script, command: some words of a command}]}\n"
    text = entry * (10 * MEGABYTE // len(entry))
    path = Path("icp.yaml")
    seconds = median_seconds(lambda: parse_yaml(text, path), times=1)
    yield Row(what="reading 10 MB of YAML", value=milliseconds(seconds))
    line = "a line of a template with {{a}} in it and {{#if b}}a block{{/if}}\n"
    template = line * (MEGABYTE // len(line))
    seconds = median_seconds(lambda: render_template(parse_template(template, path), {"a": "x", "b": True}), times=TIMES)
    yield Row(what="rendering a template of 1 MB that was parsed before", value=milliseconds(seconds))
    loop = parse_template("{{#each l as |x i|}}- {{i}}: {{x}}\n{{/each}}", path)
    seconds = median_seconds(lambda: render_template(loop, {"l": list(range(10_000))}), times=TIMES)
    yield Row(what="rendering a loop over 10,000 items", value=milliseconds(seconds))


def _compared(project: Path, what: str) -> Row:
    seconds, peak = _measured([str(OWN), "project", "validate"], project, project.parent)
    return Row(what=what, value=_figures(seconds, peak), peer=_icp(project, project.parent, 1))


def _icp(project: Path, home: Path, times: int) -> str:
    if not ICP.exists():
        return "icp is not installed"
    command = [str(ICP), "project", "show"]
    if times > 1:
        return f"icp project show: {milliseconds(_seconds(command, project, home))}"
    return f"icp project show: {_figures(*_measured(command, project, home))}"


def _figures(seconds: float, peak: int) -> str:
    return f"{milliseconds(seconds)}, {peak // MEGABYTE} MB"


def _measured(command: Sequence[str], project: Path, home: Path) -> tuple[float, int]:
    """Return the median seconds of a command, and its peak memory in a run of its own."""
    variables = _variables(home)
    peak = measure_process(command, directory=project, variables=variables).peak_bytes
    return median(time_process(command, directory=project, variables=variables) for _ in range(TIMES)), peak


def _seconds(command: Sequence[str], project: Path, home: Path) -> float:
    return median(time_process(command, directory=project, variables=_variables(home)) for _ in range(SHORT_TIMES))


def _variables(home: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(home), "ICP_HOME": str(home / "icp-home"), "ICP_TELEMETRY_DISABLED": "1", "NO_COLOR": "1"}


def _in_one_file(project: Path, canister: str, count: int) -> Path:
    project.mkdir()
    (project / "recipe.hbs").write_text(RECIPE, encoding="utf-8")
    entries = (canister.format(number, "").rstrip("\n").replace("\n", "\n    ") for number in range(count))
    (project / "icp.yaml").write_text("canisters:\n" + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")
    return project


def _in_many_files(project: Path) -> Path:
    project.mkdir()
    (project / "recipe.hbs").write_text(RECIPE, encoding="utf-8")
    (project / "icp.yaml").write_text("canisters:\n  - canisters/*\n", encoding="utf-8")
    for number in range(CANISTERS):
        folder = project / "canisters" / f"c{number}"
        folder.mkdir(parents=True)
        (folder / "canister.yaml").write_text(CANISTER.format(number, ""), encoding="utf-8")
    return project

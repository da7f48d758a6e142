"""Templates render here as icp-cli 1.5.0 renders them: random ones of every construct, through both.

One run of icp-cli renders many templates, each as a canister of its own; it refuses a project for one template that it
refuses, so those are run one by one, and the place of the fault is compared, too.
"""

import json
import math
import os
import random
import re
import resource
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from orchestrator.core.project import RecipeReference, ScriptStep
from orchestrator.errors import OrchestratorError, RecipeError
from orchestrator.manifest import load_steps
from orchestrator.recipes import expand
from tests.support.random_templates import DATA, random_template

pytestmark = [pytest.mark.npm, pytest.mark.slow]
TIMEOUT_SECONDS = 60
MAX_ADDRESS_SPACE = 8 * 1024**3
BATCH = 40
CHAINED = re.compile(r"\{\{~?\s*(?:else|\^)\s*\w")
PLACES = re.compile(r'line (\d+), col (\d+)|"Unnamed":(\d+):(\d+)')


class Shown(yaml.CSafeLoader):
    """Reads what `icp project show` prints; its tags (`!Fixed 8000`) do not matter here."""


Shown.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a template: the command it gives, or the place where it is refused, or neither (no valid YAML).

    `crashed` is for icp-cli: it panics for a `replace` with too few parameters, and for a `~` in front of `else if`.
    """

    command: str | None = None
    place: tuple[int, int] | None = None
    refused: bool = False
    crashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """A directory in which icp-cli renders templates."""

    binary: Path
    directory: Path

    def outcomes(self, templates: Sequence[str], data: dict[str, object] = DATA) -> list[Outcome]:
        """Return what becomes of templates; those that a batch is refused for are looked for by halves."""
        if not templates:
            return []
        done = self._show(templates, data)
        if done.returncode == 0:
            return [Outcome(command=command) for command in self._commands(done.stdout, len(templates))]
        if len(templates) == 1:
            return [_refusal(done.stderr.decode())]
        half = len(templates) // 2
        return [*self.outcomes(templates[:half], data), *self.outcomes(templates[half:], data)]

    def _show(self, templates: Sequence[str], data: dict[str, object]) -> subprocess.CompletedProcess[bytes]:
        configuration = json.dumps(data)
        canisters = []
        for index, template in enumerate(templates):
            (self.directory / f"{index}.hbs").write_text(wrap(template), encoding="utf-8", newline="")
            canisters.append(f"- {{name: c{index}, recipe: {{type: 'file://{index}.hbs', configuration: {configuration}}}}}\n")
        (self.directory / "icp.yaml").write_text(f"canisters:\n{''.join(canisters)}", encoding="utf-8")
        environment = {
            **os.environ,
            "ICP_HOME": str(self.directory / "home"),
            "ICP_TELEMETRY_DISABLED": "1",
            "NO_COLOR": "1",
            "RUST_BACKTRACE": "0",
        }
        return subprocess.run(
            [self.binary, "project", "show"],
            cwd=self.directory,
            env=environment,
            check=False,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE)),
        )

    def _commands(self, shown: bytes, count: int) -> list[str]:
        canisters = yaml.load(shown.partition(b"\nnetworks:")[0], Loader=Shown)["canisters"]  # noqa: S506  a safe loader
        return [str(canisters[f"c{index}"][1]["build"]["steps"][0]["command"]) for index in range(count)]


def wrap(template: str) -> str:
    """Return a recipe whose command is what a template renders to."""
    return f"build:\n  steps:\n    - type: script\n      command: |\n        START\n        {template}\n        END\n"


def _refusal(stderr: str) -> Outcome:
    if "panicked" in stderr:
        return Outcome(refused=True, crashed=True)
    found = PLACES.search(stderr)
    if found is None:
        return Outcome(refused="did not render into a valid" not in stderr)
    line, column = (int(number) for number in found.groups() if number)
    return Outcome(place=(line, column), refused=True)


def own_outcome(template: str) -> Outcome:
    """Return what becomes of a template here."""
    path = Path("/project/recipe.hbs")
    reference = RecipeReference(address="./recipe.hbs", configuration=DATA)
    try:
        expansion = expand(reference, wrap(template).encode(), path, canister="c")
    except RecipeError as error:
        return Outcome(place=(error.span.line, error.span.column) if error.span is not None else None, refused=True)
    try:
        (step,) = load_steps(expansion.text, expansion.path, directory=path.parent).build
    except OrchestratorError:
        return Outcome()
    assert isinstance(step, ScriptStep)
    return Outcome(command=step.commands[0])


@pytest.fixture
def official(npm_modules: Path, tmp_path: Path) -> Official:
    """Return icp-cli in an empty directory, or skip where there is none for this machine."""
    binary = npm_modules / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
    if not binary.exists():
        pytest.skip("icp-cli 1.5.0 is not installed (npm has it for Linux on x64)")
    return Official(binary=binary, directory=tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_random_templates_render_the_same(official: Official, seed: int) -> None:
    """Templates of any constructs, nested, give the same text here and there, or are refused at the same place."""
    choose = random.Random(seed)  # noqa: S311  the same templates every time
    templates = [random_template(choose) for _ in range(250)]
    ours = [own_outcome(template) for template in templates]
    rendered = [index for index, outcome in enumerate(ours) if outcome.command is not None]
    theirs: dict[int, Outcome] = {}
    for start in range(0, len(rendered), BATCH):
        batch = rendered[start : start + BATCH]
        theirs.update(zip(batch, official.outcomes([templates[index] for index in batch]), strict=True))
    for index, template in enumerate(templates):
        if index not in theirs:
            (theirs[index],) = official.outcomes([template])
    different = {
        templates[index]: (ours[index], theirs[index])
        for index in theirs
        if not same(template=templates[index], ours=ours[index], theirs=theirs[index])
    }
    assert not different
    assert len(rendered) > 50


def same(*, template: str, ours: Outcome, theirs: Outcome) -> bool:
    """Say whether two outcomes are the same.

    Where icp-cli crashes there is nothing to compare with. A value that is no JSON has no place there, and a fault in an
    `else if` has that of its `if`; here both have their own.
    """
    if theirs.crashed:
        return True
    if theirs.refused and (theirs.place is None or CHAINED.search(template)):
        return ours.refused
    return ours == theirs


def _numbers() -> list[float | int]:
    choose = random.Random("numbers")  # noqa: S311  the same numbers every time
    exact: list[float | int] = [
        0,
        -1,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
        2**64 - 1,
        0.0,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
    ]
    powers = [
        sign * float(f"{digits}e{power}") for power in range(-30, 31) for digits in ("1", "1.5", "1.234567890123456") for sign in (1, -1)
    ]
    anything = [struct.unpack("<d", choose.randbytes(8))[0] for _ in range(400)]
    return [*exact, *powers, *(number for number in anything if math.isfinite(number))]


def test_numbers_are_written_and_compared_the_same(official: Official) -> None:
    """Every kind of number has the same digits here and there, the same truth, and the same order."""
    numbers = _numbers()
    words = ["1", "1.0", "-0", "10", "9007199254740993", "1e5", "01", "+1", " 1", "1e400", "x", ""]
    mixed = [*numbers[:10], 1.5, 9007199254740992.0, 1e300, True, False, None, *words, [], [1], {"a": 1}]
    data = {"numbers": numbers, "mixed": mixed}
    template = (
        "{{#each numbers}}{{this}}{{#if this}} T{{/if}}{{#if this includeZero=true}} Z{{/if}} {{len this}}|{{/each}}"
        "{{#each mixed as |x i|}}{{#each @root.mixed as |y|}}{{eq x y}}{{gt x y}}{{lte x y}}{{and x y}} {{/each}}|{{/each}}"
    )
    (ours,) = load_steps(rendered(template, data), Path("/project/r.hbs"), directory=Path("/project")).build
    assert isinstance(ours, ScriptStep)
    assert official.outcomes([template], data) == [Outcome(command=ours.commands[0])]


def rendered(template: str, data: dict[str, object]) -> str:
    """Return what a template renders to here."""
    reference = RecipeReference(address="./recipe.hbs", configuration=data)
    return expand(reference, wrap(template).encode(), Path("/project/recipe.hbs"), canister="c").text

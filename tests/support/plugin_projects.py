"""Projects of counters whose sync steps are plugins that a test has built, on a network of their own.

with plugin_project(tmp_path, {"api": [component_that_calls("inc", EMPTY)]}) as project:
    project.succeed("deploy")
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.candid import decode, encode
from tests.support.replica_modules import counter
from tests.support.workspace import Workspace, workspace

__all__ = ["EMPTY", "START", "Step", "count_of", "journal_records", "plugin_project"]

EMPTY = encode([], [])
"""The arguments of a method that has none."""
START = 100
"""What a new counter shows."""


@dataclass(frozen=True, slots=True)
class Step:
    """A plugin step: the component, and further keys of the manifest in flow style, such as `proxy: none, run: changed`."""

    component: bytes
    keys: str = ""


@contextmanager
def plugin_project(
    folder: Path, canisters: Mapping[str, Sequence[Step | bytes]], *, delay_ms: int = 0, start: bool = True
) -> Iterator[Workspace]:
    """Make a project of counters with these steps; updates take `delay_ms` on its network, which is started."""
    with workspace(folder, manifest=_manifest(canisters, delay_ms)) as project:
        (project.directory / "counter.wasm").write_bytes(counter())
        for name, steps in canisters.items():
            for index, step in enumerate(steps):
                path = project.directory / f"{name}-{index}.wasm"
                path.write_bytes(step if isinstance(step, bytes) else step.component)
        if start:
            project.succeed("network", "start")
        yield project


def _manifest(canisters: Mapping[str, Sequence[Step | bytes]], delay_ms: int) -> str:
    lines = ["canisters:"]
    for name, steps in canisters.items():
        lines += [f"  - name: {name}", "    build:", "      steps: [{type: pre-built, path: counter.wasm}]"]
        lines += ["    sync:", "      steps:"] if steps else []
        for index, step in enumerate(steps):
            keys = f", {step.keys}" if isinstance(step, Step) and step.keys else ""
            lines.append(f"        - {{type: plugin, path: {name}-{index}.wasm{keys}}}")
    delay = [f"    artificial-delay-ms: {delay_ms}"] if delay_ms else []
    lines += ["networks:", "  - name: local", "    mode: managed", *delay, "    gateway: {port: 0}", ""]
    return "\n".join(lines)


def count_of(project: Workspace, name: str) -> int:
    """Return what a counter shows."""
    answer = project.succeed("canister", "call", name, "get", "--query", "--json")
    (count,) = decode(bytes.fromhex(json.loads(answer.stdout)["response_bytes"]))
    assert isinstance(count, int)
    return count


def journal_records(project: Workspace) -> list[dict[str, str]]:
    """Return the lines of all journals, oldest run first."""
    paths = sorted(project.directory.rglob("journal.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]

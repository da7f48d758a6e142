"""Runs the same plugins in this tool and in icp-cli 1.5.0, on one network, and reads what each of them says.

Every plugin is the sync step of a canister of its own name. To the network they are all one canister, a universal
one: each tool has its own, whose counters tell what the calls did.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.principal import Principal
from tests.support.official_icp import OfficialIcp
from tests.support.plugin_cases.case import PluginCase
from tests.support.replica_process import RunningReplica

__all__ = ["Ending", "Project", "Said", "read_icp", "read_ours"]

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 240
_HEADER = re.compile(r"ERR ----- Failed to sync canister '([^']+)'")
_CAUSES = ("ERR '", "ERR   caused by: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed, with its returns as they are, and answered."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a plugin ended: `error` is empty for a success, else all that the tool said; `slug` and `detail` are this tool's."""

    error: str = ""
    lines: tuple[str, ...] = ()
    slug: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a manifest that both tools read, whose canisters are all `canister`."""

    folder: Path
    network: RunningReplica
    icp: OfficialIcp
    canister: Principal

    def write(self, cases: Iterable[PluginCase], files: Mapping[str, bytes | str | None]) -> None:
        """Write the manifest, the plugins, the files (contents, or where a link leads) and the canisters' ids."""
        for path, content in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                place.write_bytes(content)
            elif content is not None:
                place.symlink_to(content)
        canisters = []
        for case in cases:
            (self.folder / f"{case.name}.wasm").write_bytes(case.component)
            step = {"type": "plugin", "path": f"{case.name}.wasm", **case.step}
            canisters.append({"name": case.name, "build": {"steps": [{"type": "pre-built", "path": "none"}]}, "sync": {"steps": [step]}})
        connection = {"name": "ours", "mode": "connected", "url": self.network.url, "root-key": self.network.root_key.hex()}
        names = [case["name"] for case in canisters]
        environment = {"name": "test", "network": "ours", "canisters": names}
        manifest = {"canisters": canisters, "networks": [connection], "environments": [environment]}
        (self.folder / "icp.yaml").write_text(json.dumps(manifest), encoding="utf-8")
        mappings = self.folder / ".icp" / "data" / "mappings"
        mappings.mkdir(parents=True, exist_ok=True)
        (mappings / "test.ids.json").write_text(json.dumps({str(name): str(self.canister) for name in names}), encoding="utf-8")

    def sync_with_icp(self, *options: str, **variables: str) -> Said:
        """Sync all canisters by icp-cli."""
        return self._run([str(self.icp.binary), "sync", "-e", "test", *options], variables)

    def sync(self, *options: str, **variables: str) -> Said:
        """Sync all canisters by this tool."""
        return self._run([sys.executable, "-m", "orchestrator.cli", "sync", "--env", "test", "--json", *options], variables)

    def _run(self, command: list[str], variables: Mapping[str, str]) -> Said:
        home = str(self.icp.home)
        own = {"ICP_TELEMETRY_DISABLED": "1", "ICP_HOME": home, "HOME": home, "NO_COLOR": "1", "RUST_BACKTRACE": "0"}
        ours = {"ORCHESTRATOR_HOME": f"{home}/orchestrator", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **own, **ours, **variables},
            check=False,
            capture_output=True,
            timeout=LIMIT_SECONDS,
        )
        return Said(exit_code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())


def read_icp(stderr: str, names: Iterable[str]) -> dict[str, Ending]:
    """Read what icp-cli said of each canister: causes joined by newlines; lines without the tool's prefixes.

    Lines may hold returns, so only newlines end them.
    """
    errors: dict[str, list[str]] = {}
    lines: dict[str, list[str]] = {name: [] for name in names}
    failed = ""
    for text in stderr.split("\n"):
        header = _HEADER.match(text)
        if header is not None:
            failed = header[1]
            errors[failed] = []
        elif text.startswith(_CAUSES):
            errors[failed].append(text)
        elif match := re.match(r"(ERR )?\[([^\]]+)\] (.*)", text, re.DOTALL):
            lines[match[2]].append(match[3])
        elif failed and not lines[failed] and not text.startswith(("Error: ", "Syncing")):
            errors[failed].append(text)
    return {name: Ending(error="\n".join(errors.get(name, [])), lines=_without_frame(lines[name])) for name in lines}


def _without_frame(lines: list[str]) -> tuple[str, ...]:
    """Take off a failure's output its heading, and the mark of each line."""
    if not lines or lines[0] != "Sync output:":
        return tuple(lines)
    return tuple(line.removeprefix("> ") for line in lines[2:] if line != "<no output>")


def read_ours(stdout: str, names: Iterable[str]) -> dict[str, Ending]:
    """Read this tool's events; as with icp-cli a success shows its stderr, and a failure both streams.

    What fails the run before any step is told of all canisters.
    """
    written: dict[str, list[tuple[str, str]]] = {name: [] for name in names}
    failures: dict[str, dict[str, str | None]] = {}
    whole: dict[str, str | None] = {}
    for event in map(json.loads, stdout.strip().split("\n")):
        if event["event"] == "step-output":
            written[event["canister"]].append((event["stream"], event["line"]))
        elif event["event"] == "step-failed":
            failures[event["canister"]] = event
        elif event["event"] == "error" and not failures:
            whole = event
    endings = {}
    for name, lines in written.items():
        failure = failures.get(name, whole)
        endings[name] = Ending(
            error=failure.get("summary") or "",
            lines=tuple(line for stream, line in lines if failure or stream == "stderr"),
            slug=failure.get("slug"),
            detail=failure.get("detail") or "",
        )
    return endings

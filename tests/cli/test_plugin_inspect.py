"""`orchestrator plugin inspect`: what a component is, without running it."""

import hashlib
import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.command import Command
from tests.support.components import OK, Guest, component_that_calls
from tests.support.second_plugins import plugin_that_reads
from tests.support.workspace import ROOT

FIELDS = {
    "schema",
    "path",
    "kind",
    "size",
    "sha256",
    "interface",
    "extension",
    "imports",
    "exports",
    "fast_calls",
    "may",
    "producers",
    "refused",
}


@pytest.fixture
def curious() -> bytes:
    """Return a plugin that imports all that plugins import."""
    return Guest().plugin(OK, wasi=("stdio", "files", "environment", "sleep", "sockets"))


def test_inspect_shows_what_a_plugin_may_do(orchestrator: Command, project: Path, curious: bytes, snapshot: SnapshotAssertion) -> None:
    """The text names the interface, the grouped imports and what the plugin may and may not do."""
    (project / "curious.wasm").write_bytes(curious)

    done = orchestrator("plugin", "inspect", "curious.wasm")

    assert (done.exit_code, done.stderr) == (0, "")
    before, _, after = done.stdout.partition("imports: ")
    imports, _, after = after.partition("exports: ")
    kept = [line for line in before.splitlines() if not line.startswith(("size:", "sha256:"))]
    assert "\n".join([*kept, after]) == snapshot
    assert "\n             wasi:clocks@0.2.0: monotonic-clock\n" in imports


def test_inspect_json_has_every_fact(orchestrator: Command, project: Path, curious: bytes) -> None:
    """One object on one line, with the hash of the very bytes."""
    (project / "curious.wasm").write_bytes(curious)

    done = orchestrator("plugin", "inspect", "curious.wasm", "--json")
    facts = json.loads(done.stdout)

    assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert set(facts) == FIELDS
    assert (facts["schema"], facts["kind"], facts["interface"]) == (1, "component", "icp:sync-plugin@0.1.0")
    assert (facts["size"], facts["sha256"]) == (len(curious), hashlib.sha256(curious).hexdigest())
    assert facts["exports"] == ["exec"]
    assert facts["fast_calls"] is True
    granted = {each["name"]: each["granted"] for each in facts["may"]}
    assert granted == {
        **dict.fromkeys(("canister-call", "directories", "output", "clocks", "exit"), True),
        **dict.fromkeys(("environment", "input", "sockets"), False),
    }


def test_inspect_tells_of_the_second_interface(orchestrator: Command, project: Path) -> None:
    """A plugin of 0.2 may call other canisters, if its step lists them, and read sections."""
    (project / "second.wasm").write_bytes(plugin_that_reads("name"))

    facts = json.loads(orchestrator("plugin", "inspect", "second.wasm", "--json").stdout)

    assert facts["interface"] == "icp:sync-plugin@0.2.0"
    assert {"other-canisters", "sections"} <= {each["name"] for each in facts["may"] if each["granted"]}


def test_inspect_says_what_a_plugin_cannot_do(orchestrator: Command, project: Path) -> None:
    """A plugin without a file system has no use for `dirs`, and that is said."""
    (project / "plain.wasm").write_bytes(component_that_calls("put", b"DIDL\0\0"))

    done = orchestrator("plugin", "inspect", "plain.wasm")

    assert done.exit_code == 0
    assert "read directories: it does not import a file system" in done.stdout


@pytest.mark.parametrize(
    ("data", "slug", "kind"),
    [
        pytest.param(b"\0asm\x01\0\0\0", "plugin/core-module", "core-module", id="core-module"),
        pytest.param(b"#!/bin/sh\n", "plugin/not-a-component", "unknown", id="script"),
        pytest.param(b"", "plugin/not-a-component", "unknown", id="empty"),
        pytest.param(b"\0asm\x0d\0\x01\0", "plugin/no-interface", "component", id="empty-component"),
    ],
)
def test_what_no_step_could_run_is_refused(orchestrator: Command, project: Path, data: bytes, slug: str, kind: str) -> None:
    """The facts are printed all the same, the reason is on stderr, and the exit status is 1."""
    (project / "odd.wasm").write_bytes(data)

    done = orchestrator("plugin", "inspect", "odd.wasm", "--json")
    facts = json.loads(done.stdout)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"error[{slug}]: ")
    assert (facts["kind"], facts["refused"]["slug"], facts["may"]) == (kind, slug, [])


def test_what_only_looks_like_a_component_is_refused(orchestrator: Command, project: Path) -> None:
    """A file of which nothing is understood is compiled, which tells."""
    (project / "odd.wasm").write_bytes(b"\0asm\x0d\0\x01\0\x07\x05\xff\xff\xff\xff\xff")

    done = orchestrator("plugin", "inspect", "odd.wasm", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["refused"]["slug"] == "plugin/invalid-component"


def test_damaged_code_is_refused(orchestrator: Command, project: Path) -> None:
    """A component whose outline can be read, but whose code cannot be compiled, is what no step could run."""
    data = bytearray((ROOT / "examples" / "hello" / "plugin" / "seed.wasm").read_bytes())
    data[9000:9006] = b"\xff" * 6
    (project / "x.wasm").write_bytes(data)

    done = orchestrator("plugin", "inspect", "x.wasm", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["refused"]["slug"] == "plugin/invalid-component"


def test_an_unknown_import_is_named(orchestrator: Command, project: Path) -> None:
    """A component that wants HTTP is refused by the name of what it imports."""
    (project / "web.wasm").write_bytes(
        Guest().plugin(OK, extra_imports='(import "wasi:http/outgoing-handler@0.2.0" (instance (export "x" (type (sub resource)))))')
    )

    done = orchestrator("plugin", "inspect", "web.wasm")

    assert done.exit_code == 1
    assert "`wasi:http/outgoing-handler@0.2.0`" in done.stderr
    assert "wasi:http@0.2.0: outgoing-handler" in done.stdout


def test_a_missing_file_is_a_wrong_command_line(orchestrator: Command) -> None:
    """Naming no file is exit status 2, with the reason."""
    done = orchestrator("plugin", "inspect", "missing.wasm")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error[usage/no-component]: the plugin `missing.wasm` cannot be read\n  No such file or directory")

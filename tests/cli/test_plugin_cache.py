"""`orchestrator plugin cache`, `--offline` and `--strict`."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.components import component_that_returns_ok
from tests.support.faulty_server import Answer, FaultyServer, faulty_server

COMPONENT = component_that_returns_ok()
SHA256 = hashlib.sha256(COMPONENT).hexdigest()


@pytest.fixture
def server(project: Path) -> Iterator[FaultyServer]:
    """Serve a plugin that the project's canister uses, once its module is there."""
    (project / "backend.wasm").write_bytes(b"\0asm\1\0\0\0")
    (project / "dist").mkdir()
    with faulty_server(Answer(body=COMPONENT)) as running:
        step = f"        - {{type: plugin, url: '{running.url}?token=hunter2', sha256: {SHA256}, dirs: [dist]}}"
        text = (project / "icp.yaml").read_text(encoding="utf-8")
        text = text.replace("          path: backend.wasm\n", f"          path: backend.wasm\n    sync:\n      steps:\n{step}\n")
        (project / "icp.yaml").write_text(text, encoding="utf-8")
        yield running


def test_the_cache_is_filled_listed_and_cleared(orchestrator: Command, server: FaultyServer, tmp_path: Path) -> None:
    """What is downloaded ahead of time is listed with its size and where it came from, without secrets, and can be deleted."""
    home = tmp_path / "home" / "orchestrator" / "cache"

    filled = orchestrator("plugin", "cache", "fetch")
    again = json.loads(orchestrator("plugin", "cache", "fetch", "backend", "--json", "--offline").stdout)
    listed = orchestrator("plugin", "cache", "list")
    value = json.loads(orchestrator("plugin", "cache", "list", "--json").stdout)

    assert (filled.exit_code, filled.stdout) == (0, f"Kept 1 download ({len(COMPONENT) / 1024:.1f} KiB)\n"), str(filled)
    assert len(server.requests) == 1
    shown = f"{server.url}?token=***"
    assert [(each["sha256"], each["size"], each["url"]) for each in again["packages"]] == [(SHA256, len(COMPONENT), shown)]
    assert f"Downloads in {home / 'packages'}: 1, " in listed.stdout
    assert f"{SHA256}  {shown}\n" in listed.stdout
    assert (value["packages"][0]["name"], value["components"]) == (shown, [])
    assert orchestrator("plugin", "cache", "path").stdout == f"{home / 'packages'}\n{home / 'components'}\n"
    assert orchestrator("plugin", "cache", "clear", "--components").stdout == "Deleted 0 compiled plugins (0 bytes)\n"
    cleared = json.loads(orchestrator("plugin", "cache", "clear", "--json").stdout)
    assert cleared == {"schema": 1, "packages": {"files": 1, "size": len(COMPONENT)}, "components": {"files": 0, "size": 0}}
    assert json.loads(orchestrator("plugin", "cache", "list", "--json").stdout)["packages"] == []


@pytest.mark.parametrize("by_variable", [False, True])
def test_offline_a_plan_says_what_is_missing(orchestrator: Command, server: FaultyServer, *, by_variable: bool) -> None:
    """Without a connection the error names URL, hash and command at the manifest's place; after a fetch the plan works."""
    arguments = ["plan"] if by_variable else ["plan", "--offline"]
    environ = {"ORCHESTRATOR_OFFLINE": "1"} if by_variable else {}

    refused = orchestrator(*arguments, environ=environ)
    orchestrator("plugin", "cache", "fetch")
    planned = orchestrator(*arguments, environ=environ)

    assert refused.exit_code == 1
    for text in ("plugin/download", f"{server.url}?token=***", SHA256, "icp.yaml:", "`orchestrator plugin cache fetch`"):
        assert text in refused.stderr, text
    assert "hunter2" not in refused.stdout + refused.stderr
    assert planned.exit_code == 3, str(planned)
    assert len(server.requests) == 1


def test_a_list_in_no_project(orchestrator: Command, project: Path) -> None:
    """The cache is the user's: no project is needed, and a broken one is no hindrance."""
    (project / "icp.yaml").write_text("canisters: 12", encoding="utf-8")

    done = orchestrator("plugin", "cache", "list")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.count(": none\n") == 2


def test_strict_refuses_before_anything_is_sent(orchestrator: Command, project: Path, server: FaultyServer) -> None:
    """A secret in a declared directory is an error with `--strict`, in a plan as well, at the entry's place."""
    (project / "dist" / ".env").touch()

    assert orchestrator("plan").exit_code == 3
    strict = orchestrator("plan", "--strict")

    assert strict.exit_code == 1
    assert "error[plugin/private-contents]: plugin dir 'dist' holds .env, which the plugin can read" in strict.stderr
    assert "icp.yaml:" in strict.stderr
    assert len(server.requests) == 1

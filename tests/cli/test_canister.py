"""`orchestrator canister`, on networks that do not run."""

import json
from pathlib import Path

import pytest

from tests.support.command import Command


def test_list_has_every_canister_of_the_environment(orchestrator: Command) -> None:
    """Names come one per line; no network is needed."""
    done = orchestrator("canister", "list")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "backend\n", "")


def test_json_list_is_as_documented(orchestrator: Command) -> None:
    """The JSON names the environment and its canisters."""
    done = orchestrator("canister", "list", "--json", "-e", "staging")

    assert json.loads(done.stdout) == {"schema": 1, "environment": "staging", "canisters": ["backend"]}


@pytest.mark.parametrize("arguments", ["canister status bakend", "canister call bakend greet"])
def test_misspelt_canister_is_told_without_a_network(orchestrator: Command, arguments: str) -> None:
    """A name that nothing has is the first thing to be told, not that the network does not run."""
    done = orchestrator(*arguments.split())

    assert (done.exit_code, done.stdout) == (2, "")
    assert "error[usage/unknown-canister]" in done.stderr
    assert "hint: did you mean `backend`? canisters of `local`: backend" in done.stderr


@pytest.mark.parametrize("arguments", ["canister status", "canister status backend", "canister call backend greet"])
def test_stopped_network_is_an_error_that_says_how_to_start(orchestrator: Command, arguments: str) -> None:
    """Looking at canisters of a network that does not run starts nothing, and says what to do."""
    done = orchestrator(*arguments.split())

    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[network/not-running]" in done.stderr
    assert "hint: run `orchestrator network start local`" in done.stderr


def test_list_by_label(orchestrator: Command, project: Path) -> None:
    """`--label` chooses canisters; a label that none has is an error with those there are."""
    manifest = project / "icp.yaml"
    labelled = "\n  - name: web\n    labels: { tier: edge, shard: 7 }\n    build: { steps: [{ type: pre-built, path: w.wasm }] }\nnetworks:"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("\nnetworks:", labelled), encoding="utf-8")

    found = orchestrator("canister", "list", "--label", "tier=edge", "--label", "shard=7")
    missing = orchestrator("canister", "list", "--label", "tier=egde")
    malformed = orchestrator("build", "--label", "tier")

    assert (found.exit_code, found.stdout) == (0, "web\n")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "hint: did you mean `tier=edge`? labels there: shard=7, tier=edge" in missing.stderr
    assert malformed.exit_code == 2
    assert "'tier' is not of the form KEY=VALUE" in malformed.stderr


def test_stopping_takes_a_name_or_a_label(orchestrator: Command) -> None:
    """Nobody stops all canisters by leaving something out."""
    done = orchestrator("canister", "stop")

    assert (done.exit_code, done.stdout) == (2, "")
    assert "error[usage/no-canister]" in done.stderr
    assert "there are: backend" in done.stderr

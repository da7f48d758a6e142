"""`orchestrator canister`, on networks that do not run."""

import json

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

"""`orchestrator network`, on networks that do not run."""

import json

import pytest

from tests.support.command import Command


def test_status_of_a_stopped_network(orchestrator: Command) -> None:
    """A network that does not run is reported, not an error."""
    done = orchestrator("network", "status")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "Network: local\nState: stopped\n", "")


def test_json_status_has_exactly_the_documented_fields(orchestrator: Command) -> None:
    """The JSON has every field, null where nothing is known."""
    done = orchestrator("network", "status", "local", "--json")

    assert json.loads(done.stdout) == {
        "schema": 1,
        "name": "local",
        "launcher": "embedded",
        "state": "stopped",
        "api_url": None,
        "gateway_url": None,
        "root_key": None,
        "pid": None,
        "proxy_canister_id": None,
    }
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments", [("network", "status", "-e", "staging"), ("-e", "staging", "network", "status")])
def test_status_of_a_connected_network(orchestrator: Command, arguments: tuple[str, ...]) -> None:
    """A connected network is told as the manifest describes it; the environment may stand before or after the command."""
    lines = orchestrator(*arguments).stdout.splitlines()

    assert lines[:3] == ["Network: test", "State: connected", "Api Url: http://127.0.0.1:1"]
    assert lines[-1].startswith("Root Key: 308182301d06")


@pytest.mark.parametrize("verb", ["start", "stop", "reset"])
def test_connected_networks_are_not_ours_to_run(orchestrator: Command, verb: str) -> None:
    """Starting, stopping or resetting a connected network is refused."""
    done = orchestrator("network", verb, "test")

    assert done.exit_code == 1
    assert done.stderr.startswith("error[network/not-managed]: network `test` is not a managed network\n")


def test_stopping_what_does_not_run(orchestrator: Command) -> None:
    """Stopping a network that does not run is an error that names the start command."""
    done = orchestrator("network", "stop")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "error[network/not-running]: the `local` network of this project is not running\n\nhint: run `orchestrator network start local`\n"
    )


def test_list_names_every_network(orchestrator: Command) -> None:
    """Networks are listed by name, one per line, or as JSON."""
    text = orchestrator("network", "list").stdout
    value = json.loads(orchestrator("network", "list", "--json").stdout)

    assert text == "ic\nlocal\ntest\n"
    assert value == {"schema": 1, "networks": ["ic", "local", "test"]}

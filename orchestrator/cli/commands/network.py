"""`orchestrator network start|stop|status|ping|reset|list`."""

import json
from typing import TYPE_CHECKING

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.networks import choose_network, hold_environments, require_managed
from orchestrator.cli.options import confirm_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import open_project, wait
from orchestrator.errors import NetworkError

if TYPE_CHECKING:
    from orchestrator.network.access import NetworkAccess

__all__ = ["list_networks", "network", "ping", "reset", "start", "status", "stop"]

_HERE = "orchestrator.cli.commands.network"
_COMMANDS = {
    "start": f"{_HERE}:start",
    "stop": f"{_HERE}:stop",
    "status": f"{_HERE}:status",
    "ping": f"{_HERE}:ping",
    "reset": f"{_HERE}:reset",
    "list": f"{_HERE}:list_networks",
}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Start, stop and look at networks.")
@shared_options
def network() -> None:
    """Start, stop and look at the project's networks."""


@click.command(short_help="Start a managed network.")
@click.argument("name", required=False)
@click.option("-d", "--background", is_flag=True, hidden=True, help="Accepted for icp-cli's sake: networks run in the background anyway.")
@click.option("--foreground", is_flag=True, help="Stay, show the network's log, and stop it on Ctrl-C.")
@shared_options
@click.pass_obj
def start(state: State, *, name: str | None, background: bool, foreground: bool) -> None:  # noqa: ARG001  # `background` happens anyway
    """Start the network NAME, or the environment's; it runs on its own until it is stopped."""
    from orchestrator.cli.foreground import refuse_running, stay
    from orchestrator.network.access import NetworkReport
    from orchestrator.network.manager import network_status, start_network
    from orchestrator.network.notices import find_notices
    from orchestrator.network.settings import NetworkSettings
    from orchestrator.ui.networks import network_to_json, render_started
    from orchestrator.ui.sentences import render_event

    project = open_project(state)
    managed = require_managed(choose_network(state, project, name))

    settings = NetworkSettings.from_environment(state.terminal.environ)

    async def run() -> tuple[bool, "NetworkAccess"]:
        report = await network_status(project.directory, managed, settings=settings)
        if foreground:
            refuse_running(report)
        for notice in find_notices(managed, report):
            _tell(state, render_event(notice, style=state.style()))
        silent = report.pid if report.state == "unresponsive" else None
        access = await start_network(project.directory, managed, settings=settings, silent=silent)
        if state.as_json:
            found = NetworkReport(name=access.name, launcher=access.launcher, state="running", access=access)
            state.terminal.stdout.write(f"{json.dumps(network_to_json(found))}\n")
            state.terminal.stdout.flush()
        return report.state == "running", access

    if foreground:
        stay(state, project, managed, run, settings=settings)
    else:
        running, access = wait(run)
        _tell(state, render_started(access, already=running, style=state.style()))


@click.command(short_help="Stop a managed network; its state stays.")
@click.argument("name", required=False)
@shared_options
@click.pass_obj
def stop(state: State, *, name: str | None) -> None:
    """Stop the network NAME, or the environment's. Its state stays: started again, it has the same canisters."""
    from orchestrator.network.manager import stop_network
    from orchestrator.network.notices import describe_save_failure
    from orchestrator.network.saving import find_save_failure
    from orchestrator.network.settings import NetworkSettings
    from orchestrator.store import Layout
    from orchestrator.ui.networks import render_stopped
    from orchestrator.ui.sentences import render_event

    project = open_project(state)
    settings = NetworkSettings.from_environment(state.terminal.environ)
    managed = require_managed(choose_network(state, project, name))
    try:
        with hold_environments(project, managed, "network stop"):
            failure = wait(lambda: find_save_failure(project.directory, Layout(project.directory).network(managed.name)))
            if failure is not None:
                _tell(state, render_event(describe_save_failure(managed.name, failure), style=state.style()))
            ended = wait(lambda: stop_network(project.directory, managed, settings=settings))
    except NetworkError as error:
        if error.slug != "network/not-running":
            raise
        _tell(state, f"Network `{managed.name}` is not running")
        return
    _tell(state, render_stopped(managed.name, ended))


@click.command(short_help="Show how a network is reached.")
@click.argument("name", required=False)
@shared_options
@click.pass_obj
def status(state: State, *, name: str | None) -> None:
    """Show the state of the network NAME, or of the environment's, and how it is reached."""
    from orchestrator.network.manager import network_status
    from orchestrator.network.settings import NetworkSettings
    from orchestrator.ui.networks import network_to_json, render_network

    project = open_project(state)
    chosen = choose_network(state, project, name)
    settings = NetworkSettings.from_environment(state.terminal.environ)
    report = wait(lambda: network_status(project.directory, chosen, settings=settings))
    text = json.dumps(network_to_json(report)) if state.as_json else render_network(report)
    state.terminal.stdout.write(f"{text}\n")


@click.command(short_help="Ask a network how it is.")
@click.argument("name", metavar="[NAME|URL]", required=False)
@click.option("--wait-healthy", is_flag=True, help="Ask again until the network is healthy, for a minute at most.")
@shared_options
@click.pass_obj
def ping(state: State, *, name: str | None, wait_healthy: bool) -> None:
    """Ask the network NAME, the environment's, or the one at a URL how it is; nothing of the answer is verified."""
    from orchestrator.cli.networks import find_api_url
    from orchestrator.network import ping as pinging
    from orchestrator.network.settings import ANSWER_SECONDS
    from orchestrator.ui.networks import render_ping

    label, api_url = find_api_url(state, name)
    answer = wait(lambda: pinging.wait_healthy(api_url) if wait_healthy else pinging.ping_network(api_url, seconds=ANSWER_SECONDS))
    state.terminal.stdout.write(f"{render_ping(label, answer, as_json=state.as_json)}\n")


@click.command(short_help="Stop a managed network and delete its state.")
@click.argument("name", required=False)
@confirm_option
@shared_options
@click.pass_obj
def reset(state: State, *, name: str | None) -> None:
    """Stop the network NAME, or the environment's, and delete its state: canisters, their ids and records.

    What would be deleted is said, and asked about at a terminal; elsewhere nothing is deleted without `--yes`.
    """
    from orchestrator.cli.resets import require_reset
    from orchestrator.network.manager import reset_network
    from orchestrator.network.settings import NetworkSettings

    project = open_project(state)
    managed = require_managed(choose_network(state, project, name))
    with hold_environments(project, managed, "network reset"):
        require_reset(state, project, managed)
        settings = NetworkSettings.from_environment(state.terminal.environ)
        wait(lambda: reset_network(project.directory, managed, settings=settings))
    _tell(state, f"Network `{managed.name}` is empty; to start it, run `orchestrator network start {managed.name}`")


@click.command("list", short_help="List the project's networks.")
@shared_options
@click.pass_obj
def list_networks(state: State) -> None:
    """List the names of the project's networks, one per line."""
    names = sorted(open_project(state).networks)
    text = json.dumps({"schema": 1, "networks": names}) if state.as_json else "\n".join(names)
    state.terminal.stdout.write(f"{text}\n")


def _tell(state: State, text: str) -> None:
    state.terminal.stderr.write(f"{text}\n")

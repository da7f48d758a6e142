"""The reference page is complete: every command, every event, every JSON field."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orchestrator.cli.main import root
from orchestrator.events import EVENTS
from orchestrator.network.access import NetworkReport
from orchestrator.ui.locks import lock_to_json
from orchestrator.ui.networks import network_to_json

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*prefix, name))
        else:
            yield (*prefix, name), command


@pytest.mark.parametrize("words", [" ".join(words) for words, _ in commands(root)])
def test_every_command_is_on_the_page(words: str) -> None:
    """A command that exists is documented."""
    assert f"`{words}" in PAGE


@pytest.mark.parametrize("event", sorted(kind.event for kind in EVENTS))
def test_every_event_is_on_the_page(event: str) -> None:
    """An event that can be emitted is documented."""
    assert f"`{event}`" in PAGE


def test_json_fields_are_on_the_page() -> None:
    """The fields of the status objects are documented."""
    network = network_to_json(NetworkReport(name="n", launcher=None, state="stopped", access=None))
    lock = lock_to_json("local", held=False, holder=None)

    assert [field for field in {**network, **lock} if f"`{field}`" not in PAGE] == []


def test_shared_options_are_on_every_command_and_on_the_page() -> None:
    """Every command has the shared options, and the page names each of them."""
    shared = {name for option in root.params for name in option.opts if option.name not in {"version", "help"}}

    for words, command in commands(root):
        own = {name for option in command.params for name in option.opts}
        assert shared <= own, words
    assert [name for name in shared if f"`{name}`" not in PAGE and f"`{name} " not in PAGE] == []

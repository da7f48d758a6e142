"""`orchestrator canister call|list|status|start|stop`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.call_arguments import read_arguments
from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import confirm_option, label_option, proxy_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import look, run_verb
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.core.principal import Principal
    from orchestrator.engine.ports import LiveCanister
    from orchestrator.engine.session import Session
    from orchestrator.ui.canisters import CanisterReport

__all__ = ["call", "canister", "list_canisters", "start", "status", "stop"]

_HERE = "orchestrator.cli.commands.canister"
_COMMANDS = {
    "call": f"{_HERE}:call",
    "list": f"{_HERE}:list_canisters",
    "status": f"{_HERE}:status",
    "start": f"{_HERE}:start",
    "stop": f"{_HERE}:stop",
}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Call and look at canisters.")
@shared_options
def canister() -> None:
    """Call and look at the environment's canisters."""


@click.command(short_help="Call a method of a canister.")
@click.argument("name", metavar="CANISTER")
@click.argument("method")
@click.argument("arguments", metavar="[ARGS]", required=False)
@click.option("--args-file", metavar="FILE", type=click.Path(path_type=Path), help="Read the arguments from a file, `-` for stdin.")
@click.option("--args-format", type=click.Choice(["candid", "hex", "bin"]), default="candid", help="What the arguments are.")
@click.option("--query/--update", "query", default=None, help="How to call; otherwise the canister's interface tells.")
@click.option("-o", "--output", type=click.Choice(["auto", "candid", "text", "hex"]), default="auto", help="How to print the reply.")
@proxy_option
@confirm_option
@shared_options
@click.pass_obj
def call(
    state: State,
    *,
    name: str,
    method: str,
    arguments: str | None,
    args_file: Path | None,
    args_format: str,
    query: bool | None,
    output: str,
) -> None:
    """Call METHOD of CANISTER, a name or a principal, with ARGS in Candid text, and print the reply.

    Argument types come from the interface that the canister carries.
    """
    from orchestrator import engine
    from orchestrator.ui.canisters import answer_to_json, render_answer

    sent = read_arguments(state.terminal, arguments, args_file, args_format)
    answer = look(state, "canister call", lambda session: engine.call(session, name, method, sent, query=query))
    text = (
        json.dumps(answer_to_json(answer.reply, answer.text), ensure_ascii=False)
        if state.as_json
        else render_answer(answer.reply, answer.text, output)
    )
    state.terminal.stdout.write(f"{text}\n")


@click.command("list", short_help="List the environment's canisters.")
@label_option
@shared_options
@click.pass_obj
def list_canisters(state: State, *, labels: tuple[tuple[str, str], ...]) -> None:
    """List the names of the environment's canisters, deployed or not, one per line."""
    from orchestrator import engine
    from orchestrator.ui.canisters import canisters_to_json

    async def names(session: "Session") -> tuple[str, ...]:
        return engine.select_labelled(session, (), labels) or tuple(engine.canister_list(session))

    found = look(state, "canister list", names)
    text = json.dumps(canisters_to_json(state.environment, found), ensure_ascii=False) if state.as_json else "\n".join(found)
    state.terminal.stdout.write(f"{text}\n" if text else "")


@click.command(short_help="Show how canisters are.")
@click.argument("name", metavar="[CANISTER]", required=False)
@click.option("-i", "--id-only", is_flag=True, help="Print the canister's id and nothing else.")
@label_option
@shared_options
@click.pass_obj
def status(state: State, *, name: str | None, id_only: bool, labels: tuple[tuple[str, str], ...]) -> None:
    """Show the state of CANISTER, a name or a principal, or of all deployed canisters of the environment."""
    from orchestrator import engine
    from orchestrator.ui.canisters import canister_to_json, render_canister

    async def ask(session: "Session") -> list["CanisterReport"]:
        chosen = engine.select_labelled(session, () if name is None else (name,), labels)
        names = chosen if name is not None else [each for each in await engine.canister_ids(session) if not labels or each in chosen]
        return [_report(session, each, *await engine.canister_status(session, each)) for each in names]

    for report in look(state, "canister status", ask):
        if id_only:
            text = str(report.id)
        elif state.as_json:
            text = json.dumps(canister_to_json(report), ensure_ascii=False)
        else:
            text = render_canister(report)
        state.terminal.stdout.write(f"{text}\n")


@click.command(short_help="Start canisters.")
@click.argument("names", nargs=-1, metavar="[CANISTER]...")
@label_option
@confirm_option
@shared_options
@click.pass_obj
def start(state: State, *, names: tuple[str, ...], labels: tuple[tuple[str, str], ...]) -> None:
    """Start deployed canisters, by name or by label; those that run already are left alone."""
    from orchestrator import engine

    run_verb(state, "canister start", lambda session: engine.start_canisters(session, _choose(session, names, labels)))


@click.command(short_help="Stop canisters.")
@click.argument("names", nargs=-1, metavar="[CANISTER]...")
@label_option
@confirm_option
@shared_options
@click.pass_obj
def stop(state: State, *, names: tuple[str, ...], labels: tuple[tuple[str, str], ...]) -> None:
    """Stop deployed canisters, by name or by label, and wait until they have stopped; they keep their state and their cycles."""
    from orchestrator import engine

    run_verb(state, "canister stop", lambda session: engine.stop_canisters(session, _choose(session, names, labels)))


def _choose(session: "Session", names: tuple[str, ...], labels: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the canisters that somebody named or labelled; stopping all of them takes more than forgetting to say which."""
    from orchestrator import engine

    if not names and not labels:
        known = ", ".join(engine.canister_list(session))
        raise UsageError(
            "no canister was named", slug="usage/no-canister", hint=f"name one, or give `--label KEY=VALUE`; there are: {known}"
        )
    return engine.select_labelled(session, names, labels)


def _report(session: "Session", name: str, canister_id: "Principal", live: "LiveCanister") -> "CanisterReport":
    from orchestrator.engine.session import canister_key
    from orchestrator.ui.canisters import CanisterReport

    key = canister_key(session, name)
    return CanisterReport(
        name=key if key in {each.name for each in session.environment.canisters} else None,
        id=canister_id,
        state=live.state,
        settings=live.settings,
        module_hash=live.module_hash,
        cycles=live.cycles,
        memory_bytes=live.memory_bytes,
    )

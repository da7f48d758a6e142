"""What stands on the command line of `plugin run`, as the values that a run takes."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.core.units import UnitError, parse_duration, parse_memory
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.engine.authoring.mock import Answer
    from orchestrator.sandbox.limits import Limits

__all__ = ["OrderedCommand", "check_writable", "parse_answers", "parse_limits"]

_ORDER = "orchestrator.answers-order"
_ANSWERS = ("reply", "fail")
_REPLY_FORM = "--reply METHOD=HEX"


class OrderedCommand(click.Command):
    """A command that remembers in which order `--reply` and `--fail` came; click keeps the order of each alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, once more than usual."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order if parameter.name in _ANSWERS]
        return super().parse_args(ctx, args)


def parse_answers(context: click.Context, replies: Iterable[str], failures: Iterable[str]) -> "Mapping[str, Sequence[Answer]]":
    """Return each method's answers in the order of the command line; raises `UsageError`."""
    from orchestrator.engine.authoring.mock import CallFailure

    left: dict[str, list[str]] = {"reply": list(replies), "fail": list(failures)}
    answers: dict[str, list[Answer]] = {}
    for name in context.meta[_ORDER]:
        method, value = _split(left[name].pop(0), _REPLY_FORM if name == "reply" else "--fail METHOD=TEXT")
        answers.setdefault(method, []).append(CallFailure(value) if name == "fail" else _reply(method, value))
    return answers


def _split(text: str, form: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        hint = _reply_hint(text or "METHOD", "") if form == _REPLY_FORM else f"write `{form}`"
        raise UsageError(f"`{text}` is not of the form `{form}`", slug="usage/reply", hint=hint)
    return name, value


def _reply(method: str, value: str) -> bytes | str:
    """Return a reply: Candid text if it begins with a parenthesis, else hex."""
    if value.lstrip().startswith("("):
        return value
    try:
        return bytes.fromhex(value.strip().removeprefix("0x"))
    except ValueError as error:
        raise UsageError(
            f"the reply of `{method}` is neither hex digits nor Candid text in parentheses",
            slug="usage/reply",
            hint=_reply_hint(method, value.strip()),
        ) from error


def _reply_hint(method: str, value: str) -> str:
    """Say how a reply is written; a bare Candid value only lacks its parentheses."""
    name = method.strip("=") or "METHOD"
    return f"write `--reply '{name}=({value or '1 : nat'})'` in Candid text, or `--reply {name}=4449444c0000` in hex"


def parse_limits(*, timeout: str | None, compute: float | None, memory: str | None, environ: "Mapping[str, str]") -> "Limits":
    """Return the limits of a run; raises `UsageError` for one that says nothing or lets no plugin run."""
    from orchestrator.sandbox.limits import DEFAULT_MEMORY_BYTES, Limits, compute_limit

    return Limits(
        compute_seconds=compute_limit(flag=compute, environment=environ, step=None),
        timeout_seconds=_amount("--timeout", timeout, parse_duration, "10m"),
        memory_bytes=_amount("--memory", memory, parse_memory, "512mib") or DEFAULT_MEMORY_BYTES,
    )


def _amount(option: str, text: str | None, parse: Callable[[str], int], example: str) -> int | None:
    if text is None:
        return None
    try:
        amount = parse(text)
    except UnitError as error:
        raise UsageError(f"`{option}`: {error}", slug="usage/limit", hint=f"write for example `{option} {example}`") from error
    if amount == 0:
        raise UsageError(f"`{option} {text}` lets no plugin run", slug="usage/limit", hint=f"write for example `{option} {example}`")
    return amount


def check_writable(path: Path, shown: Path) -> None:
    """Refuse a file that cannot be written before there is anything to write; raises `UsageError`."""
    folder = path.parent
    if path.is_dir():
        problem = "it is a directory"
    elif path.exists() and not path.is_file():
        problem = "it is a device or a pipe, and a file would be put in its place"
    elif not folder.is_dir():
        problem = f"there is no directory `{folder}`"
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = f"the directory `{folder}` may not be written"
    else:
        return
    raise UsageError(f"the recording `{shown}` cannot be written", slug="usage/recording", detail=problem, hint="name another file")

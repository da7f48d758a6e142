"""Command groups that import a command's module only when it is needed."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group whose commands are named as `module:attribute`; without a command it prints its help."""

    def __init__(self, *arguments: Any, commands_by_name: Mapping[str, str], **attributes: Any) -> None:
        """Take the commands, in the order in which help lists them."""
        super().__init__(*arguments, **{"invoke_without_command": True, **attributes})
        self._sources = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names as given."""
        return list(self._sources)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import a command."""
        source = self._sources.get(cmd_name)
        if source is None:
            return None
        module, _, attribute = source.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for an unknown one, say which is nearest."""
        near = get_close_matches(args[0], self._sources, n=1)
        if args[0] not in self._sources and near:
            raise click.UsageError(f"no such command '{args[0]}'. Did you mean '{near[0]}'?", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, or print the help when none was named."""
        if not ctx._protected_args and not ctx.args:  # noqa: SLF001  # click has no public name for the arguments that are left
            click.echo(ctx.get_help())
            return None
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None:  # click does not say which command lacks an option's value
                name = ctx.invoked_subcommand or ""
                error.ctx = click.Context(
                    self.get_command(ctx, name) or self, parent=ctx if name else ctx.parent, info_name=name or ctx.info_name
                )
            raise

"""`orchestrator recipe render`."""

import json
from pathlib import Path

import click

from orchestrator.cli.options import KeyValue, offline_option, shared_options
from orchestrator.cli.recipes import load_any_recipe
from orchestrator.cli.state import State
from orchestrator.cli.verbs import show_warnings
from orchestrator.engine.authoring.recipe_rendering import DEFAULT_CANISTER
from orchestrator.errors import UsageError

__all__ = ["render"]

_FACTS = "What `_` has beside the canister's name, such as network.managed=false; may be repeated."


@click.command(short_help="Print what a recipe renders to.")
@click.argument("recipe", metavar="FILE")
@click.option("--canister", metavar="NAME", default=DEFAULT_CANISTER, show_default=True, help="The canister's name, `_.canister.name`.")
@click.option("--configuration", metavar="FILE|-", help="The configuration, in YAML or JSON; `-` reads it from stdin.")
@click.option(
    "--set", "pairs", metavar="KEY=VALUE", type=KeyValue(), multiple=True, help="Set a value, read as YAML; a.b=1 sets one in a map."
)
@click.option("--fact", "facts", metavar="KEY=VALUE", type=KeyValue(), multiple=True, help=_FACTS)
@offline_option
@shared_options
@click.pass_obj
def render(
    state: State,
    *,
    recipe: str,
    canister: str,
    configuration: str | None,
    pairs: tuple[tuple[str, str], ...],
    facts: tuple[tuple[str, str], ...],
) -> None:
    """Print the text that a recipe renders to, byte for byte: YAML with `build` and `sync`.

    FILE is a template, a folder with a recipe.hbs, the name of a bundled recipe, or an address as in a manifest. The
    configuration is checked by the recipe.yaml beside the template, which fills in defaults, too.
    """
    from orchestrator.engine.authoring.recipe_rendering import RecipeInput, merge_values, render_recipe
    from orchestrator.ui.recipes import rendering_to_json

    values = merge_values(_configuration(state, configuration), pairs, "--set")
    given = RecipeInput(configuration=values, canister=canister, facts=merge_values({}, facts, "--fact"))
    expansion = render_recipe(load_any_recipe(state, recipe), given)
    show_warnings(state, expansion.warnings)
    if state.as_json:
        state.terminal.stdout.write(f"{json.dumps(rendering_to_json(expansion), ensure_ascii=False)}\n")
    else:
        state.terminal.write_verbatim(expansion.text)


def _configuration(state: State, source: str | None) -> dict[str, object]:
    from orchestrator.engine.authoring.recipe_rendering import read_configuration

    if source is None:
        return {}
    path = state.terminal.directory / source
    try:
        text = state.terminal.stdin.read() if source == "-" else path.read_text(encoding="utf-8")
        text.encode()  # stdin lets pass what is not UTF-8
    except (OSError, UnicodeError) as error:
        detail = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"the configuration `{source}` cannot be read", slug="usage/configuration", detail=detail) from error
    return read_configuration(text, Path("stdin") if source == "-" else path)

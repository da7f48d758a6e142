"""Recipe templates: address, render, expand.

A recipe becomes steps in three moves: `load_template` (or bytes that were fetched), `expand`, and the manifest's
`load_steps`, which is given `Expansion.related` so that its errors point back here.
"""

from orchestrator.recipes.address import Address, LocalRecipe, RegistryRecipe, RemoteRecipe, parse_address
from orchestrator.recipes.expand import Expansion, TemplateFile, expand, load_template
from orchestrator.recipes.parser import parse_template
from orchestrator.recipes.render import Rendered, render_template

__all__ = [
    "Address",
    "Expansion",
    "LocalRecipe",
    "RegistryRecipe",
    "RemoteRecipe",
    "Rendered",
    "TemplateFile",
    "expand",
    "load_template",
    "parse_address",
    "parse_template",
    "render_template",
]

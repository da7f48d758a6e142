"""Recipe templates: address, render, expand.

A recipe becomes steps in three moves: `load_local` (or bytes that were fetched), `expand`, and the manifest's
`load_steps`, which is given `Expansion.related` so that its errors point back here.
"""

from orchestrator.recipes.address import Address, BundledRecipe, LocalRecipe, RegistryRecipe, RemoteRecipe, is_remote, parse_address
from orchestrator.recipes.bundled import bundled_names, find_bundled, recipe_directory
from orchestrator.recipes.configuration import CheckedConfiguration, check_configuration
from orchestrator.recipes.descriptions import load_description
from orchestrator.recipes.expand import Expansion, TemplateFile, expand
from orchestrator.recipes.local import load_local
from orchestrator.recipes.parameters import Parameter, ParameterType, RecipeDescription
from orchestrator.recipes.parser import parse_template
from orchestrator.recipes.render import Rendered, render_template

__all__ = [
    "Address",
    "BundledRecipe",
    "CheckedConfiguration",
    "Expansion",
    "LocalRecipe",
    "Parameter",
    "ParameterType",
    "RecipeDescription",
    "RegistryRecipe",
    "RemoteRecipe",
    "Rendered",
    "TemplateFile",
    "bundled_names",
    "check_configuration",
    "expand",
    "find_bundled",
    "is_remote",
    "load_description",
    "load_local",
    "parse_address",
    "parse_template",
    "recipe_directory",
    "render_template",
]

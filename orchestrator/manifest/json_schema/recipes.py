"""The schema of `recipe.yaml`: what a recipe says about itself."""

from orchestrator.manifest.json_schema import terms
from orchestrator.manifest.json_schema.terms import Schema

__all__ = ["recipe", "recipe_definitions"]

_TYPES = ("string", "integer", "number", "boolean", "list", "map", "any")
_NAME = "^[A-Za-z_][A-Za-z0-9_-]*$"


def recipe() -> Schema:
    """Return the schema of a recipe's description."""
    group = terms.items("Parameters of which exactly one must be given.", terms.text("The name of a parameter."))
    properties: dict[str, Schema] = {
        "name": terms.text("The recipe's name; by default that of its folder."),
        "summary": terms.text("One line that says what it builds."),
        "description": terms.text("More, as Markdown."),
        "minimum_version": terms.text("The oldest version of the tool that it works with.", examples=["0.1.0"]),
        "one_of": terms.items("Groups of parameters of which exactly one must be given.", group),
        "parameters": _parameters("What the recipe takes: names and what each must be."),
    }
    return terms.mapping("What a recipe takes, and what it says about itself.", properties, closed=True)


def recipe_definitions() -> dict[str, Schema]:
    """Return what the schema of a recipe refers to."""
    values: Schema = {"type": "array"}
    properties: dict[str, Schema] = {
        "type": terms.choice("What the value must be.", _TYPES, default="any"),
        "required": terms.flag("It must be given."),
        "default": terms.anything("The value where none is given."),
        "choices": {**values, "description": "The values that it may have."},
        "items": terms.reference("parameter", "What each item of a list must be."),
        "fields": _parameters("The keys of a map."),
        "multiline": terms.flag("A string may have several lines."),
        "requires": terms.items("Parameters that must be given with this one.", terms.text("The name of a parameter.")),
        "description": terms.text("What it is for."),
        "examples": {**values, "description": "Values as people would write them."},
        "deprecated": terms.text("What to use instead."),
    }
    whole = terms.mapping("A parameter.", properties, closed=True)
    return {"parameter": terms.one_of("A parameter, or its type alone.", terms.choice("Its type.", _TYPES), whole)}


def _parameters(description: str) -> Schema:
    return terms.entries(description, terms.reference("parameter"), propertyNames={"pattern": _NAME, "not": {"const": "_"}})

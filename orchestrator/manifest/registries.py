"""`registries`: names of recipe registries and their URL templates, in a project's file or in the user's settings."""

from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.core.registries import BUILT_IN_REGISTRIES, describe_name_defect, describe_template_defect
from orchestrator.documents import Node
from orchestrator.manifest.fields import read_entries, read_text
from orchestrator.manifest.problems import Problems

__all__ = ["read_registries"]

_EXAMPLE = "https://recipes.example.com/{name}/{version}/recipe.hbs"


def read_registries(node: Node | None, problems: Problems, *, own: bool = False) -> dict[str, str]:
    """Return the URL templates by name; `own` are the user's, who may send the built-in registry's recipes elsewhere."""
    registries: dict[str, str] = {}
    for name, place, value in read_entries(node, "`registries`", problems):
        if (defect := describe_name_defect(name)) is not None:
            problems.error("invalid-name", f"`{name}` cannot be the name of a registry", place, detail=defect)
        elif name in BUILT_IN_REGISTRIES and not own:
            problems.error(
                "reserved-name",
                f"`{name}` is a built-in registry, and a project cannot redefine it",
                place,
                detail="whoever reads `@dfinity/…` expects a recipe of DFINITY",
                hint="give it another name; to use a mirror on this machine, write it into your own settings file",
            )
        elif (template := read_text(value, f"the registry `{name}`", problems)) is not None:
            _add(registries, name, template, value, problems)
    return registries


def _add(registries: dict[str, str], name: str, template: str, value: Node, problems: Problems) -> None:
    defect = describe_template_defect(template)
    if defect is None:
        registries[name] = template
        return
    problems.error(
        "invalid-registry",
        f"`{redact_url(template)}` cannot be the template of a registry",
        redact_span(value.span),
        detail=defect,
        hint=f'write a URL with placeholders, such as "{_EXAMPLE}"',
    )

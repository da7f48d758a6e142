"""New recipes as text and as JSON: what was written, and what to type next."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.ui.recipes import RECIPE_SCHEMA
from orchestrator.ui.style import harmless

if TYPE_CHECKING:
    from orchestrator.core.recipe_project import RecipeProject

__all__ = ["recipe_project_to_json", "render_recipe_project"]


def recipe_project_to_json(project: "RecipeProject") -> dict[str, object]:
    """Return what was written as plain values; `files` are relative to `directory`."""
    return {
        "schema": RECIPE_SCHEMA,
        "directory": str(project.directory),
        "name": project.name,
        "address": project.address,
        "files": list(project.files),
    }


def render_recipe_project(project: "RecipeProject", shown: Path) -> str:
    """Return what to do next, as lines without a final line end; `shown` is the folder as the user wrote it."""
    text = harmless(shown.as_posix())
    address = harmless(project.address) if project.address else text if shown.is_absolute() else "./" if text == "." else f"./{text}"
    return "\n".join(
        (
            f"wrote the recipe {project.name}: {len(project.files)} files in {text}",
            "",
            "Try it:",
            "",
            f"    cd {harmless(shlex.quote(str(shown)))}",
            "    orchestrator recipe render . --set module=backend.wasm",
            "    orchestrator recipe lint",
            "    orchestrator recipe test",
            "",
            "Use it for a canister in icp.yaml; a path starts from the project's folder:",
            "",
            "    recipe:",
            f"      type: {json.dumps(address, ensure_ascii=False)}",
            "      configuration:",
            "        module: backend.wasm",
        )
    )

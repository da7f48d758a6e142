"""What the pages say of the bundled recipes, from their `recipe.yaml`: each recipe's README, and the table of the reference."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.recipes import bundled_names, find_bundled, load_description
from orchestrator.recipes.parameters import RecipeDescription
from orchestrator.recipes.readme import render_readme, render_summaries

ROOT: Final = Path(__file__).resolve().parent.parent.parent
REFERENCE: Final = Path("docs") / "reference" / "recipes.md"
START: Final = "<!-- bundled recipes: scripts/recipe-docs writes this table -->\n"
END: Final = "<!-- end of bundled recipes -->\n"


def load_descriptions(directory: Path = ROOT / "recipes") -> tuple[RecipeDescription, ...]:
    """Read the descriptions of all bundled recipes."""
    templates = [find_bundled(name, directory) for name in bundled_names(directory)]
    found = [load_description(template) for template in templates if template is not None]
    return tuple(description for description in found if description is not None)


def make_pages() -> Mapping[Path, str]:
    """Return what the files should hold, by their paths from the root of the repository."""
    descriptions = load_descriptions()
    pages = {Path("recipes") / each.path.parent.name / "README.md": render_readme(each) for each in descriptions}
    before, _, rest = (ROOT / REFERENCE).read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    return {**pages, REFERENCE: f"{before}{START}\n{render_summaries(descriptions)}\n\n{END}{after}"}


def main() -> int:
    """Write the pages."""
    for path, text in make_pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

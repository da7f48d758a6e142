"""Links of the documentation lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "examples", "recipes", "compose")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
_LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]+))?\)")
_CODE = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the names that the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_to_files_and_headings(page: Path) -> None:
    """A relative link names a file or folder of the repository, and a heading that exists there."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target, anchor in _LINK.findall(text):
        path = page.parent / target if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []


def test_every_page_is_linked_from_the_readme() -> None:
    """Each page of the documentation can be found from the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT)) for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [page for page in pages if f"({page})" not in readme] == []

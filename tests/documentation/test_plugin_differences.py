"""The page on sync plugins tells every known difference from icp-cli, and claims none that no plugin shows."""

import re
from pathlib import Path

from tests.support.plugin_cases import DIFFERENCES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "sync-plugins.md"


def test_rows_are_the_plugins_that_end_differently() -> None:
    """The named rows of the section are the table of plugins, each once."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition("## Differences from icp-cli")
    rows = re.findall(r"^\| ([a-z0-9-]+) \|", section, re.MULTILINE)

    assert sorted(name for name in rows if name != "row") == sorted(case.name for case in DIFFERENCES)

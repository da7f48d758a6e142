"""Manifests mean here what they mean to icp-cli 1.5.0: the same files through both, and what `project show` prints compared as data.

Where the two differ on purpose the list of differences says so; a difference that is not listed fails a test, and so does a
listed one that is none any more.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conformance.manifests.differences import expected
from tests.conformance.manifests.grammar import random_case
from tests.conformance.manifests.projects import PROJECTS
from tests.conformance.manifests.recipes import OWN, RECIPES, REMOTE, written_projects
from tests.conformance.manifests.slots import SLOTS, slot_cases
from tests.conformance.manifests.tools import Case, Tools
from tests.conformance.manifests.vectors import VECTORS
from tests.support.official_icp import icp_binary

NAMED: Mapping[str, Case] = {**VECTORS, **PROJECTS, **RECIPES, **REMOTE, **OWN, **written_projects()}
RANDOM_PROJECTS = 25
pytestmark = [pytest.mark.npm, pytest.mark.slow]


@pytest.fixture
def tools(npm_modules: Path, tmp_path: Path) -> Tools:
    """Return both tools, or skip where npm has no icp-cli for this machine."""
    return Tools(binary=icp_binary(npm_modules), directory=tmp_path)


def unlisted(tools: Tools, slot: str, cases: Mapping[str, Case]) -> list[str]:
    """Return what differs otherwise than the list of differences says."""
    found = []
    for index, (value, case) in enumerate(cases.items()):
        outcome, listed = tools.compare(case, f"project-{index}"), expected(slot, value)
        places_are_listed = listed is not None and all(place.endswith(listed.places) for place in outcome.places)
        if outcome.verdict != ("same" if listed is None else listed.verdict) or (outcome.places and not places_are_listed):
            found.append(
                f"{slot} = {value[:200]}: {outcome.verdict} {outcome.places} (listed: {listed and listed.title})\n{outcome.talk[:2000]}"
            )
    return found


@pytest.mark.parametrize("slot", SLOTS)
def test_values_of_keys(tools: Tools, slot: str) -> None:
    """Every key takes the same values in both."""
    found = unlisted(tools, slot, slot_cases(slot))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", NAMED)
def test_projects(tools: Tools, name: str) -> None:
    """The project is the same in both, or refused by both."""
    found = unlisted(tools, "", {name: NAMED[name]})
    assert not found, "\n".join(found)


@pytest.mark.parametrize("flaws", [0, 0.05, 0.15])
@pytest.mark.parametrize("batch", range(4))
def test_random_projects(tools: Tools, batch: int, flaws: float) -> None:
    """Whatever the pieces are put together to, it is the same project in both, or refused by both."""
    loaded = 0
    for seed in range(batch * RANDOM_PROJECTS, (batch + 1) * RANDOM_PROJECTS):
        case = random_case(seed, flaws=flaws)
        outcome = tools.compare(case, f"project-{seed}")
        assert outcome.verdict == "same", f"{outcome.verdict} {outcome.places}\n{case.files['icp.yaml']!r}\n{outcome.talk}"
        loaded += outcome.loads
    assert loaded == RANDOM_PROJECTS if not flaws else loaded > 1

"""Canisters are chosen by their labels."""

from pathlib import Path

import pytest

from orchestrator.engine.selecting import select_labelled
from orchestrator.engine.session import Session
from orchestrator.errors import UsageError
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_canister, make_project, memory_session


@pytest.fixture
def session(tmp_path: Path, network: MemoryNetwork) -> Session:
    """Return a session of four canisters, three with labels."""
    labels = {"api": {"tier": "edge", "size": "big"}, "web": {"tier": "edge"}, "store": {"tier": "core"}, "bare": {}}
    return memory_session(make_project(tmp_path, [make_canister(tmp_path, name, labels=each) for name, each in labels.items()]), network)


@pytest.mark.parametrize(
    ("names", "labels", "chosen"),
    [
        ((), (), ()),
        (("web",), (), ("web",)),
        ((), (("tier", "edge"),), ("api", "web")),
        ((), (("tier", "edge"), ("size", "big")), ("api",)),
        (("store", "web", "bare"), (("tier", "edge"),), ("web",)),
    ],
)
def test_labels_narrow_down(session: Session, names: tuple[str, ...], labels: tuple[tuple[str, str], ...], chosen: tuple[str, ...]) -> None:
    """A canister must have every label, and be among the names if there are any; without labels names are what they are."""
    assert select_labelled(session, names, labels) == chosen


@pytest.mark.parametrize(
    ("names", "labels", "summary", "hint"),
    [
        (
            (),
            (("tier", "egde"),),
            "no canister of environment `local` has the label `tier=egde`",
            "did you mean `tier=edge`? labels there: size=big, tier=core, tier=edge",
        ),
        (
            (),
            (("tier", "core"), ("size", "big")),
            "no canister of environment `local` has the labels `tier=core` and `size=big`",
            "each of these labels is there, and no canister has all of them",
        ),
        (
            ("web",),
            (("tier", "core"),),
            "none of the named canisters of environment `local` has the label `tier=core`",
            "without names, labels choose among all canisters of the environment",
        ),
    ],
)
def test_nothing_is_not_everything(
    session: Session, names: tuple[str, ...], labels: tuple[tuple[str, str], ...], summary: str, hint: str
) -> None:
    """Where no canister is left the command ends: no names would mean all of them."""
    with pytest.raises(UsageError) as caught:
        select_labelled(session, names, labels)
    assert (caught.value.slug, caught.value.summary, caught.value.hint) == ("usage/unknown-label", summary, hint)


def test_an_unknown_name_is_told_first(session: Session) -> None:
    """A misspelt name is what is wrong, whatever the labels."""
    with pytest.raises(UsageError) as caught:
        select_labelled(session, ("wbe",), (("tier", "edge"),))
    assert caught.value.slug == "usage/unknown-canister"

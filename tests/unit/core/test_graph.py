"""The order of a deploy follows `depends_on`, and circles are explained."""

import pytest

from orchestrator.core.graph import closure, levels
from orchestrator.errors import ManifestError


def test_levels_put_dependencies_first() -> None:
    """A name comes after everything it depends on, and as early as that allows."""
    assert levels({"web": ["api", "auth"], "api": ["store"], "auth": [], "store": []}) == (("auth", "store"), ("api",), ("web",))


def test_levels_keep_the_order_given() -> None:
    """Within a level the manifest's order stands."""
    assert levels({"b": [], "a": [], "c": []}) == (("b", "a", "c"),)


def test_dependencies_outside_the_run_are_ignored() -> None:
    """A canister that is not selected holds nobody up."""
    assert levels({"web": ["api"]}) == (("web",),)


def test_a_circle_is_named() -> None:
    """The error walks the circle, so that the reader sees which link to remove."""
    with pytest.raises(ManifestError) as caught:
        levels({"a": ["b"], "b": ["c"], "c": ["b"], "d": []})

    assert caught.value.slug == "manifest/dependency-circle"
    assert caught.value.detail == "b → c → b"


def test_closure_follows_every_link() -> None:
    """The closure holds the names themselves and all they need."""
    assert closure(["web"], {"web": ["api"], "api": ["store"], "other": ["web"]}) == {"web", "api", "store"}

"""Host names of canisters: which names become hosts."""

import pytest

from orchestrator.core.hosts import friendly_hosts, is_label


@pytest.mark.parametrize("text", ["a", "a-b", "A_b", "_a", "0", "a" * 63])
def test_labels(text: str) -> None:
    """Letters, digits, dashes inside and underscores anywhere make a label of up to 63 characters."""
    assert is_label(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "a.b", "a b", "ä", "a" * 64, "a\n"])
def test_texts_that_are_no_labels(text: str) -> None:
    """Anything else is none."""
    assert not is_label(text)


def test_names_become_hosts_in_lower_case() -> None:
    """A host is the name and the environment, as browsers write them."""
    assert friendly_hosts("Local", ["web", "My_App"]) == {"web": "web.local", "My_App": "my_app.local"}


def test_canisters_of_dependencies_have_several_labels() -> None:
    """The name in its own project comes first, then the way to that project."""
    assert friendly_hosts("local", ["core", "core.lib"]) == {"core": "core.local", "core.lib": "core.lib.local"}


def test_names_that_a_browser_could_not_tell_apart_have_no_host() -> None:
    """Names that differ in case alone, that are ids, or that are no labels are left out."""
    assert friendly_hosts("local", ["web", "Web", "a..b", "aaaaa-aa", "aaaaa-aa.lib", "ok"]) == {"ok": "ok.local"}
    assert friendly_hosts("my env", ["ok"]) == {}

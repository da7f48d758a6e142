"""Templates of registries: what they may be, and what they make."""

import pytest

from orchestrator.core.registries import (
    BUILT_IN_REGISTRIES,
    describe_name_defect,
    describe_template_defect,
    is_loopback_url,
    recipe_url,
)


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://x.test/{name}/{version}.hbs", "https://x.test/rust/v1.hbs"),
        ("https://x.test/{recipe}-{version}?v={version}", "https://x.test/rust-v1?v=v1"),
        ("http://127.0.0.1:8080/{name}/{version}", "http://127.0.0.1:8080/rust/v1"),
        ("http://recipes.localhost/{name}{version}", "http://recipes.localhost/rustv1"),
        ("http://[::1]/{name}/{version}", "http://[::1]/rust/v1"),
        (BUILT_IN_REGISTRIES["dfinity"], "https://github.com/dfinity/icp-cli-recipes/releases/download/rust-v1/recipe.hbs"),
    ],
)
def test_good_templates(template: str, url: str) -> None:
    """Every placeholder is filled in, as often as it stands there."""
    assert describe_template_defect(template) is None
    assert recipe_url(template, "rust", "v1") == url


@pytest.mark.parametrize(
    ("template", "defect"),
    [
        ("", "no `{version}`"),
        ("https://x.test/{name}", "no `{version}`"),
        ("https://x.test/{version}", "no `{name}`"),
        ("https://x.test/{name}/{version}/{platform}", "its placeholders are"),
        ("https://x.test/{name}/{version}}", "its placeholders are"),
        ("https://{name}.x.test/{version}", "behind the host"),
        ("https://x.test:{version}/{name}", "not a URL"),
        ("https://u:p@x.test/{name}/{version}", "a user or a password"),
        ("http://x.test/{name}/{version}", "must start with `https://`"),
        ("http://localhost.x.test/{name}/{version}", "must start with `https://`"),
        ("file:///{name}/{version}", "not a URL with a host"),
        ("ftp://x.test/{name}/{version}", "must start with `https://`"),
        ("{name}/{version}", "not a URL with a host"),
        ("https://x.test/{name}/{version} ", "no spaces"),
        ("https://[x/{name}/{version}", "not a URL"),
        ("https://x.test/{name}.hbs#{version}", "behind `#` is not sent"),
    ],
)
def test_bad_templates(template: str, defect: str) -> None:
    """What is wrong is said in a clause."""
    assert defect in str(describe_template_defect(template))


@pytest.mark.parametrize(("name", "good"), [("acme", True), ("a.b_c-1", True), ("", False), ("-a", False), ("a/b", False), ("ä", False)])
def test_names(name: str, *, good: bool) -> None:
    """Names can stand between `@` and `/`."""
    assert (describe_name_defect(name) is None) is good


@pytest.mark.parametrize(("url", "here"), [("http://127.0.0.1:1/a", True), ("http://x.test", False), ("http://[", False)])
def test_this_machine(url: str, *, here: bool) -> None:
    """Only what cannot lead elsewhere counts as this machine."""
    assert is_loopback_url(url) is here

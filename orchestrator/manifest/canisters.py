"""Canisters: one entry of the manifest, or one `canister.yaml`, as a value."""

from orchestrator.core.health import HealthCheck
from orchestrator.core.project import Canister, RecipeReference
from orchestrator.documents import MappingNode, Node
from orchestrator.errors import Span
from orchestrator.manifest.arguments import read_arguments
from orchestrator.manifest.configuration import read_configuration
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.fields import check_keys, read_hash, read_mapping, read_text, read_texts
from orchestrator.manifest.health import read_health
from orchestrator.manifest.labels import read_labels
from orchestrator.manifest.names import check_name
from orchestrator.manifest.problems import Problems, did_you_mean
from orchestrator.manifest.settings import read_settings
from orchestrator.manifest.steps import read_build, read_sync

__all__ = ["read_canister"]

_KEYS = ("name", "build", "sync", "recipe", "settings", "init_args", "upgrade_args", "depends_on", "labels", "health")
_MISSPELT = 0.8
"""How much of a key must be right, from 0 to 1, to be taken for a misspelt one."""


def read_canister(entry: NamedEntry, problems: Problems) -> Canister:
    """Read one canister; what it says about other canisters is checked by the caller.

    One with a mistake in its steps or in its recipe has neither: what is left of them would mean something else.
    """
    mapping, directory = entry.mapping, entry.directory
    what = f"canister `{entry.name}`"
    check_keys(mapping, _KEYS, what, problems, severity="error")
    check_name(entry.name, mapping.get("name"), problems, what="canister")
    before = problems.error_count
    _check_source(mapping, what, problems)
    build, sync = read_build(mapping.get("build"), directory, problems), read_sync(mapping.get("sync"), directory, problems)
    recipe = _read_recipe(mapping.get("recipe"), problems)
    sound = problems.error_count == before
    return Canister(
        name=entry.name,
        directory=directory,
        build=build if sound else (),
        sync=sync if sound else (),
        settings=read_settings(mapping.get("settings"), directory, problems),
        init_args=read_arguments(mapping.value("init_args"), "init_args", directory, problems),
        upgrade_args=read_arguments(mapping.value("upgrade_args"), "upgrade_args", directory, problems),
        recipe=recipe if sound else None,
        depends_on=read_texts(mapping.get("depends_on"), "`depends_on`", problems) or (),
        labels=read_labels(mapping.get("labels"), problems),
        health=_read_health(mapping, what, problems),
        span=_span_of(mapping),
    )


def _span_of(mapping: MappingNode) -> Span:
    name = mapping.get("name")
    return name.span if name is not None else mapping.span


def _check_source(mapping: MappingNode, what: str, problems: Problems) -> None:
    build, recipe = mapping.entry("build"), mapping.entry("recipe")
    if build is not None and recipe is not None:
        problems.error(
            "build-and-recipe",
            f"{what} has both a `build` and a `recipe`",
            recipe.key.span,
            related=((build.key.span, "the `build`"),),
            hint="keep one: a recipe brings its own build steps",
        )
    elif mapping.get("build") is None and mapping.get("recipe") is None and not _has_misspelt(mapping, ("build", "recipe")):
        problems.error(
            "no-build", f"{what} has neither a `build` nor a `recipe`", _span_of(mapping), hint="add `build:` with `steps:`, or `recipe:`"
        )


def _has_misspelt(mapping: MappingNode, keys: tuple[str, ...]) -> bool:
    """Tell whether a key that nobody knows may be one of these: then that is what is wrong."""
    return any(did_you_mean(entry.name, keys, cutoff=_MISSPELT) for entry in mapping.entries if entry.name not in _KEYS)


def _read_recipe(node: Node | None, problems: Problems) -> RecipeReference | None:
    mapping = read_mapping(node, "`recipe`", problems)
    if mapping is None:
        return None
    check_keys(mapping, ("type", "sha256", "configuration"), "`recipe`", problems, severity="warning")
    address = mapping.get("type")
    if address is None:
        problems.error("missing-key", "`recipe` has no `type`", mapping.span, hint='add `type:`, such as `type: "@dfinity/rust@v3.2.0"`')
        return None
    text = read_text(address, "`type`", problems)
    configuration = read_configuration(mapping, problems)
    sha256 = read_hash(mapping.get("sha256"), "`sha256`", problems)
    if text is None:
        return None
    return RecipeReference(
        address=text,
        sha256=sha256,
        configuration=configuration.values,
        configuration_spans=configuration.spans,
        span=address.span,
    )


def _read_health(mapping: MappingNode, what: str, problems: Problems) -> tuple[HealthCheck, ...]:
    entry = mapping.entry("health")
    checks = read_health(mapping.get("health"), problems)
    if entry is not None and checks:
        problems.warn_without_effect("health", what, entry.key.span, detail="the checks are read, and not run")
    return checks

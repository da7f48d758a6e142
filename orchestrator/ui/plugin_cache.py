"""What is kept of downloads and of compiled plugins, as text and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.sandbox.compiled import CompiledComponent
from orchestrator.store.packages import Package
from orchestrator.ui.plugins import render_size
from orchestrator.ui.style import harmless

__all__ = [
    "CACHE_SCHEMA",
    "CacheView",
    "Cleared",
    "cache_to_json",
    "cleared_to_json",
    "packages_to_json",
    "render_cache",
    "render_cleared",
    "render_packages",
]

CACHE_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheView:
    """Both caches; `names` says what to call components, by their SHA-256."""

    packages_directory: Path
    packages: Sequence[Package]
    components_directory: Path
    components: Sequence[CompiledComponent]
    names: Mapping[str, str]

    def name_of(self, component: str | None) -> str | None:
        """Return what to call a component: the project's name for it, else where it was downloaded from."""
        if component is None:
            return None
        urls = {package.sha256: package.url for package in self.packages}
        return self.names.get(component) or urls.get(component)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """How many files of a cache were deleted, and their bytes."""

    files: int
    size: int


def render_cache(view: CacheView) -> str:
    """Return a table of each cache."""
    return "\n".join(
        [
            *_table("Downloads", view.packages_directory, [(each.size, each.used, _package(view, each)) for each in view.packages]),
            "",
            *_table(
                "Compiled plugins", view.components_directory, [(each.size, each.used, _component(view, each)) for each in view.components]
            ),
        ]
    )


def _package(view: CacheView, package: Package) -> str:
    return harmless(f"{package.sha256}  {view.name_of(package.sha256) or '(unknown origin)'}")


def _component(view: CacheView, component: CompiledComponent) -> str:
    if component.component is None:
        return "(origin not known here: an earlier build, or another project's)"
    return harmless(f"{component.component}  {view.name_of(component.component) or ''}".rstrip())


def _table(title: str, directory: Path, rows: Sequence[tuple[int, datetime, str]]) -> Iterator[str]:
    total = sum(size for size, _, _ in rows)
    yield (
        f"{title} in {harmless(str(directory))}: {len(rows)}, {render_size(total)}"
        if rows
        else f"{title} in {harmless(str(directory))}: none"
    )
    for size, used, what in rows:
        yield f"  {render_size(size):>10}  used {used:%Y-%m-%d %H:%M} UTC  {what}"


def cache_to_json(view: CacheView) -> dict[str, object]:
    """Return both caches as plain values; sizes are bytes, times ISO 8601 in UTC."""
    return {
        "schema": CACHE_SCHEMA,
        "packages_path": str(view.packages_directory),
        "packages": [_package_to_json(each, view.name_of(each.sha256)) for each in view.packages],
        "components_path": str(view.components_directory),
        "components": [
            {
                "component": each.component,
                "name": view.name_of(each.component),
                "size": each.size,
                "used": each.used.isoformat(),
            }
            for each in view.components
        ],
    }


def _package_to_json(package: Package, name: str | None) -> dict[str, object]:
    return {"sha256": package.sha256, "url": package.url, "name": name, "size": package.size, "used": package.used.isoformat()}


def packages_to_json(packages: Sequence[Package]) -> dict[str, object]:
    """Return the packages that are there now as plain values."""
    return {"schema": CACHE_SCHEMA, "packages": [_package_to_json(each, each.url) for each in packages]}


def render_packages(packages: Sequence[Package]) -> str:
    """Return what is there now, as a sentence."""
    if not packages:
        return "There is nothing pinned to download"
    return f"Kept {_counted(len(packages), 'download')} ({render_size(sum(each.size for each in packages))})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def render_cleared(packages: Cleared | None, components: Cleared | None) -> str:
    """Return what was deleted, as a sentence; `None` was left alone."""
    parts = [
        f"{_counted(cleared.files, noun)} ({render_size(cleared.size)})"
        for cleared, noun in ((packages, "download"), (components, "compiled plugin"))
        if cleared is not None
    ]
    return f"Deleted {' and '.join(parts)}"


def cleared_to_json(packages: Cleared | None, components: Cleared | None) -> dict[str, object]:
    """Return what was deleted as plain values."""

    def plain(cleared: Cleared | None) -> dict[str, int] | None:
        return None if cleared is None else {"files": cleared.files, "size": cleared.size}

    return {"schema": CACHE_SCHEMA, "packages": plain(packages), "components": plain(components)}

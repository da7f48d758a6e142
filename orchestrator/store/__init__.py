"""Everything on disk: layout, atomic writes, locks, ids, artifacts, journal, records. Names are imported where they are used first."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.store.artifacts import ArtifactStore
    from orchestrator.store.atomic import write_atomic
    from orchestrator.store.ids import IdStore, load_registered, open_ids
    from orchestrator.store.journal import Journal, load_records, open_operations
    from orchestrator.store.layout import EnvironmentFiles, Layout, NetworkFiles
    from orchestrator.store.lock import EnvironmentLock, LockHolder, is_held, load_holder
    from orchestrator.store.packages import PackageCache, is_offline
    from orchestrator.store.records import InstallRecord, RecordStore
    from orchestrator.store.user import UserDirectories

__all__ = [
    "ArtifactStore",
    "EnvironmentFiles",
    "EnvironmentLock",
    "IdStore",
    "InstallRecord",
    "Journal",
    "Layout",
    "LockHolder",
    "NetworkFiles",
    "PackageCache",
    "RecordStore",
    "UserDirectories",
    "is_held",
    "is_offline",
    "load_holder",
    "load_records",
    "load_registered",
    "open_ids",
    "open_operations",
    "write_atomic",
]

_HOMES = {
    "artifacts": ("ArtifactStore",),
    "atomic": ("write_atomic",),
    "ids": ("IdStore", "load_registered", "open_ids"),
    "journal": ("Journal", "load_records", "open_operations"),
    "layout": ("EnvironmentFiles", "Layout", "NetworkFiles"),
    "lock": ("EnvironmentLock", "LockHolder", "is_held", "load_holder"),
    "packages": ("PackageCache", "is_offline"),
    "records": ("InstallRecord", "RecordStore"),
    "user": ("UserDirectories",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name's module when it is asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

"""Everything on disk: layout, atomic writes, locks, ids, artifacts, journal, records."""

from orchestrator.store.artifacts import ArtifactStore
from orchestrator.store.atomic import write_atomic
from orchestrator.store.ids import IdStore
from orchestrator.store.journal import Journal, load_records, open_operations
from orchestrator.store.layout import EnvironmentFiles, Layout, NetworkFiles
from orchestrator.store.lock import EnvironmentLock, LockHolder, is_held, load_holder
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
    "RecordStore",
    "UserDirectories",
    "is_held",
    "load_holder",
    "load_records",
    "open_operations",
    "write_atomic",
]

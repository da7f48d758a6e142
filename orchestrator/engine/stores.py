"""The files of an environment, opened for the network's instance."""

from dataclasses import dataclass

from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.engine.sync_records import SyncRecords
from orchestrator.store import ArtifactStore, IdStore, RecordStore, open_ids

__all__ = ["Stores", "open_stores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Canister ids, install records, sync records and built modules of one environment."""

    ids: IdStore
    records: RecordStore
    sync_records: SyncRecords
    artifacts: ArtifactStore


def open_stores(session: Session, connection: Connection) -> Stores:
    """Return the environment's stores; on managed networks ids and records count for the present instance only."""
    files, instance = session.files, connection.instance_id
    return Stores(
        ids=open_ids(files, session.environment.name, instance),
        records=RecordStore(path=files.records, instance_id=instance),
        sync_records=SyncRecords(path=files.sync_records, instance_id=instance),
        artifacts=ArtifactStore(directory=session.layout.artifacts, index=files.artifacts),
    )

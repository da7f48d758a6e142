"""What was installed last, per canister of an environment: what "unchanged" is measured against."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import StoreError
from orchestrator.store.json_file import change_json, load_object

__all__ = ["InstallRecord", "RecordStore"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRecord:
    """The last install of a canister: hashes are SHA-256 in lower-case hex, `canister_id` is principal text.

    `argument_hash` is the hash of the encoded install argument.
    """

    canister_id: str
    module_hash: str
    argument_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStore:
    """The install records in the file `path`; those of another `instance_id` (embedded networks) do not count."""

    path: Path
    instance_id: str | None = None

    def load(self) -> Mapping[str, InstallRecord]:
        """Read all records, by canister name; no file means none. Raises `StoreError`."""
        return self._parse(load_object(self.path, hint=self._hint()) or {})

    def write(self, canister: str, record: InstallRecord) -> None:
        """Keep `record` as the canister's last install, on the disk before this returns."""

        def change(document: dict[str, object]) -> Mapping[str, object]:
            return self._render({**self._parse(document), canister: record})

        change_json(self.path, change, hint=self._hint())

    def remove(self, canister: str) -> None:
        """Forget a canister, because it was deleted or uninstalled."""

        def change(document: dict[str, object]) -> Mapping[str, object]:
            return self._render({name: record for name, record in self._parse(document).items() if name != canister})

        change_json(self.path, change, hint=self._hint())

    def _parse(self, document: Mapping[str, object]) -> dict[str, InstallRecord]:
        if not document or document.get("instance_id") != self.instance_id:
            return {}
        canisters = document.get("canisters")
        if not isinstance(canisters, dict):
            raise self._damaged("it has no `canisters`")
        return {name: self._record(name, value) for name, value in canisters.items()}

    def _record(self, name: str, value: object) -> InstallRecord:
        fields = value if isinstance(value, dict) else {}
        texts = [fields.get(key) for key in ("canister_id", "module_hash", "argument_hash")]
        canister_id, module_hash, argument_hash = texts
        if not (isinstance(canister_id, str) and isinstance(module_hash, str) and isinstance(argument_hash, str)):
            raise self._damaged(f"the record of `{name}` is incomplete")
        return InstallRecord(canister_id=canister_id, module_hash=module_hash, argument_hash=argument_hash)

    def _render(self, records: Mapping[str, InstallRecord]) -> Mapping[str, object]:
        canisters = {
            name: {"canister_id": record.canister_id, "module_hash": record.module_hash, "argument_hash": record.argument_hash}
            for name, record in records.items()
        }
        return {"v": _FORMAT, "instance_id": self.instance_id, "canisters": canisters}

    def _damaged(self, detail: str) -> StoreError:
        return StoreError(f"`{self.path}` is damaged", slug="store/damaged", detail=detail, hint=self._hint())

    def _hint(self) -> str:
        return "delete the file: the next deploy then upgrades canisters that may not have needed it"

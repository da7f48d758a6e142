"""Which sync steps need not run again: the fingerprint of each step's last success, per canister."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.store.json_file import change_json, load_object

__all__ = ["SyncRecords"]

_HINT = "delete the file: steps with `run: changed` then run once more"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRecords:
    """The fingerprints in the file `path`: canister name to step key to fingerprint.

    Those of another `instance_id` (embedded networks) do not count.
    """

    path: Path
    instance_id: str | None = None

    def load(self, canister: str) -> Mapping[str, str]:
        """Return the fingerprints of a canister's steps, by step key; none when nothing succeeded yet."""
        return self._parse(load_object(self.path, hint=_HINT) or {}).get(canister, {})

    def write(self, canister: str, step: str, fingerprint: str) -> None:
        """Keep that a step succeeded with this fingerprint."""

        def change(document: dict[str, object]) -> Mapping[str, object]:
            known = self._parse(document)
            return self._render({**known, canister: {**known.get(canister, {}), step: fingerprint}})

        change_json(self.path, change, hint=_HINT)

    def start(self, canister: str, step: str) -> None:
        """Forget a step's success, because it runs again: what it leaves behind is known when it has succeeded again."""

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            known = self._parse(document)
            left = {key: value for key, value in known.get(canister, {}).items() if key != step}
            return self._render({**known, canister: left}) if step in known.get(canister, {}) else None

        change_json(self.path, change, hint=_HINT)

    def forget(self, canister: str) -> None:
        """Forget a canister's steps, because its state was wiped or replaced."""

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            known = self._parse(document)
            return self._render({name: steps for name, steps in known.items() if name != canister}) if canister in known else None

        change_json(self.path, change, hint=_HINT)

    def _parse(self, document: Mapping[str, object]) -> dict[str, dict[str, str]]:
        """Return what counts; a damaged entry only means that its step runs once more."""
        canisters = document.get("canisters")
        if document.get("instance_id") != self.instance_id or not isinstance(canisters, dict):
            return {}
        return {
            name: {key: value for key, value in steps.items() if isinstance(value, str)}
            for name, steps in canisters.items()
            if isinstance(steps, dict)
        }

    def _render(self, canisters: Mapping[str, Mapping[str, str]]) -> Mapping[str, object]:
        return {"v": _FORMAT, "instance_id": self.instance_id, "canisters": {name: dict(steps) for name, steps in canisters.items()}}

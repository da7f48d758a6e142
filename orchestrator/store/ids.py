"""Canister ids: which name has which principal, in one environment.

On connected networks, and on managed ones that icp-cli may run too, the file is icp-cli's: a JSON
object, name to principal text, sorted. The embedded network keeps its ids with its state, tied to its
instance: the same principals come back on a fresh network and mean other canisters, so ids of another
instance are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.errors import StoreError
from orchestrator.store.json_file import change_json, load_object

__all__ = ["IdStore", "load_registered"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IdStore:
    """The ids in the file `path`; with `instance_id` (hex) the file is the embedded network's.

    `environment` is for messages. Every method reads the file anew, so that several stores of one file agree.
    """

    path: Path
    environment: str
    instance_id: str | None = None

    def load(self) -> Mapping[str, Principal]:
        """Read all ids, by canister name; no file means none. Raises `StoreError`."""
        return self._parse(load_object(self.path, hint=self._damage_hint()) or {})

    def assign(self, name: str, principal: Principal) -> None:
        """Write that canister `name` is `principal`, before this returns.

        Assigning the same again changes nothing; another principal raises `StoreError`.
        """

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            ids = self._parse(document)
            present = ids.get(name)
            if present == principal:
                return None
            if present is not None:
                raise StoreError(
                    f"canister `{name}` in environment `{self.environment}` is already registered",
                    slug="store/id-taken",
                    detail=f"its id is {present}, not {principal}",
                    hint=f"to use the other canister, remove `{name}` from `{self.path}` first",
                )
            return self._render({**ids, name: principal})

        change_json(self.path, change, hint=self._damage_hint())

    def remove(self, name: str) -> None:
        """Forget the id of canister `name`; unknown names change nothing."""

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            ids = dict(self._parse(document))
            return None if ids.pop(name, None) is None else self._render(ids)

        change_json(self.path, change, hint=self._damage_hint())

    def _parse(self, document: Mapping[str, object]) -> dict[str, Principal]:
        if not document:
            return {}
        texts: object = document if self.instance_id is None else document.get("canisters")
        if not isinstance(texts, dict):
            raise self._damaged("it has no `canisters`")
        if self.instance_id is not None and document.get("instance_id") != self.instance_id:
            raise self._other_instance()
        return {name: self._principal(name, text) for name, text in texts.items()}

    def _principal(self, name: str, text: object) -> Principal:
        if not isinstance(text, str):
            raise self._damaged(f"the id of `{name}` is not a text")
        try:
            return Principal.from_text(text)
        except PrincipalError as error:
            raise self._damaged(f"the id of `{name}`: {error}") from error

    def _render(self, ids: Mapping[str, Principal]) -> Mapping[str, object]:
        texts = {name: str(principal) for name, principal in ids.items()}
        if self.instance_id is None:
            return texts
        return {"v": _FORMAT, "instance_id": self.instance_id, "canisters": texts}

    def _damaged(self, detail: str) -> StoreError:
        return StoreError(f"`{self.path}` is damaged", slug="store/damaged", detail=detail, hint=self._damage_hint())

    def _damage_hint(self) -> str:
        if self.instance_id is None:
            return "restore the file from version control: it is the only record of which canisters are yours"
        return f"run `orchestrator network reset --env {self.environment}` to start again with an empty network"

    def _other_instance(self) -> StoreError:
        return StoreError(
            f"the canister ids of environment `{self.environment}` belong to another instance of the network",
            slug="store/other-instance",
            detail=f"`{self.path}` was written for a network whose state is gone; its ids mean other canisters now",
            hint=f"run `orchestrator network reset --env {self.environment}` to start again with an empty network",
        )


def load_registered(path: Path) -> Mapping[str, str]:
    """Return what an embedded network's file of ids says, of whatever instance: names to principal texts.

    It is for telling what is about to be deleted: a damaged file tells nothing.
    """
    try:
        document = load_object(path, hint="") or {}
    except StoreError:
        return {}
    texts = document.get("canisters")
    return {name: text for name, text in texts.items() if isinstance(text, str)} if isinstance(texts, dict) else {}

"""Canister ids: which name has which principal, in one environment.

On connected networks, and on managed ones that icp-cli may run too, the file is icp-cli's: a JSON
object, name to principal text, sorted. The embedded network keeps its ids with its state, tied to its
instance: the same principals come back on a fresh network and mean other canisters, so ids of another
instance are refused. For other managed networks a file of ours, the tie, names the instance that icp-cli's file
was last written for; instances of such networks end without us, so ids of another one just do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.errors import StoreError
from orchestrator.store.json_file import change_json, hold_file, load_object, write_json
from orchestrator.store.layout import EnvironmentFiles

__all__ = ["IdStore", "load_registered", "open_ids"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IdStore:
    """The ids in the file `path`; with `instance_id` (hex) the file is the embedded network's.

    With a `tie` the ids count only while that file names the instance `tied_to`. `environment` is for messages. Every
    method reads the files anew, so that several stores of one file agree.
    """

    path: Path
    environment: str
    instance_id: str | None = None
    tie: Path | None = None
    tied_to: str | None = None

    def load(self) -> Mapping[str, Principal]:
        """Read all ids, by canister name; no file means none. Raises `StoreError`."""
        if not self._is_tied():
            return {}
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

        self._ensure_tied()
        change_json(self.path, change, hint=self._damage_hint())

    def remove(self, name: str) -> None:
        """Forget the id of canister `name`; unknown names change nothing."""

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            ids = dict(self._parse(document))
            return None if ids.pop(name, None) is None else self._render(ids)

        if self._is_tied():
            change_json(self.path, change, hint=self._damage_hint())

    def _is_tied(self) -> bool:
        if self.tie is None:
            return True
        try:
            document = load_object(self.tie, hint="delete the file")
        except StoreError:
            return False
        return document is not None and document.get("instance_id") == self.tied_to

    def _ensure_tied(self) -> None:
        """Forget the ids of another instance before the file says that it is about this one."""
        if self.tie is None or self._is_tied():
            return
        with hold_file(self.tie):
            if not self._is_tied():
                self.path.unlink(missing_ok=True)
                write_json(self.tie, {"v": _FORMAT, "instance_id": self.tied_to})

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


def open_ids(files: EnvironmentFiles, environment: str, instance_id: str | None) -> IdStore:
    """Return an environment's ids on the instance of its network that is running; `None` where instances have no name."""
    if files.embedded or instance_id is None or files.tie is None:
        return IdStore(path=files.ids, environment=environment, instance_id=instance_id if files.embedded else None)
    return IdStore(path=files.ids, environment=environment, tie=files.tie, tied_to=instance_id)


def load_registered(path: Path) -> Mapping[str, str]:
    """Return what a managed network's file of ids says, of whatever instance: names to principal texts.

    It is for telling what is about to be deleted: a damaged file tells nothing.
    """
    try:
        document = load_object(path, hint="") or {}
    except StoreError:
        return {}
    texts = document.get("canisters", document)
    return {name: text for name, text in texts.items() if isinstance(text, str)} if isinstance(texts, dict) else {}

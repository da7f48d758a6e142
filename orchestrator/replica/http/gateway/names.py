"""The names that deployments gave to canisters, for hosts such as `<name>.<environment>.localhost`."""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from orchestrator.core.hosts import friendly_hosts
from orchestrator.core.principal import Principal
from orchestrator.errors import StoreError
from orchestrator.store.atomic import PRIVATE_MODE
from orchestrator.store.json_file import load_object, write_json

__all__ = ["MAX_NAMES", "Names", "load_names", "parse_names"]

_LOG = logging.getLogger(__name__)
_VERSION = 1
MAX_NAMES = 10_000
"""How many names, in all environments together, a gateway knows."""

Environments = Mapping[str, Mapping[str, Principal]]


class Names:
    """The names by environment; kept in a file, so that they outlive the process."""

    def __init__(self, file: Path | None, environments: Environments) -> None:
        """Take where the names are kept, and those that are there."""
        self._file = file
        self._environments = dict(environments)
        self._is_saved = True
        self._hosts: dict[str, Principal] = {}
        self._index()

    def look_up(self, host: str) -> Principal | None:
        """Return the canister of `<name>.<environment>`, given in lower case."""
        return self._hosts.get(host)

    def listed(self) -> list[dict[str, str]]:
        """Return every name with its environment and its canister, in order."""
        return [
            {"name": name, "environment": environment, "canister": str(canister)}
            for environment, canisters in sorted(self._environments.items())
            for name, canister in sorted(canisters.items())
        ]

    def replace(self, environments: Environments) -> None:
        """Take the names of these environments for theirs from now on; others keep what they have.

        Raises `ValueError` when there would be too many, and `StoreError` when the file cannot be written.
        """
        merged: dict[str, Mapping[str, Principal]] = {
            name: dict(canisters) for name, canisters in {**self._environments, **environments}.items() if canisters
        }
        if sum(map(len, merged.values())) > MAX_NAMES:
            raise ValueError(f"more than {MAX_NAMES} names")
        if merged == self._environments and self._is_saved:
            return
        self._environments, self._is_saved = merged, False
        self._index()
        self._save()

    def _save(self) -> None:
        if self._file is not None:
            environments = self._environments.items()
            texts = {name: {key: str(canister) for key, canister in canisters.items()} for name, canisters in environments}
            write_json(self._file, {"v": _VERSION, "names": texts}, PRIVATE_MODE)
        self._is_saved = True

    def _index(self) -> None:
        """Find every host; one that environments whose names differ in case alone share is nobody's."""
        pairs = [
            (host, canisters[name])
            for environment, canisters in self._environments.items()
            for name, host in friendly_hosts(environment, canisters).items()
        ]
        count = Counter(host for host, _ in pairs)
        self._hosts = {host: canister for host, canister in pairs if count[host] == 1}


def load_names(file: Path) -> Names:
    """Load the names of an earlier process; a file that cannot be used is logged, and names are told again by deployments."""
    try:
        document = load_object(file, hint="") or {}
        return Names(file, parse_names(document.get("names", {})))
    except (StoreError, ValueError) as error:
        _LOG.warning("the names of canisters are not known until the next deployment: %s", error)
        return Names(file, {})


def parse_names(document: object) -> dict[str, dict[str, Principal]]:
    """Read `{environment: {name: canister id as text}}`; raises `ValueError` for anything else."""
    if not isinstance(document, dict):
        raise ValueError("names are not an object")  # noqa: TRY004 # one kind of error for whoever sends them
    return {_parse_name(environment): _parse_canisters(canisters) for environment, canisters in document.items()}


def _parse_canisters(canisters: object) -> dict[str, Principal]:
    if not isinstance(canisters, dict):
        raise ValueError("an environment's names are not an object")  # noqa: TRY004 # as above
    return {_parse_name(name): Principal.from_text(str(text)) for name, text in canisters.items()}


def _parse_name(name: object) -> str:
    text = str(name)
    text.encode()  # JSON can spell half a character, which no file can hold
    return text

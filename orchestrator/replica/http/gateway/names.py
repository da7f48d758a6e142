"""The names that deployments gave to canisters, for hosts such as `<name>.<environment>.localhost`."""

import logging
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
        if merged == self._environments:
            return
        self._environments = merged
        self._index()
        if self._file is not None:
            texts = {name: {key: str(canister) for key, canister in canisters.items()} for name, canisters in merged.items()}
            write_json(self._file, {"v": _VERSION, "names": texts}, PRIVATE_MODE)

    def _index(self) -> None:
        self._hosts = {
            host: canisters[name]
            for environment, canisters in self._environments.items()
            for name, host in friendly_hosts(environment, canisters).items()
        }


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
    return {str(environment): _parse_canisters(canisters) for environment, canisters in document.items()}


def _parse_canisters(canisters: object) -> dict[str, Principal]:
    if not isinstance(canisters, dict):
        raise ValueError("an environment's names are not an object")  # noqa: TRY004 # as above
    return {str(name): Principal.from_text(str(text)) for name, text in canisters.items()}

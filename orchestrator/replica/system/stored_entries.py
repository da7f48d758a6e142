"""What the tables of a native canister are on the disk: numbered entries, of which only those that changed are written again.

An entry is the name of its table, a key and an encoded value; an empty one says that there is none any more. Newer
keys have higher numbers, so that tables keep their order. However many blocks a ledger has, saving costs what is new.
"""

from collections.abc import Mapping
from typing import Any, cast

from orchestrator.errors import ReplicaError
from orchestrator.replica.storage import codec
from orchestrator.replica.system.tables import Table

__all__ = ["Numbers", "StoredEntries", "read_entries"]

_PARTS = 3
Numbers = Mapping[tuple[str, Any], int]
"""The numbers of entries, by table and key."""


class StoredEntries:
    """Which entries of some tables are on the disk, and under what numbers."""

    def __init__(self, tables: Mapping[str, Table[Any, Any]], numbers: Numbers | None) -> None:
        """Take the tables, and the numbers of their entries on the disk; None when there are none there yet."""
        self._tables = tables
        self._is_known = numbers is not None
        self._numbers = dict(numbers or {})
        self._next = max(self._numbers.values(), default=0) + 1

    def changes(self) -> dict[int, bytes] | None:
        """Return what has been committed since the last `settle`, by number; None as long as that is everything."""
        if not self._is_known:
            return None
        changes: dict[int, bytes] = {}
        for name, table in self._tables.items():
            for key, packed in table.unsaved():
                if packed is not None:
                    changes[self._number(name, key)] = codec.dump_packed([name, key, packed])
                elif (name, key) in self._numbers:
                    changes[self._numbers[name, key]] = b""
        return changes

    def everything(self) -> dict[int, bytes]:
        """Return all that has been committed, by number."""
        self._is_known = True
        packed = ((name, key, value) for name, table in self._tables.items() for key, value in table.pack())
        return {self._number(name, key): codec.dump_packed([name, key, value]) for name, key, value in packed}

    def settle(self) -> None:
        """Take in that everything is on the disk, or will be there before anything later is."""
        for name, table in self._tables.items():
            for key, packed in table.unsaved():
                if packed is None:
                    self._numbers.pop((name, key), None)
            table.settle()

    def _number(self, name: str, key: object) -> int:
        number = self._numbers.setdefault((name, key), self._next)
        self._next = max(self._next, number + 1)
        return number


def read_entries(entries: Mapping[int, bytes]) -> tuple[dict[str, list[tuple[Any, bytes]]], Numbers]:
    """Return the entries of tables by name, and their numbers; raises `ReplicaError` for what is no entry."""
    content: dict[str, list[tuple[Any, bytes]]] = {}
    numbers: dict[tuple[str, Any], int] = {}
    for number in sorted(entries):
        if not entries[number]:
            continue
        entry = codec.load_part(entries[number])
        if not isinstance(entry, list) or len(entry) != _PARTS:
            raise ReplicaError(
                "the network's state on disk cannot be read", slug="replica/state-unreadable", detail="a table's entry is none"
            )
        name, key, packed = cast("tuple[str, Any, bytes]", tuple(entry))
        content.setdefault(name, []).append((key, packed))
        numbers[name, key] = number
    return content, numbers

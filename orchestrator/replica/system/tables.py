"""Maps whose changes can be undone: the memory of a native canister.

Values are encoded once for the disk, and decoded when somebody asks for them: a ledger's old blocks cost nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar, cast

from orchestrator.replica.storage import codec

__all__ = ["Table"]

_K = TypeVar("_K", bytes, int, str)
_V = TypeVar("_V")


class Table(Generic[_K, _V]):
    """A map that remembers what it held at the last commit. Values must be immutable."""

    __slots__ = ("_absent", "_before", "_entries", "_packed", "_unsaved")

    def __init__(self, packed: Iterable[tuple[_K, bytes]] = ()) -> None:
        """Take what `pack` returned."""
        self._packed: dict[_K, bytes] = dict(packed)
        self._entries: dict[_K, _V | None] = dict.fromkeys(self._packed)
        self._before: dict[_K, _V] = {}
        self._absent: dict[_K, None] = {}
        self._unsaved: dict[_K, None] = {}

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def __iter__(self) -> Iterator[_K]:
        """Iterate over the keys, oldest first."""
        return iter(self._entries)

    def __contains__(self, key: _K) -> bool:
        """Say if there is an entry."""
        return key in self._entries

    def __getitem__(self, key: _K) -> _V:
        """Return the value; raises `KeyError` when there is none."""
        value = self._entries[key]
        if value is None:
            value = self._entries[key] = cast("_V", codec.load_part(self._packed[key]))
        return value

    def __setitem__(self, key: _K, value: _V) -> None:
        """Put a value in, or in the place of another one."""
        self._note(key)
        self._entries[key] = value

    def get(self, key: _K) -> _V | None:
        """Return the value, or None."""
        return self[key] if key in self._entries else None

    def pop(self, key: _K) -> _V | None:
        """Take an entry out and return its value, or None when there is none."""
        value = self.get(key)
        self._note(key)
        self._entries.pop(key, None)
        return value

    def items(self) -> list[tuple[_K, _V]]:
        """Return all entries, oldest first."""
        return [(key, self[key]) for key in self._entries]

    def commit(self) -> None:
        """Keep all changes."""
        for changed in (self._before, self._absent):
            for key in changed:
                self._packed.pop(key, None)
                self._unsaved[key] = None
        self._before.clear()
        self._absent.clear()

    def rollback(self) -> None:
        """Undo all changes since the last commit; entries that were taken out come back as the newest."""
        self._entries.update(self._before)
        for key in self._absent:
            self._entries.pop(key, None)
        self._before.clear()
        self._absent.clear()

    def pack(self) -> list[tuple[_K, bytes]]:
        """Return the entries as of the last commit, encoded."""
        return [(key, packed) for key in {**self._entries, **self._before} if (packed := self._pack(key)) is not None]

    def unsaved(self) -> list[tuple[_K, bytes | None]]:
        """Return the entries that were committed since the last `settle`, encoded; None for those that are gone."""
        return [(key, self._pack(key)) for key in self._unsaved]

    def settle(self) -> None:
        """Take what has been committed for saved."""
        self._unsaved.clear()

    def _pack(self, key: _K) -> bytes | None:
        """Return an entry as of the last commit, encoded, or None when there was none."""
        if key in self._absent or (key not in self._entries and key not in self._before):
            return None
        if key not in self._packed:
            self._packed[key] = codec.dump_part(self._before[key] if key in self._before else self[key])
        return self._packed[key]

    def _note(self, key: _K) -> None:
        """Remember what a key held at the last commit, before it changes for the first time since."""
        if key in self._before or key in self._absent:
            return
        if key in self._entries:
            self._before[key] = self[key]
        else:
            self._absent[key] = None

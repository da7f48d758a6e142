"""Maps whose changes can be undone: the memory of a native canister."""

from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Table"]

_K = TypeVar("_K", bytes, int, str)
_V = TypeVar("_V")


class Table(Generic[_K, _V]):
    """A map that remembers what it held at the last commit. Values must be immutable."""

    __slots__ = ("_absent", "_before", "_entries")

    def __init__(self, entries: dict[_K, _V] | None = None) -> None:
        self._entries: dict[_K, _V] = {} if entries is None else entries
        self._before: dict[_K, _V] = {}
        self._absent: set[_K] = set()

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
        return self._entries[key]

    def __setitem__(self, key: _K, value: _V) -> None:
        """Put a value in, or in the place of another one."""
        self._note(key)
        self._entries[key] = value

    def get(self, key: _K) -> _V | None:
        """Return the value, or None."""
        return self._entries.get(key)

    def pop(self, key: _K) -> _V | None:
        """Take an entry out and return its value, or None when there is none."""
        self._note(key)
        return self._entries.pop(key, None)

    def items(self) -> list[tuple[_K, _V]]:
        """Return all entries, oldest first."""
        return list(self._entries.items())

    def commit(self) -> None:
        """Keep all changes."""
        self._before.clear()
        self._absent.clear()

    def rollback(self) -> None:
        """Undo all changes since the last commit; entries that were taken out come back as the newest."""
        self._entries.update(self._before)
        for key in self._absent:
            self._entries.pop(key, None)
        self.commit()

    def committed(self) -> dict[_K, _V]:
        """Return a copy as of the last commit."""
        merged = {**self._entries, **self._before}
        return {key: value for key, value in merged.items() if key not in self._absent}

    def _note(self, key: _K) -> None:
        """Remember what a key held at the last commit, before it changes for the first time since."""
        if key in self._before or key in self._absent:
            return
        if key in self._entries:
            self._before[key] = self._entries[key]
        else:
            self._absent.add(key)

"""The journal of a run: one JSON object per line, on the disk before the next thing happens.

Whatever may change a network writes a line before (`phase: "before"`) and after (`phase: "after"`);
both carry the same operation id, so a line without its partner is an operation whose outcome is open.
A process killed while it writes leaves a torn last line: reading ignores it, appending cuts it off.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from orchestrator.errors import StoreError
from orchestrator.store.atomic import make_directory, sync_directory

__all__ = ["Journal", "load_records", "open_operations"]

_OPERATION_ID_BYTES = 8
_NEW_LINE = b"\n"


def _present() -> datetime:
    return datetime.now(UTC)


class Journal:
    """Appends to the journal at `path`; a context manager that keeps the file open.

    `clock` gives the time written into every line (ISO 8601, UTC).
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = _present) -> None:
        """Take the place; nothing is opened yet."""
        self._path = path
        self._clock = clock
        self._file: BinaryIO | None = None

    @property
    def path(self) -> Path:
        """Return where the journal is."""
        return self._path

    def __enter__(self) -> Self:
        """Open the file for appending, past its last whole line."""
        self._open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def append(self, record: Mapping[str, object], *, durable: bool = True) -> None:
        """Write one record with the present `time`, to be read by others at once, and flush it to the disk before returning.

        Without `durable` it outlives this process, but a power cut only once the next durable record or `sync` has returned.
        Values are what JSON has; large integers are the caller's to write as text. Raises `StoreError`.
        """
        file = self._open()
        text = json.dumps({"time": self._clock().isoformat(timespec="milliseconds"), **record}, ensure_ascii=False)
        line = text.encode("utf-8", "backslashreplace")  # what UTF-8 cannot say, as JSON spells it
        try:
            file.write(line + _NEW_LINE)
            file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error
        if durable:
            self.sync()

    def sync(self) -> None:
        """Flush all records to the disk before returning; may be called from another thread. Raises `StoreError`."""
        try:
            os.fsync(self._open().fileno())
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def begin(self, record: Mapping[str, object]) -> str:
        """Write the line before an operation and return the operation's id (16 hex digits)."""
        operation = secrets.token_hex(_OPERATION_ID_BYTES)
        self.append({"phase": "before", "operation": operation, **record})
        return operation

    def finish(self, operation: str, record: Mapping[str, object]) -> None:
        """Write the line after the operation that `begin` started."""
        self.append({"phase": "after", "operation": operation, **record})

    def replay(self) -> tuple[dict[str, object], ...]:
        """Read every whole record, oldest first."""
        return load_records(self._path)

    def _open(self) -> BinaryIO:
        if self._file is None:
            make_directory(self._path.parent)
            try:
                self._file = self._path.open("a+b")  # closed by __exit__
                _cut_torn_line(self._file)
                sync_directory(self._path.parent)
            except OSError as error:
                raise _unwritable(self._path, error) from error
        return self._file


def load_records(path: Path) -> tuple[dict[str, object], ...]:
    """Read a journal, oldest record first; no file means none.

    The last line may be torn. Any other line that is not a JSON object is a `StoreError`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"cannot read `{path}`", slug="store/read", detail=error.strerror or str(error)) from error
    return tuple(_parse_lines(path, data))


def open_operations(records: Sequence[Mapping[str, object]]) -> tuple[Mapping[str, object], ...]:
    """Return the `before` records that have no `after`: what was in flight when the run ended."""
    done = {record.get("operation") for record in records if record.get("phase") == "after"}
    return tuple(record for record in records if record.get("phase") == "before" and record.get("operation") not in done)


def _parse_lines(path: Path, data: bytes) -> Iterator[dict[str, object]]:
    lines = data.split(_NEW_LINE)
    for number, line in enumerate(lines, 1):
        record = _parse(line)
        if record is not None:
            yield record
        elif number < len(lines):
            raise StoreError(
                f"the journal `{path}` is damaged",
                slug="store/damaged",
                detail=f"line {number} is not a JSON object",
                hint="restore the file from version control or a backup: without it the run cannot be resumed safely",
            )


def _parse(line: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _cut_torn_line(file: BinaryIO) -> None:
    """Leave the file ending with a whole line."""
    file.seek(0)
    data = file.read()
    kept = data.rfind(_NEW_LINE) + 1
    if kept == len(data):
        return
    if _parse(data[kept:]) is not None:
        file.write(_NEW_LINE)
        file.flush()
    else:
        file.truncate(kept)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the journal `{path}`",
        slug="store/write",
        detail=error.strerror or str(error),
        hint="nothing is changed without a journal: free some space or check who owns the folder",
    )

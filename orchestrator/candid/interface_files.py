"""Loads .did files from disk, with the files that they import."""

from pathlib import Path

from orchestrator.candid.interface import Interface, parse_interface
from orchestrator.errors import CandidError

__all__ = ["MAX_FILE_BYTES", "load_interface_file"]

MAX_FILE_BYTES = 4 * 1024 * 1024
"""How large a .did file may be (bytes)."""


def _load(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise CandidError(f"`{path}` is larger than {MAX_FILE_BYTES} bytes", slug="candid/unreadable-file")
        return data.decode()
    except OSError as error:
        raise CandidError(f"`{path}` cannot be read", slug="candid/unreadable-file", detail=error.strerror) from error
    except UnicodeDecodeError as error:
        raise CandidError(f"`{path}` is not UTF-8 text", slug="candid/unreadable-file") from error


def _import(name: str, importer: Path | None) -> tuple[Path, str]:
    folder = importer.parent if importer else Path()
    path = (folder / name).resolve()
    return path, _load(path)


def load_interface_file(path: Path) -> Interface:
    """Load a .did file; its imports are relative to the file they stand in.

    Unreadable files raise `CandidError`, text that makes no sense `CandidSyntaxError`.
    """
    path = path.resolve()
    return parse_interface(_load(path), path=path, imports=_import)

"""Checksums of the files of one folder, so that a damaged one is never taken for a canister's memory."""

import json
import zlib
from pathlib import Path

from orchestrator.errors import ReplicaError

__all__ = ["check_sums", "write_sums"]

_NAME = "sums.json"
_BLOCK_BYTES = 4 * 1024 * 1024


def write_sums(folder: Path) -> None:
    """Write down the length and CRC-32 of each file that is there; nothing may be written to them afterwards."""
    sums = {path.name: [path.stat().st_size, _sum(path)] for path in sorted(folder.iterdir())}
    (folder / _NAME).write_text(json.dumps(sums), encoding="ascii")


def check_sums(folder: Path) -> None:
    """Raise `ReplicaError` when a file is missing or has changed, OSError or ValueError when that cannot be told."""
    for name, (size, checksum) in json.loads((folder / _NAME).read_text(encoding="ascii")).items():
        path = folder / name
        if path.stat().st_size != size or _sum(path) != checksum:
            raise ReplicaError(
                "the network's state on disk cannot be read",
                slug="replica/state-unreadable",
                detail=f"`{path}` is damaged",
                hint="`orchestrator network reset` deletes it, with all canisters",
            )


def _sum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
    return checksum

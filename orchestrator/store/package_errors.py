"""What goes wrong with packages: downloads that are pinned by their SHA-256."""

from pathlib import Path
from typing import Final

from orchestrator.core.redaction import redact_url
from orchestrator.errors import StoreError

__all__ = ["OFFLINE_VARIABLE", "ChecksumError", "busy_error", "checksum_error", "offline_error", "unpinned_error"]

OFFLINE_VARIABLE: Final = "ORCHESTRATOR_OFFLINE"


class ChecksumError(StoreError):
    """Raised when a download is not what was pinned; `found` is the SHA-256 of what came, in lower-case hex."""

    default_slug = "download/checksum"
    found: str = ""


def offline_error(url: str, sha256: str, directory: Path) -> StoreError:
    """Return the error of a package that would have to be downloaded; the hash is what was looked for."""
    changed = "what is there has changed on the disk: " if (directory / "sha256" / sha256).exists() else ""
    return StoreError(
        f"`{redact_url(url)}` is not in the package cache, and nothing is downloaded offline",
        slug="download/offline",
        detail=f"{changed}looked for SHA-256 {sha256} in {directory}",
        hint=f"run `orchestrator plugin cache fetch` once with a connection, or leave out `--offline` and ${OFFLINE_VARIABLE}",
    )


def busy_error(url: str, seconds: float) -> StoreError:
    """Return the error of a package that another process does not get done with."""
    return StoreError(
        f"`{redact_url(url)}` is being downloaded by another process",
        slug="download/busy",
        detail=f"waited {seconds:.0f} seconds for it",
        hint="end that process, or wait until it is done, then run the command again",
    )


def checksum_error(url: str, wanted: str, found: str) -> ChecksumError:
    """Return the error of other bytes than were pinned."""
    error = ChecksumError(
        f"`{redact_url(url)}` is not the file that was pinned",
        detail=f"expected SHA-256 {wanted}, as pinned\nfound    SHA-256 {found}, which the server sent; nothing of it was kept",
        hint="if a new file is meant, review it, and write the output of `sha256sum` on the file you reviewed",
    )
    error.found = found
    return error


def unpinned_error(url: str) -> StoreError:
    """Return the error of a download that is not pinned, and so is not kept, where nothing may be downloaded."""
    return StoreError(
        f"`{redact_url(url)}` is not pinned, so it is not kept, and nothing is downloaded offline",
        slug="download/offline",
        hint=f"run `orchestrator recipe lock` once with a connection, or leave out `--offline` and ${OFFLINE_VARIABLE}",
    )

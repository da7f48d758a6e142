"""Keeping the cache out of version control: it holds keys and tokens, and nobody needs anybody else's."""

import contextlib
import os
import secrets
from pathlib import Path

__all__ = ["CACHE_PARTS", "IGNORE_FILE", "ignore_cache"]

CACHE_PARTS = (".orchestrator", "cache")
"""Where the cache is in a project's folder."""
IGNORE_FILE = ".gitignore"
_IGNORE_ALL = b"*\n"
_TEMPORARY_NAME_BYTES = 6


def ignore_cache(directory: Path) -> None:
    """Write a `.gitignore` into the cache that `directory` is, or is in, unless it has one already.

    A cache that cannot be written in is left as it is: whoever needs to write there says so.
    """
    for folder in (directory, *directory.parents):
        if folder.parts[-2:] == CACHE_PARTS:
            if not os.path.lexists(folder / IGNORE_FILE):
                with contextlib.suppress(OSError):
                    _write_new(folder / IGNORE_FILE)
            return


def _write_new(path: Path) -> None:
    """Make the file in one piece; of several processes that do, the first one's stays."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(_TEMPORARY_NAME_BYTES)}.tmp")
    try:
        temporary.write_bytes(_IGNORE_ALL)
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        with path.open("xb") as file:
            file.write(_IGNORE_ALL)
    finally:
        temporary.unlink(missing_ok=True)

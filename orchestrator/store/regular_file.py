"""Reading files that anybody may have put there: a pipe, a device or an endless file makes nobody wait."""

import errno
import os
import stat
from pathlib import Path

__all__ = ["read_regular"]


def read_regular(path: Path, max_bytes: int, *, follow_link: bool = False) -> bytes:
    """Return a file's bytes, one more than `max_bytes` at most: that is enough to know that it is too large.

    Raises `OSError` for what cannot be read and for what is no file; so is a link, unless `follow_link`.
    """
    links = 0 if follow_link else os.O_NOFOLLOW
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | links)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes + 1)
    finally:
        os.close(descriptor)

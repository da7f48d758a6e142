"""Importing a library without what it only imports to be nice."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["hidden_modules"]


@contextmanager
def hidden_modules(*names: str) -> Iterator[None]:
    """Let imports in the block take these modules for not installed; those that are imported already are left alone.

    For optional extras of libraries only: `httpx` tries to import its command line (click, rich, pygments), `structlog`
    rich. Both do without.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: an import of the name fails then
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]

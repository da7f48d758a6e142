"""The .did files that ship with the package, parsed on demand."""

from functools import cache
from pathlib import Path

from orchestrator.candid.interface import Interface, parse_interface

__all__ = ["load_interface", "load_interface_text"]


@cache
def load_interface(name: str) -> Interface:
    """Return a packaged interface, such as `management` or `proxy`; an unknown name raises `FileNotFoundError`."""
    return parse_interface(load_interface_text(name), path=Path(f"{name}.did"))


def load_interface_text(name: str) -> str:
    """Return the text of a packaged interface; an unknown name raises `FileNotFoundError`."""
    return Path(__file__).with_name(f"{name}.did").read_text(encoding="utf-8")

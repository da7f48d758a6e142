"""What a new plugin's project is: its language, what builds it, what was written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

__all__ = ["LANGUAGES", "Language", "PluginProject", "Toolchain"]

Language = Literal["python", "javascript", "zig", "c", "rust"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """What builds a plugin: what must be there beforehand, in words, the one command, and where the component is then."""

    title: str
    needs: str
    build: str
    component: str = "plugin.wasm"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginProject:
    """A project that was written: where, what it is called, what builds it, and its files' paths, sorted."""

    directory: Path
    name: str
    language: Language
    extended: bool
    toolchain: Toolchain
    files: tuple[str, ...]

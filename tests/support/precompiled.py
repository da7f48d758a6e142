"""Compiles components in the test's own process: small ones take milliseconds, and a process for each takes a hundred."""

import hashlib
from pathlib import Path

from orchestrator.sandbox.cache import ComponentCache, artifact_stem
from orchestrator.sandbox.compiler import compile_component
from orchestrator.sandbox.frames import Compile

__all__ = ["precompile"]


def precompile(component: bytes, cache_directory: Path) -> bytes:
    """Put what a component is compiled to into a cache, unless it is there or refused; return the component."""
    stem = artifact_stem(hashlib.sha256(component).hexdigest(), wrap=True)
    ComponentCache(cache_directory).prepare()
    compile_component(Compile(component=component, directory=str(cache_directory), stem=stem, wrap=True))
    return component

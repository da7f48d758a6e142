"""Runs the scripts that a bundled recipe renders to, with tools of the test's own beside those of the system."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.project import BuildStep, PrebuiltStep, RecipeReference
from orchestrator.manifest import load_steps
from orchestrator.recipes import expand, find_bundled, load_description

__all__ = ["EMPTY_MODULE", "RECORDER", "Built", "Workshop"]

EMPTY_MODULE = b"\0asm\1\0\0\0"
RECORDER = 'for word in "$@"; do printf "%s\\0" "$word"; done > "$0.words"\n'
"""Shell that keeps the words that a tool is called with, for `Workshop.words`."""
_SYSTEM = "/usr/bin:/bin"
_SCRIPT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """How a build ended: exit status of the first step that failed (or 0), everything written to stderr, and the module."""

    status: int
    stderr: str
    module: bytes


class Workshop:
    """A canister's folder, and a folder of tools that come first on the PATH."""

    def __init__(self, directory: Path, *, path: str = _SYSTEM) -> None:
        self.directory = directory / "canister"
        self._tools = directory / "tools"
        self._path = path
        for folder in (self.directory, self._tools):
            folder.mkdir()

    def tool(self, name: str, script: str) -> None:
        """Make a tool of a shell script."""
        file = self._tools / name
        file.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        file.chmod(0o755)

    def words(self, name: str) -> list[str]:
        """Return the words that a tool was called with last, which has `RECORDER` in its script."""
        return (self._tools / f"{name}.words").read_bytes().decode().split("\0")[:-1]

    def steps(self, recipe: str, **configuration: object) -> tuple[BuildStep, ...]:
        """Return the build steps that a bundled recipe renders to."""
        template = find_bundled(recipe)
        assert template is not None
        reference = RecipeReference(address=recipe, configuration=configuration)
        description = load_description(template)
        expansion = expand(reference, template.read_bytes(), template, canister="web", description=description)
        return load_steps(expansion.text, expansion.path, directory=self.directory, related=expansion.related, shown=expansion.shown).build

    def build(self, recipe: str, **configuration: object) -> Built:
        """Run the steps as a build does: in the canister's folder, until one fails."""
        output = self.directory.parent / "out.wasm"
        output.unlink(missing_ok=True)
        environ = {**os.environ, "PATH": f"{self._tools}:{self._path}", "ICP_WASM_OUTPUT_PATH": str(output)}
        stderr = ""
        for step in self.steps(recipe, **configuration):
            if isinstance(step, PrebuiltStep):
                assert step.path is not None
                output.write_bytes(step.path.read_bytes())
                continue
            for command in step.commands:
                ran = subprocess.run(
                    ["/bin/sh", "-c", command], check=False, capture_output=True, cwd=self.directory, env=environ, timeout=_SCRIPT_SECONDS
                )
                stderr += ran.stderr.decode()
                if ran.returncode != 0:
                    return Built(status=ran.returncode, stderr=stderr, module=b"")
        return Built(status=0, stderr=stderr, module=output.read_bytes())

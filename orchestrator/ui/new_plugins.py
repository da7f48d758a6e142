"""New plugins as text and as JSON: what was written, and what to type next."""

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.ui.plugins import PLUGIN_SCHEMA, render_size
from orchestrator.ui.style import harmless

if TYPE_CHECKING:
    from orchestrator.core.plugin_project import PluginProject

_PLAIN = re.compile(r"[\w./][\w./-]*")

__all__ = ["plugin_project_to_json", "render_component_made", "render_plugin_project"]


def plugin_project_to_json(project: "PluginProject") -> dict[str, object]:
    """Return what was written as plain values; `files` and `component` are relative to `directory`."""
    return {
        "schema": PLUGIN_SCHEMA,
        "directory": str(project.directory),
        "name": project.name,
        "language": project.language,
        "extended": project.extended,
        "files": list(project.files),
        "build": project.toolchain.build,
        "component": project.toolchain.component,
    }


def render_plugin_project(project: "PluginProject", shown: Path) -> str:
    """Return what to do next, as lines without a final line end; `shown` is the folder as the user wrote it."""
    toolchain = project.toolchain
    step = (
        "    sync:",
        "      steps:",
        "        - type: plugin",
        f"          name: {project.name}",
        f"          path: {_scalar(shown / toolchain.component)}",
        f"          dirs: [{_scalar(shown / 'texts')}]",
    )
    return "\n".join(
        (
            f"wrote the plugin {project.name}: {len(project.files)} files in {harmless(str(shown))}",
            "",
            f"Build it ({toolchain.needs}):",
            "",
            f"    cd {harmless(shlex.quote(str(shown)))}",
            f"    {toolchain.build}",
            "",
            "Try it, without a network:",
            "",
            f"    orchestrator plugin run {toolchain.component} --dir texts --reply 'get=(null : opt text)'",
            "",
            "Declare it for a canister in icp.yaml; paths are relative to the canister's folder:",
            "",
            *step,
        )
    )


def _scalar(path: Path) -> str:
    """Return a path as YAML takes it in a list, too."""
    text = harmless(path.as_posix())
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def render_component_made(output: Path, component: bytes) -> str:
    """Return the line that tells of a component."""
    return f"wrote {harmless(str(output))}, {render_size(len(component))}"

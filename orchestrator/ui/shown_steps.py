"""Build and sync steps as `project show` has them: as they are written."""

from pathlib import Path
from typing import Final

from orchestrator.core.project import BuildStep, PluginStep, PrebuiltStep, ScriptStep, SyncStep
from orchestrator.core.units import Amount
from orchestrator.ui.shown_values import own_keys, plain

__all__ = ["show_step"]

_SCRIPT: Final = ("commands",)
_PREBUILT: Final = ("path", "url", "sha256")
_PLUGIN: Final = (*_PREBUILT, "dirs", "files", "dir_keys", "file_keys", "fields", "canisters")


def show_step(step: BuildStep | SyncStep) -> dict[str, object]:
    """Return a step with its type; a path is the written one."""
    match step:
        case ScriptStep():
            return {"type": "script", **_commands(step), **_own_keys(step, _SCRIPT)}
        case PrebuiltStep():
            return {"type": "pre-built", **_location(step), **_own_keys(step, _PREBUILT)}
        case PluginStep():
            return {
                "type": "plugin",
                **_location(step),
                "dirs": step.written.get("dirs", plain(step.dirs) or None),
                "files": step.written.get("files", plain(step.files) or None),
                "fields": dict(step.fields) if step.fields or "fields" in step.written else None,
                "canisters": step.written.get("canisters", plain(step.canisters) or None),
                **_own_keys(step, _PLUGIN),
            }


def _commands(step: ScriptStep) -> dict[str, object]:
    first = next((key for key in step.written if key in {"command", "commands"}), None)
    if first == "command" or (first is None and len(step.commands) == 1):
        return {"command": step.commands[0]}
    return {"commands": list(step.commands)}


def _location(step: PrebuiltStep | PluginStep) -> dict[str, object]:
    where = {"url": step.url} if step.path is None else {"path": step.written.get("path", _text(step.path))}
    return {**where, "sha256": step.written.get("sha256", step.sha256)}


def _text(path: Path) -> str:
    return str(path)


def _own_keys(step: ScriptStep | PrebuiltStep | PluginStep, shown: tuple[str, ...]) -> dict[str, object]:
    """Return this tool's own keys that the step has; a number keeps how it is written."""
    found: dict[str, object] = {}
    for name, value in own_keys(step, shown).items():
        written = step.written.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = Amount(int(value), written if isinstance(written, str | int) else None)
        else:
            found[name] = value
    return found

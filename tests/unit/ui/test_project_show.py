"""What `project show` writes stays small and quick where a project is large."""

from collections.abc import ItemsView
from pathlib import Path

from orchestrator.core.project import Canister, Environment, ManagedNetwork, PluginStep, Project, ScriptStep
from orchestrator.ui.project_show import project_to_json, render_project

MANY = 300


class _Counting(dict[str, str]):
    """A map that knows how often it was read as a whole."""

    reads = 0

    def items(self) -> ItemsView[str, str]:  # type: ignore[override]  # a view like its own
        """Count, and return the entries."""
        type(self).reads += 1
        return super().items()


def large(bindings: dict[str, str]) -> Project:
    """Return a project whose canisters are all told the ids of all."""
    canisters = tuple(
        Canister(name=name, directory=Path("/p"), build=(ScriptStep(commands=("x",)),), bindings=bindings) for name in bindings
    )
    local = ManagedNetwork(name="local")
    environments = {name: Environment(name=name, network=local, canisters=canisters) for name in ("local", "other")}
    return Project(
        directory=Path("/p"), manifest=Path("/p/icp.yaml"), canisters=canisters, networks={"local": local}, environments=environments
    )


def test_what_all_canisters_share_is_written_once_for_each_depth() -> None:
    """The ids of all canisters, told to each, are not worked out for each: that would be a million entries for a thousand."""
    bindings = _Counting({f"c{number}": f"c{number}" for number in range(MANY)})
    project = large(bindings)
    yaml, json = "".join(render_project(project, {})), "".join(project_to_json(project, {}))

    assert yaml.count(f"c{MANY - 1}: c{MANY - 1}\n") == json.count(f'"c{MANY - 1}": "c{MANY - 1}"') == 3 * MANY
    assert _Counting.reads <= 3


def test_steps_that_come_from_no_file() -> None:
    """Steps made by a program have no words of their own: their values are shown."""
    step = PluginStep(path=Path("/p/x.wasm"), dirs=("a",), timeout=90.0, fields=(("k", "v"),))
    project = large({"a": "a"})
    canister = Canister(name="a", directory=Path("/p"), build=(ScriptStep(commands=("x", "z")),), sync=(step,))
    shown = "".join(
        render_project(Project(directory=Path("/p"), manifest=project.manifest, canisters=(canister,), networks={}, environments={}), {})
    )

    assert "      - type: script\n        commands:\n        - x\n        - z\n" in shown
    assert (
        "path: /p/x.wasm\n        sha256: null\n        dirs:\n        - a\n        files: null\n        fields:\n          k: v\n" in shown
    )
    assert "timeout: 90\n" in shown

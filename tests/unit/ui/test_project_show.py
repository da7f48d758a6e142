"""What `project show` writes stays small and quick where a project is large."""

import json
from collections.abc import ItemsView
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.project import Arguments, Canister, Environment, ManagedNetwork, PluginStep, Project, ScriptStep, Settings
from orchestrator.ui.project_show import project_to_json, render_project

MANY = 300
TEXTS = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\n\t\r :#-!'\"&*|>{[\x1b\x85\u2028\u202e")), max_size=8
)
ARGUMENTS = st.one_of(
    st.builds(Arguments, content=TEXTS, format=st.sampled_from(["candid", "hex"])),
    st.builds(Arguments, content=st.binary(max_size=4), format=st.just("bin")),
)


class Tagged(yaml.SafeLoader):
    """Reads the tags of arguments as what the JSON has in their place."""


def _tagged(loader: Tagged, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return {"content": bytes(loader.construct_sequence(node)).hex(), "format": "bin"}
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


Tagged.add_multi_constructor("!", _tagged)


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


@settings(max_examples=40)
@given(
    commands=st.lists(TEXTS, min_size=1, max_size=3), variables=st.dictionaries(TEXTS, TEXTS, max_size=3), first=ARGUMENTS, second=ARGUMENTS
)
def test_yaml_and_json_say_the_same(commands: list[str], variables: dict[str, str], first: Arguments, second: Arguments) -> None:
    """Whatever commands, values of variables and arguments are made of, any reader of YAML gets what the JSON has."""
    canister = Canister(
        name="../ü:a",
        directory=Path("/p: #"),
        build=(ScriptStep(commands=tuple(commands)),),
        settings=Settings(environment_variables=variables),
        init_args=first,
        upgrade_args=second,
        bindings={"a": "../ü:a"},
    )
    local = ManagedNetwork(name="local")
    environment = Environment(name="local", network=local, canisters=(canister,))
    project = Project(
        directory=Path("/p: #"),
        manifest=Path("/p: #/icp.yaml"),
        canisters=(canister,),
        networks={"local": local},
        environments={"local": environment},
    )
    shown = yaml.load("".join(render_project(project, {})), Loader=Tagged)  # noqa: S506  a safe loader
    told = json.loads("".join(project_to_json(project, {})))

    for read, expected in ((shown, told), (shown["environments"]["local"], told["environments"]["local"])):
        place, inside = read["canisters"]["../ü:a"]
        assert {"dir": place, **inside} == expected["canisters"]["../ü:a"]
    step = told["canisters"]["../ü:a"]["build"]["steps"][0]
    assert step.get("commands", [step.get("command")]) == commands

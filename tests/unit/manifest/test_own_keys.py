"""The keys that icp-cli does not have: read, kept as values, and told where they have no effect yet."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.health import CyclesCheck, HttpCheck, NoTrapsCheck, QueryCheck, StatusCheck
from orchestrator.core.principal import ANONYMOUS, MANAGEMENT_CANISTER
from orchestrator.core.project import Environment, PluginStep, PrebuiltStep, Project, ScriptStep, Settings
from orchestrator.core.rollout import Approvers, Bake, Rollout
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_project
from orchestrator.manifest.settings import merge_settings

CASE = Path(__file__).parents[2] / "cases" / "manifest" / "loads" / "own-keys.yaml"
BUILD = "build: {steps: [{type: script, command: x}]}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project that has every key."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "icp.yaml").write_bytes(CASE.read_bytes())
    return load_project(directory)


def load(directory: Path, text: str) -> Project:
    """Load a manifest."""
    (directory / "icp.yaml").write_text(text, encoding="utf-8")
    return load_project(directory)


def rollout_of(environment: Environment) -> Rollout:
    """Return the rollout, which is there."""
    assert environment.rollout is not None
    return environment.rollout


def test_keys_of_canisters(project: Project) -> None:
    """Labels are text however they are written; checks are values with their defaults filled in."""
    backend = project.canisters[1]
    query, *others = backend.health

    assert dict(backend.labels) == {"tier": "edge", "shard": "7", "hot": "true"}
    assert isinstance(query, QueryCheck)
    assert (query.method, query.args, query.expect) == ("ready", "()", "(true)")
    assert [type(check) for check in others] == [HttpCheck, HttpCheck, CyclesCheck, StatusCheck, NoTrapsCheck]
    assert [(check.path, check.status, check.contains) for check in others if isinstance(check, HttpCheck)] == [
        ("/health", 204, "ok"),
        ("/", 200, None),
    ]
    assert [check.at_least for check in others if isinstance(check, CyclesCheck)] == [2 * 10**12]
    assert backend.settings.snapshot_visibility == "public"
    assert backend.settings.status_visibility == (MANAGEMENT_CANISTER, ANONYMOUS)


def test_keys_of_steps(project: Project) -> None:
    """Build steps know their inputs, sync steps when they run."""
    store, backend = project.canisters
    (made,), (found,) = store.build, backend.build
    plugin, script = backend.sync

    assert isinstance(made, ScriptStep)
    assert isinstance(found, PrebuiltStep)
    assert (made.inputs, found.inputs) == (("src/**/*.rs", "Cargo.lock"), ("backend.wasm",))
    assert isinstance(script, ScriptStep)
    assert isinstance(plugin, PluginStep)
    assert (plugin.run, script.run) == ("changed", "changed")


def test_stages(project: Project) -> None:
    """Each stage knows its canisters, in the order of the manifest, whatever way they were chosen."""
    rollout = rollout_of(project.environments["production"])

    assert [(stage.name, stage.canisters) for stage in rollout.stages] == [("first", ("store",)), ("edge", ("backend",)), ("everyone", ())]
    assert [stage.gates for stage in rollout.stages] == [("health", Bake(bake=600)), (), ("approval",)]
    assert [stage.accept_data_loss for stage in rollout.stages] == [900, 3600, 86_400]
    assert (rollout.stages[2].rest, rollout.stages[2].max_parallel, rollout.stages[2].max_failures) == (True, 4, 1)
    assert rollout.on_failure == "undo-snapshot"


def test_approvers(project: Project) -> None:
    """An environment knows who must agree."""
    approvers = project.environments["agreed"].approvers
    assert approvers is not None
    assert approvers == Approvers(principals=(ANONYMOUS, MANAGEMENT_CANISTER), at_least=2, not_starter=False, span=approvers.span)


def test_registries(project: Project) -> None:
    """The project has its registries."""
    assert dict(project.registries) == {"team": "https://recipes.example.org/{name}/{version}/recipe.hbs"}


def test_what_has_no_effect_is_told_once(project: Project) -> None:
    """Each kind of key without an effect is one warning, however often it stands there; nothing else is odd."""
    told = [(warning.slug, warning.summary) for warning in project.warnings]
    assert told == [
        ("manifest/not-supported", "the key `inputs` in a script step has no effect yet"),
        ("manifest/not-supported", "the key `health` in canister `backend` has no effect yet"),
        ("manifest/not-supported", "the key `rollout` in environment `production` has no effect yet"),
        ("manifest/not-supported", "environment `agreed` has `approvers`, and this version asks nobody yet: nothing there can be changed"),
    ]


def test_merged_settings(project: Project) -> None:
    """With `settings_merge` each key wins over the canister's own, and variables are merged by name."""
    settings = project.environments["production"].canisters[1].settings

    assert settings.controllers == ("aaaaa-aa",)
    assert settings.controllers_exact is True
    assert settings.environment_variables == {"COLOUR": "blue", "SIZE": "large"}


@pytest.mark.parametrize(
    ("base", "over", "merge", "accepted"),
    [
        ("controllers: [a]", "controllers_exact: true", True, True),
        ("controllers: [a]", "controllers_exact: true", False, False),
        ("compute_allocation: 1", "controllers_exact: true", True, False),
        ("compute_allocation: 1", "controllers: [], controllers_exact: true", False, True),
        ("compute_allocation: 1", "controllers_exact: false", False, True),
    ],
)
def test_exact_controllers_need_a_list(tmp_path: Path, *, base: str, over: str, merge: bool, accepted: bool) -> None:
    """`controllers_exact: true` without a list would remove everybody: the list may stand below an override that is merged."""
    text = (
        f"canisters: [{{name: a, {BUILD}, settings: {{{base}}}}}]\n"
        f"environments: [{{name: s, settings_merge: {str(merge).lower()}, settings: {{a: {{{over}}}}}}}]\n"
    )
    if accepted:
        assert load(tmp_path, text).environments["s"].canisters
        return
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, text)
    assert [diagnostic.slug for diagnostic in caught.value.diagnostics] == ["manifest/missing-key"]


def test_two_plugin_steps_of_one_name(tmp_path: Path) -> None:
    """Steps of one name would take each other's success for their own: a warning names both."""
    steps = "[{type: plugin, path: a.wasm, name: x}, {type: plugin, path: b.wasm, name: x}, {type: plugin, path: a.wasm}]"
    (warning,) = load(tmp_path, f"canisters: [{{name: a, {BUILD}, sync: {{steps: {steps}}}}}]").warnings
    assert (warning.slug, warning.summary) == ("manifest/duplicate-name", "two plugin steps are named `x`")
    assert len(warning.related) == 1


NAMES = st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["1", "2"]), max_size=3)
SETTINGS = st.builds(
    Settings,
    controllers=st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
    compute_allocation=st.none() | st.integers(0, 3),
    status_visibility=st.none() | st.just("public"),
    environment_variables=st.none() | NAMES,
)


@given(SETTINGS, SETTINGS, SETTINGS)
def test_merging_is_laying_over(first: Settings, second: Settings, third: Settings) -> None:
    """Nothing laid over changes nothing, and it does not matter which two of three are merged first."""
    assert merge_settings(first, Settings()) == first
    assert merge_settings(Settings(), first) == first
    assert merge_settings(merge_settings(first, second), third) == merge_settings(first, merge_settings(second, third))


HEALTH = f"canisters: [{{name: a, {BUILD}, health: [VALUE]}}]"
INPUTS = "canisters: [{name: a, build: {steps: [{type: script, command: x, inputs: [VALUE]}]}}]"
ENVIRONMENT = f"canisters: [{{name: a, {BUILD}}}]\nenvironments: [{{name: s, VALUE}}]"
STAGE = ENVIRONMENT.replace("VALUE", "rollout: {stages: [{VALUE}]}")
GATE = STAGE.replace("VALUE", "name: x, canisters: rest, gates: [VALUE]")
VISIBILITY = f"canisters: [{{name: a, {BUILD}, settings: {{status_visibility: VALUE}}}}]"
PLUGIN = f"canisters: [{{name: a, {BUILD}, sync: {{steps: [{{type: plugin, path: p, VALUE}}]}}}}]"
WRONG: dict[str, tuple[str, str, str, str]] = {
    "a check that is a word": (HEALTH, "running", "wrong-type", "write it like `- status: running`"),
    "cycles that are an amount": (HEALTH, "cycles: 1t", "wrong-type", "write `cycles: { at_least: 1t }`"),
    "a query that is a name": (HEALTH, "query: ready", "wrong-type", "write `query: { method: ready }`"),
    "a query of nothing": (HEALTH, "query: {method: ''}", "invalid-name", "write the name of a query method"),
    "a status of nothing": (HEALTH, "status: null", "wrong-type", "write `running`"),
    "a path with a space": (HEALTH, "http: {path: /a b}", "invalid-path", "write it as it stands in a URL: a space is `%20`"),
    "an open bracket": (INPUTS, "'[a'", "invalid-glob", "write it like `src/**/*.rs`"),
    "stars beside a name": (INPUTS, "'src/**.rs'", "invalid-glob", "write it like `src/**/*.rs`"),
    "an identity of nothing": (ENVIRONMENT, "identity: ''", "invalid-name", "remove it for the default identity"),
    "a list of approvers": (
        ENVIRONMENT,
        "approvers: [2vxsx-fae]",
        "wrong-type",
        "write the list as `principals`: `approvers: { principals: [PRINCIPAL], at_least: 1 }`",
    ),
    "a stage of nothing": (STAGE, "name: '', canisters: rest", "missing-name", "add `name:`, the name of the stage"),
    "rest in a list": (
        STAGE,
        "name: x, canisters: [rest]",
        "unknown-canister",
        "write `canisters: rest` for all that are in no other stage",
    ),
    "baking without a time": (GATE, "bake", "missing-key", "write `{ bake: 10m }`"),
    "a gate as a key": (GATE, "{health: true}", "wrong-type", "write `- health`"),
    "viewers as a list": (
        VISIBILITY,
        "[2vxsx-fae]",
        "wrong-type",
        "write the list as `status_visibility: { allowed_viewers: [PRINCIPAL] }`",
    ),
    "viewers by name": (
        VISIBILITY,
        "{allowed_viewers: [a]}",
        "invalid-principal",
        "write a principal; canisters are not known by name here",
    ),
    "misspelt viewers": (VISIBILITY, "{allowed_viewer: []}", "unknown-key", "did you mean `allowed_viewers`?"),
    "a word in capitals": (PLUGIN, "proxy: None", "unknown-canister", "did you mean `none`?"),
    "a flag for a word": (PLUGIN, "run: true", "wrong-type", "write `always` or `changed`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_mistake_is_one_error_that_says_what_to_write(name: str, tmp_path: Path) -> None:
    """What people write instead of our own keys' values is refused once, with a hint that fits."""
    template, value, slug, hint = WRONG[name]

    with pytest.raises(ManifestError) as caught:
        load(tmp_path, template.replace("VALUE", value))

    assert [(each.slug, each.hint) for each in caught.value.diagnostics] == [(f"manifest/{slug}", hint)]


def test_principals_of_approvers_know_no_case(tmp_path: Path) -> None:
    """As everywhere else, and one in two spellings is one."""
    project = load(tmp_path, ENVIRONMENT.replace("VALUE", "approvers: {principals: [2VXSX-FAE, 2vxsx-fae]}"))

    assert {"manifest/duplicate-name"} < {warning.slug for warning in project.warnings}
    assert (approvers := project.environments["s"].approvers) is not None
    assert approvers.principals == (ANONYMOUS,)


@pytest.mark.parametrize(
    ("template", "key", "home"),
    [
        (VISIBILITY.replace("status_visibility: VALUE", "VALUE"), "labels: {}", "`labels` belongs in a canister"),
        (ENVIRONMENT, "launcher: dfx", "`launcher` belongs in a managed network"),
        (ENVIRONMENT, "health: []", "`health` belongs in a canister"),
        (PLUGIN, "inputs: []", "`inputs` belongs in an item of `build: steps:`"),
    ],
    ids=["labels", "launcher", "health", "inputs"],
)
def test_own_keys_know_where_they_belong(template: str, key: str, home: str, tmp_path: Path) -> None:
    """A key in the wrong place is told its right one."""
    (warning,) = load(tmp_path, template.replace("VALUE", key)).warnings
    assert (warning.slug, warning.hint) == ("manifest/unknown-key", f"{home}; check the indentation")

"""Whatever a project asks for and whatever is there: after the update nothing is left to update."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.diff import Desired, DesiredCanister, argument_hash, diff
from orchestrator.core.graph import levels
from orchestrator.core.observed import LastInstall, Observed, ObservedCanister, ObservedSettings
from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings, Visibility
from orchestrator.core.settings import AMOUNTS, VISIBILITIES, SettingsUpdate, plan_settings, plan_variables

PRINCIPALS = st.binary(min_size=1, max_size=10).map(Principal)
AMOUNT = st.one_of(st.none(), st.integers(0, 2**64))
WORDS: tuple[Visibility, ...] = ("controllers", "public")
VIEWERS: st.SearchStrategy[Visibility] = st.lists(PRINCIPALS, max_size=3).map(tuple)
VISIBILITY: st.SearchStrategy[Visibility | None] = st.one_of(st.none(), st.sampled_from(WORDS), VIEWERS)
VARIABLES = st.dictionaries(st.sampled_from(["A", "B", "C"]), st.text(max_size=3), max_size=3)
ID = Principal(b"\x00\x01\x01\x01")


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Draw what a manifest may ask for."""
    values: dict[str, Any] = {**{name: draw(AMOUNT) for name in AMOUNTS}, **{name: draw(VISIBILITY) for name in VISIBILITIES}}
    controllers = draw(st.one_of(st.none(), st.lists(PRINCIPALS.map(str), max_size=3).map(tuple)))
    return Settings(
        controllers=controllers,
        controllers_exact=draw(st.one_of(st.none(), st.booleans())),
        environment_variables=draw(st.one_of(st.none(), VARIABLES)),
        **values,
    )


@st.composite
def observed_settings(draw: st.DrawFn) -> ObservedSettings:
    """Draw what a network may say."""
    values: dict[str, Any] = {**{name: draw(AMOUNT) for name in AMOUNTS}, **{name: draw(VISIBILITY) for name in VISIBILITIES}}
    return ObservedSettings(
        controllers=frozenset(draw(st.lists(PRINCIPALS, max_size=3))),
        environment_variables=draw(VARIABLES),
        **values,
    )


def applied(current: ObservedSettings, update: SettingsUpdate) -> ObservedSettings:
    """Return the settings as a network would have them after the update."""
    after = replace(current, **{**update.amounts, **update.visibilities})  # type: ignore[arg-type]  # keyed by field names
    if update.controllers is not None:
        after = replace(after, controllers=frozenset(update.controllers))
    if update.environment_variables is not None:
        after = replace(after, environment_variables=update.environment_variables)
    return after


@given(wanted=settings(), current=observed_settings())
def test_one_update_is_enough(wanted: Settings, current: ObservedSettings) -> None:
    """Controllers are lost only where the manifest is exact, never who manages, and a second comparison finds nothing."""
    variables = plan_variables(wanted, ids={"api": ID})
    manager = next(iter(sorted(current.controllers)), None)

    update = plan_settings(wanted, current, ids={"api": ID}, variables=variables, manager=manager)

    after = applied(current, update)
    exact = bool(wanted.controllers_exact) and wanted.controllers is not None
    assert current.controllers <= after.controllers or exact
    assert manager is None or manager in after.controllers
    if exact and manager is not None:
        assert after.controllers == {manager, *map(Principal.from_text, wanted.controllers or ())}
    assert plan_settings(wanted, after, ids={"api": ID}, variables=variables, manager=manager).empty


@given(wanted=settings(), current=observed_settings(), module=st.sampled_from(["aa" * 32, "bb" * 32]), argument=st.binary(max_size=2))
def test_a_deployed_canister_is_unchanged(wanted: Settings, current: ObservedSettings, module: str, argument: bytes) -> None:
    """After what the plan says has been done, the plan is to do nothing."""
    canister = DesiredCanister(name="api", settings=wanted, artifact=module, install_argument=argument, upgrade_argument=argument)
    desired = Desired(environment="local", network="local", names=("api",), canisters=(canister,))
    variables = plan_variables(wanted, ids={"api": ID})
    after = applied(current, plan_settings(wanted, current, ids={"api": ID}, variables=variables))
    last = LastInstall(module_hash=module, argument_hash=argument_hash(argument))
    present = ObservedCanister(id=ID, state="running", settings=after, module_hash=module, last_install=last)

    plan = diff(desired, Observed(canisters={"api": present}, ids={"api": ID}))

    assert not plan.mutates


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_levels_respect_every_dependency(pairs: list[tuple[int, int]]) -> None:
    """Each name appears once, after everything it depends on."""
    needs: dict[str, list[str]] = {f"c{number}": [] for number in range(8)}
    for first, second in pairs:
        if first < second:
            needs[f"c{second}"].append(f"c{first}")

    order = [name for level in levels(needs) for name in level]

    assert sorted(order) == sorted(needs)
    assert all(order.index(need) < order.index(name) for name, wanted in needs.items() for need in wanted)

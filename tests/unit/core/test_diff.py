"""A plan says what would change and why, and its digest changes when the answer could."""

from dataclasses import replace

import pytest

from orchestrator.core.diff import Desired, DesiredCanister, argument_hash, diff
from orchestrator.core.observed import LastInstall, Observed, ObservedCanister, ObservedSettings
from orchestrator.core.plan import Action, Mode, Plan
from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings
from orchestrator.core.settings import UNKNOWN_ID

ID = Principal(b"\x00\x01\x01\x01")
OTHER = Principal(b"\x00\x02\x01\x01")
MODULE = "aa" * 32
ARGUMENT = b"DIDL\x00\x00"
WANTED = DesiredCanister(name="api", artifact=MODULE, install_argument=ARGUMENT, upgrade_argument=ARGUMENT)
DESIRED = Desired(environment="local", network="local", names=("api",), canisters=(WANTED,))
PRESENT = ObservedCanister(
    id=ID,
    state="running",
    settings=ObservedSettings(environment_variables={"PUBLIC_CANISTER_ID:api": str(ID)}),
    module_hash=MODULE,
    last_install=LastInstall(module_hash=MODULE, argument_hash=argument_hash(ARGUMENT)),
)
OBSERVED = Observed(canisters={"api": PRESENT}, ids={"api": ID})


def actions(plan: Plan) -> list[Action]:
    """Return the actions of a plan's changes."""
    return [change.action for change in plan.changes]


def present(**changes: object) -> Observed:
    """Return the observation with the canister's fields replaced."""
    return Observed(canisters={"api": replace(PRESENT, **changes)}, ids={"api": ID})  # type: ignore[arg-type]  # fields of the test's choice


def test_what_is_right_stays() -> None:
    """Same module, arguments and settings: nothing to send."""
    plan = diff(DESIRED, OBSERVED)

    assert actions(plan) == ["unchanged"]
    assert not plan.mutates


def test_what_is_missing_is_created_and_installed() -> None:
    """An empty environment is created, then installed."""
    plan = diff(DESIRED, Observed())

    assert actions(plan) == ["create", "install"]
    assert plan.destructive == ()
    assert plan.artifacts == {"api": MODULE}


@pytest.mark.parametrize(
    ("observed", "action", "reason"),
    [
        (present(module_hash=None, last_install=None), "install", "it has no module"),
        (present(module_hash="bb" * 32), "upgrade", "the module differs"),
        (present(last_install=None), "upgrade", "the module is the same, but with which arguments it was installed is not recorded"),
        (present(last_install=LastInstall(module_hash=MODULE, argument_hash="00")), "upgrade", "the arguments differ"),
    ],
)
def test_why_a_module_is_installed(observed: Observed, action: Action, reason: str) -> None:
    """Each case has its own reason, in words."""
    (change,) = diff(DESIRED, observed).changes

    assert (change.action, change.reason) == (action, reason)


def test_force_upgrades_what_is_unchanged() -> None:
    """Force upgrades, and never reinstalls."""
    assert actions(diff(replace(DESIRED, force=True), OBSERVED)) == ["upgrade"]


@pytest.mark.parametrize(("mode", "destructive"), [("reinstall", True), ("upgrade", False)])
def test_a_mode_is_taken_literally(mode: Mode, *, destructive: bool) -> None:
    """A mode that was asked for is planned; wiping a canister's state needs consent."""
    (change,) = diff(replace(DESIRED, mode=mode), OBSERVED).changes

    assert change.action == mode
    assert change.destructive is destructive


def test_reinstalling_nothing_loses_nothing() -> None:
    """A canister that has no module yet has no state to wipe."""
    plan = diff(replace(DESIRED, mode="reinstall"), Observed())

    assert actions(plan) == ["create", "reinstall"]
    assert plan.destructive == ()


def test_an_upgrade_that_breaks_callers_needs_consent() -> None:
    """An interface that loses something makes the upgrade destructive, with the reason."""
    wanted = replace(WANTED, interface_break="method `greet` is gone")

    (change,) = diff(replace(DESIRED, canisters=(wanted,)), present(module_hash="bb" * 32)).changes

    assert change.destructive
    assert "breaks callers" in change.reason


def test_settings_and_module_are_separate_changes() -> None:
    """Both differ: settings come first."""
    wanted = replace(WANTED, settings=Settings(freezing_threshold=5))

    assert actions(diff(replace(DESIRED, canisters=(wanted,)), present(module_hash="bb" * 32))) == ["settings", "upgrade"]


def test_a_stopped_canister_is_started_only_to_sync() -> None:
    """Somebody stopped it on purpose: it stays stopped unless sync steps need it."""
    stopped = present(state="stopped")
    with_steps = replace(DESIRED, canisters=(replace(WANTED, sync_steps=1),))

    assert actions(diff(DESIRED, stopped)) == ["unchanged"]
    assert actions(diff(with_steps, stopped)) == ["start", "sync"]


def test_why_steps_run_is_told_and_not_consented_to() -> None:
    """The reason stands in the change; the digest is that of a plan with another reason."""
    one, other = (
        diff(replace(DESIRED, canisters=(replace(WANTED, sync_steps=2, sync_reason=reason),)), present()) for reason in ("this", "that")
    )

    assert [change.reason for change in one.changes if change.action == "sync"] == ["2 sync steps: this"]
    assert one.digest == other.digest


def test_a_new_canister_is_announced_to_the_others() -> None:
    """A canister that exists learns the id of one that is created, although only the new one is deployed."""
    observed = Observed(canisters={"web": replace(PRESENT, id=OTHER)}, ids={"web": OTHER})
    desired = replace(DESIRED, names=("api", "web"))

    announcement = diff(desired, observed).of("web")

    assert [change.action for change in announcement] == ["settings"]
    assert announcement[0].details[0].after == UNKNOWN_ID


@pytest.mark.parametrize(
    "desired",
    [
        replace(DESIRED, canisters=(replace(WANTED, artifact="bb" * 32),)),
        replace(DESIRED, canisters=(replace(WANTED, install_argument=b"x"),)),
        replace(DESIRED, canisters=(replace(WANTED, settings=Settings(compute_allocation=1)),)),
        replace(DESIRED, force=True),
        replace(DESIRED, environment="production"),
    ],
)
def test_the_digest_covers_what_is_asked(desired: Desired) -> None:
    """Another module, argument, setting or place is another plan."""
    assert diff(desired, OBSERVED).digest != diff(DESIRED, OBSERVED).digest


@pytest.mark.parametrize(
    "observed",
    [
        present(module_hash="bb" * 32),
        present(settings=ObservedSettings(controllers=frozenset({OTHER}))),
        present(id=OTHER),
        Observed(),
    ],
)
def test_the_digest_covers_what_is_there(observed: Observed) -> None:
    """A network that changed since makes a saved plan stale."""
    assert diff(DESIRED, observed).digest != diff(DESIRED, OBSERVED).digest


def test_the_digest_is_stable() -> None:
    """The same question on the same network has the same digest."""
    assert diff(DESIRED, OBSERVED).digest == diff(DESIRED, OBSERVED).digest
    assert len(diff(DESIRED, OBSERVED).digest) == 64


def test_removing_a_controller_is_destructive() -> None:
    """A controller that goes shows, needs consent, and is what the digest is about, whoever stays because of who asks."""
    settings = Settings(controllers=(str(ID),), controllers_exact=True)
    desired = replace(DESIRED, canisters=(replace(WANTED, settings=settings),), manager=ID)
    controllers = frozenset({ID, OTHER})
    observed = present(settings=replace(PRESENT.settings, controllers=controllers))

    mine, theirs = diff(desired, observed), diff(replace(desired, manager=OTHER), observed)

    (change,) = mine.changes
    assert (change.action, change.destructive, change.reason) == ("settings", True, "1 value differs; a controller is removed")
    assert actions(theirs) == ["unchanged"]
    assert mine.digest != theirs.digest


def test_canisters_are_told_the_ids_that_they_are_bound_to() -> None:
    """A canister of another project has another name here than there; those that nobody shows are not told."""
    bindings = {"api": {"api": "api", "lib:core": "../lib:core"}, "../lib:core": {"core": "../lib:core"}}
    core = replace(PRESENT, id=OTHER, settings=ObservedSettings(environment_variables={"PUBLIC_CANISTER_ID:core": str(OTHER)}))
    desired = replace(DESIRED, names=("api", "../lib:core"), bindings=bindings)
    both = Observed(canisters={"api": PRESENT, "../lib:core": core}, ids={"api": ID, "../lib:core": OTHER})

    (told,) = diff(desired, both).changes
    (announced,) = diff(replace(desired, canisters=(replace(WANTED, name="../lib:core"),)), both).of("api")

    assert [(detail.field, detail.after) for detail in told.details] == [("environment_variables.PUBLIC_CANISTER_ID:lib:core", str(OTHER))]
    assert announced.details == told.details
    assert diff(desired, both).digest != diff(replace(desired, bindings={}), both).digest

"""Settings are compared value by value, and only differences are sent."""

from orchestrator.core.observed import ObservedSettings
from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings
from orchestrator.core.settings import UNKNOWN_ID, plan_creation, plan_settings, plan_variables

ME = Principal(b"\x01me\x02")
API = Principal(b"\x00\x01\x01\x01")


def test_equal_settings_need_no_update() -> None:
    """What the manifest does not mention, and what is as it says, is left alone."""
    current = ObservedSettings(controllers=frozenset({ME}), freezing_threshold=10, environment_variables={"A": "1"})
    settings = Settings(freezing_threshold=10, controllers=(str(ME),), environment_variables={"A": "1"})

    update = plan_settings(settings, current, ids={}, variables={"A": "1"})

    assert update.empty


def test_only_what_differs_is_sent() -> None:
    """An update carries the differing amounts and nothing else."""
    current = ObservedSettings(freezing_threshold=10, compute_allocation=0)

    update = plan_settings(Settings(freezing_threshold=20, compute_allocation=0), current, ids={}, variables={})

    assert update.amounts == {"freezing_threshold": 20}
    assert (update.controllers, update.environment_variables, update.log_visibility) == (None, None, None)
    assert [(detail.field, detail.before, detail.after) for detail in update.details] == [("freezing_threshold", "10", "20")]


def test_controllers_are_appended() -> None:
    """Controllers that are there stay, and names of canisters become their ids."""
    update = plan_settings(Settings(controllers=("api",)), ObservedSettings(controllers=frozenset({ME})), ids={"api": API}, variables={})

    assert update.controllers is not None
    assert set(update.controllers) == {ME, API}


def test_a_controller_without_id_is_reported() -> None:
    """A name whose canister does not exist yet is set later, and the caller can say so."""
    update = plan_settings(Settings(controllers=("api",)), ObservedSettings(), ids={}, variables={})

    assert update.unresolved == ("api",)
    assert update.empty


def test_variables_are_replaced_as_a_whole() -> None:
    """A variable that is gone from the manifest goes from the canister, and the removal shows."""
    current = ObservedSettings(environment_variables={"OLD": "1", "KEPT": "2"})

    update = plan_settings(Settings(), current, ids={}, variables={"KEPT": "2"})

    assert update.environment_variables == {"KEPT": "2"}
    assert [(detail.field, detail.after) for detail in update.details] == [("environment_variables.OLD", None)]


def test_viewers_are_a_set() -> None:
    """The order of log viewers means nothing."""
    update = plan_settings(Settings(log_visibility=(ME, API)), ObservedSettings(log_visibility=(API, ME)), ids={}, variables={})

    assert update.empty


def test_ids_win_over_the_manifest() -> None:
    """A manifest cannot point a canister at another's id under the reserved name."""
    settings = Settings(environment_variables={"PUBLIC_CANISTER_ID:api": "wrong", "B": "b"})

    variables = plan_variables(settings, ids={"api": API}, pending=["web"])

    assert variables == {"B": "b", "PUBLIC_CANISTER_ID:api": str(API), "PUBLIC_CANISTER_ID:web": UNKNOWN_ID}


def test_creation_sends_every_amount() -> None:
    """A canister is born with its limits, so that a setting the network refuses leaves no canister behind."""
    settings = Settings(wasm_memory_limit=5, log_memory_limit=6, controllers=("api",), environment_variables={"A": "1"})

    update = plan_creation(settings)

    assert update.amounts == {"wasm_memory_limit": 5, "log_memory_limit": 6}
    assert update.controllers is None
    assert update.environment_variables is None

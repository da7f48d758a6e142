"""Settings are compared value by value, and only differences are sent."""

import pytest

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
    assert (update.controllers, update.environment_variables, update.visibilities) == (None, None, {})
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


OTHERS = Principal(b"\x01other\x02")


def test_exact_controllers_remove_the_others() -> None:
    """With `controllers_exact` whoever is not listed goes, and the removal shows."""
    settings = Settings(controllers=(str(ME), "api"), controllers_exact=True)

    update = plan_settings(settings, ObservedSettings(controllers=frozenset({ME, OTHERS})), ids={"api": API}, variables={}, manager=ME)

    assert set(update.controllers or ()) == {ME, API}
    assert (update.removed, update.kept) == ((OTHERS,), None)
    assert {(detail.field, detail.before, detail.after) for detail in update.details} == {
        (f"controllers.{API}", None, str(API)),
        (f"controllers.{OTHERS}", str(OTHERS), None),
    }


def test_who_manages_is_never_removed() -> None:
    """Who sends the update stays although it is not listed; nothing is sent for that, and the caller can say so."""
    current = ObservedSettings(controllers=frozenset({ME, API}))

    update = plan_settings(Settings(controllers=(str(API),), controllers_exact=True), current, ids={}, variables={}, manager=ME)

    assert update.empty
    assert update.kept == ME


@pytest.mark.parametrize("manager", [None, ME])
def test_nobody_is_removed_by_guess(manager: Principal | None) -> None:
    """Without a list, or without knowing who manages, every controller stays."""
    current = ObservedSettings(controllers=frozenset({ME, OTHERS}))
    settings = Settings(controllers_exact=True, controllers=None if manager else ())

    assert plan_settings(settings, current, ids={}, variables={}, manager=manager).empty


def test_each_visibility_is_sent_where_it_differs() -> None:
    """Logs, snapshots and status have a visibility each."""
    current = ObservedSettings(log_visibility="public", snapshot_visibility="controllers", status_visibility=(ME, API))
    settings = Settings(log_visibility="public", snapshot_visibility=(ME,), status_visibility=(API, ME))

    update = plan_settings(settings, current, ids={}, variables={})

    assert update.visibilities == {"snapshot_visibility": (ME,)}
    assert [(detail.field, detail.before, detail.after) for detail in update.details] == [("snapshot_visibility", "controllers", str(ME))]


def test_a_setting_that_the_network_lacks_is_left_out() -> None:
    """A network that does not tell a visibility has none: sending it again with each deploy would change nothing."""
    settings = Settings(snapshot_visibility="public", status_visibility="public", log_visibility="public")

    update = plan_settings(settings, ObservedSettings(), ids={}, variables={})

    assert update.unknown == ("snapshot_visibility", "status_visibility")
    assert update.visibilities == {"log_visibility": "public"}
    assert plan_creation(settings).visibilities.keys() == {"log_visibility", "snapshot_visibility", "status_visibility"}


def test_an_empty_list_of_viewers_is_said() -> None:
    """Before and after read as something, and who is listed twice is shown once."""
    update = plan_settings(
        Settings(log_visibility=(), status_visibility=(ME, ME)),
        ObservedSettings(log_visibility="public", status_visibility=()),
        ids={},
        variables={},
    )

    assert [(detail.before, detail.after) for detail in update.details] == [
        ("public", "no allowed viewers"),
        ("no allowed viewers", str(ME)),
    ]

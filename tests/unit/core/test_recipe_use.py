"""What recipes of other people reach."""

from pathlib import Path

import pytest

from orchestrator.core.project import Canister, ExpandedRecipe, PluginStep
from orchestrator.core.recipe_use import describe_use

ORIGIN = ExpandedRecipe(address="@acme/pay@v1", sha256="0" * 64, remote=True, build=0, sync=1)
BINDINGS = {"core": "../lib:core", "ledger": "../money:ledger"}


@pytest.mark.parametrize(
    ("names", "reached"),
    [(("core",), ()), (("../lib:core",), ()), (("ledger", "core"), ("../money:ledger",)), (("other",), ("other",))],
    ids=["itself", "its-key", "bound", "unbound"],
)
def test_canisters_are_those_that_names_stand_for(names: tuple[str, ...], reached: tuple[str, ...]) -> None:
    """In a dependency names mean what they mean there, so that another canister behind the same name is another reach."""
    step = PluginStep(path=Path("plugin.wasm"), canisters=names)
    canister = Canister(name="../lib:core", bindings=BINDINGS, directory=Path(), sync=(step,), expanded=ORIGIN)

    use = describe_use(canister, (1,))

    assert use is not None
    assert tuple(name for reach in use.reaches for name in reach.canisters) == reached

"""The control channel's route for names."""

from collections.abc import Mapping

import anyio
import pytest

from orchestrator.core.principal import Principal
from orchestrator.replica.control import ControlError
from orchestrator.replica.control_names import make_name_operations
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.gateway import Gateway, Names
from tests.support.certified_site import NoPersistence
from tests.support.scripted_network import ScriptedNetwork

WEB = Principal(bytes(7) + b"\x10\x01\x01")


async def tell(names: Names, content: Mapping[str, object]) -> Mapping[str, object]:
    """Send names to a gateway."""
    driver = Driver(ScriptedNetwork().replica, NoPersistence(), limiter=anyio.CapacityLimiter(1))
    return await make_name_operations(Gateway(driver, names=names))["/names"](content)


def test_names_arrive_at_the_gateway() -> None:
    """Whoever has the token tells the gateway what canisters are called."""
    names = Names(None, {})
    assert anyio.run(tell, names, {"names": {"local": {"web": str(WEB)}}}) == {}
    assert names.look_up("web.local") == WEB


@pytest.mark.parametrize("content", [{}, {"names": []}, {"names": {"local": {"web": "x"}}}], ids=["nothing", "list", "no id"])
def test_what_is_no_names_is_refused(content: dict[str, object]) -> None:
    """The answer is status 400, and nothing changes."""
    names = Names(None, {"local": {"web": WEB}})
    with pytest.raises(ControlError) as caught:
        anyio.run(tell, names, content)
    assert caught.value.status == 400
    assert names.look_up("web.local") == WEB

"""Calls are typed by the canister itself."""

from pathlib import Path

import pytest

from orchestrator import candid
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister
from orchestrator.engine.calls import call
from orchestrator.engine.inspection import canister_list, canister_status, canister_url
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import deploy
from orchestrator.errors import CandidSyntaxError, RejectError, UsageError
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_project, memory_session, prebuilt

pytestmark = pytest.mark.anyio
SERVICE = b"service : { echo : (nat8) -> (nat8); peek : () -> (nat8) query }"


@pytest.fixture
async def session(tmp_path: Path, network: MemoryNetwork) -> Session:
    """Return a session of a project whose canister echoes."""
    project = make_project(tmp_path, [Canister(name="api", directory=tmp_path, build=(prebuilt(tmp_path, "api"),))])
    await deploy(memory_session(project, network))
    (canister_id,) = network.canisters
    network.metadata[canister_id, "candid:service"] = SERVICE
    return memory_session(project, network, verb="canister call")


async def test_text_is_typed_by_the_canister(session: Session, network: MemoryNetwork) -> None:
    """A number is encoded as the method's own type, and the reply is read with it."""
    answer = await call(session, "api", "echo", "(5)")

    assert network.calls[-1].arg == candid.encode([T.NAT8], [5])
    assert answer.reply == network.calls[-1].arg
    assert answer.text == "(5 : nat8)"


async def test_what_the_canister_calls_a_query_is_queried(session: Session, network: MemoryNetwork) -> None:
    """No update call is made for a query method."""
    with pytest.raises(RejectError):
        await call(session, "api", "peek", "()")

    assert network.calls == []


async def test_an_update_method_cannot_be_queried(session: Session) -> None:
    """Asking for a query of an update method is refused before anything is sent."""
    with pytest.raises(UsageError) as caught:
        await call(session, "api", "echo", "(5)", query=True)

    assert caught.value.slug == "usage/not-a-query"


async def test_a_canister_is_named_or_given(session: Session, network: MemoryNetwork) -> None:
    """Names and principals both work; anything else is explained."""
    (canister_id,) = network.canisters

    assert (await canister_status(session, str(canister_id)))[0] == (await canister_status(session, "api"))[0]
    with pytest.raises(UsageError) as caught:
        await canister_status(session, "apy")
    assert caught.value.hint == "did you mean `api`? canisters of `local`: api"


async def test_canisters_are_listed_and_located(session: Session) -> None:
    """The list is the environment's, and a canister that serves no HTTP is a backend."""
    assert canister_list(session) == ("api",)
    assert (await canister_url(session, "api")).kind == "backend"


async def test_missing_arguments_are_noticed_before_the_call(session: Session, network: MemoryNetwork) -> None:
    """Without any arguments, a method that takes some is not called: the canister could only trap."""
    with pytest.raises(CandidSyntaxError, match="expected, not 0"):
        await call(session, "api", "echo")

    assert network.calls == []


async def test_a_misspelt_method_is_recognised(session: Session, network: MemoryNetwork) -> None:
    """When the canister has no such method, the error names the one that was probably meant."""

    def reject(method: str, _canister: Principal) -> None:
        raise RejectError(f"no update method '{method}'", reject_code=5, error_code="IC0536")

    network.before = reject
    with pytest.raises(RejectError) as caught:
        await call(session, "api", "ecoh")

    assert caught.value.hint == "did you mean `echo`?"

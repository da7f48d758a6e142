"""What a canister's first page tells about where it can be seen."""

from dataclasses import dataclass

import pytest

from orchestrator import candid
from orchestrator.candid.types import BLOB, BOOL, NAT16, TEXT, Opt, Vec, record, tuple_of
from orchestrator.core.principal import Principal
from orchestrator.engine.pages import Page, look_at_page
from orchestrator.errors import OrchestratorError, RejectError, TransportError

pytestmark = pytest.mark.anyio
CANISTER = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai")
RESPONSE = record({"status_code": NAT16, "headers": Vec(tuple_of(TEXT, TEXT)), "body": BLOB, "upgrade": Opt(BOOL)})


def response(*headers: tuple[str, str], upgrade: bool | None = None) -> bytes:
    """Return what a canister answers."""
    return candid.encode([RESPONSE], [{"status_code": 200, "headers": list(headers), "body": b"hello", "upgrade": upgrade}])


@dataclass(frozen=True, slots=True)
class Reader:
    """Answers each query the same."""

    answer: bytes | OrchestratorError

    async def query(self, canister_id: Principal, method: str, arg: bytes) -> bytes:
        """Return or raise the answer."""
        assert (canister_id, method, arg[:4]) == (CANISTER, "http_request", b"DIDL")
        if isinstance(self.answer, OrchestratorError):
            raise self.answer
        return self.answer


CASES: dict[str, tuple[bytes | OrchestratorError, Page]] = {
    "nothing": (response(), "uncertified"),
    "no upgrade": (response(("content-type", "text/plain"), upgrade=False), "uncertified"),
    "upgrade": (response(upgrade=True), "shown"),
    "certificate": (response(("IC-Certificate", "certificate=::")), "shown"),
    "no answer of this kind": (candid.encode([TEXT], ["hello"]), "shown"),
    "no Candid": (b"hello", "shown"),
    "trap": (RejectError("it trapped", reject_code=5, error_code="IC0503"), "shown"),
    "no network": (TransportError("no answer"), "shown"),
    "no method": (RejectError("no", reject_code=5, error_code="IC0536"), "none"),
}


@pytest.mark.parametrize(("answer", "expected"), CASES.values(), ids=list(CASES))
async def test_first_page_is_judged(answer: bytes | OrchestratorError, expected: Page) -> None:
    """Only what gateways are certain to refuse is called uncertified."""
    assert await look_at_page(Reader(answer), CANISTER) == expected  # type: ignore[arg-type]  # it only queries

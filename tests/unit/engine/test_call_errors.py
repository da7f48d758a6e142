"""What a plugin is told of a failed call, word for word."""

import pytest

from orchestrator.agent.proxy import ProxyError
from orchestrator.engine.call_errors import describe_call_error
from orchestrator.errors import OrchestratorError, RejectError, TransportError


@pytest.mark.parametrize(
    ("error", "proxied", "expected"),
    [
        (
            RejectError("no", reject_code=4, error_code="IC0406"),
            False,
            'canister call failed: The replica returned a rejection error: reject code CanisterReject, reject message no, error code Some("IC0406")',
        ),
        (
            RejectError("no", reject_code=1),
            True,
            "proxy call failed: The replica returned a rejection error: reject code SysFatal, reject message no, error code None",
        ),
        (
            RejectError("no", reject_code=9),
            False,
            "canister call failed: The replica returned a rejection error: reject code 9, reject message no, error code None",
        ),
        (ProxyError("Proxy call failed: no", hint="look"), True, "Proxy call failed: no"),
        (TransportError("nobody answers", detail="refused"), False, "canister call failed: nobody answers: refused"),
        (TransportError("nobody answers"), True, "proxy call failed: nobody answers"),
    ],
    ids=["rejected", "proxy rejected", "unknown code", "proxy's own", "unreachable", "proxy unreachable"],
)
def test_the_words_are_those_of_icp(error: OrchestratorError, expected: str, *, proxied: bool) -> None:
    """Rejects have code, message and error code; the proxy's own errors stand by themselves; the rest says where it happened."""
    assert describe_call_error(error, proxied=proxied) == expected

"""What a plugin is told when a call that it asked for fails: icp-cli's words, so that plugins may read them."""

from orchestrator.agent.proxy import ProxyError
from orchestrator.errors import OrchestratorError, RejectError

__all__ = ["describe_call_error"]

_REJECT_CODES = {
    1: "SysFatal",
    2: "SysTransient",
    3: "DestinationInvalid",
    4: "CanisterReject",
    5: "CanisterError",
    6: "SysUnknown",
}


def describe_call_error(error: OrchestratorError, *, proxied: bool) -> str:
    """Return the text for the plugin; `proxied` calls were sent to a proxy canister.

    The proxy's own answers stand by themselves; what the network or the way to it says comes after a prefix. Source: the texts of
    icp-cli 1.5.0 for the same calls.
    """
    if isinstance(error, ProxyError):
        return error.reason
    return f"{'proxy' if proxied else 'canister'} call failed: {_describe(error)}"


def _describe(error: OrchestratorError) -> str:
    if not isinstance(error, RejectError):
        return f"{error.summary}: {error.detail}" if error.detail else error.summary
    code = _REJECT_CODES.get(error.reject_code, str(error.reject_code))
    known = f'Some("{error.error_code}")' if error.error_code else "None"
    return f"The replica returned a rejection error: reject code {code}, reject message {error.message}, error code {known}"

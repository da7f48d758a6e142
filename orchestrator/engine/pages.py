"""Whether a canister has pages for browsers, and whether gateways would show them.

Source: the HTTP gateway protocol specification, sections "Canister HTTP Interface" and "Response Verification".
"""

from typing import Literal, cast

from orchestrator import candid
from orchestrator.candid.types import BLOB, BOOL, NAT16, TEXT, Opt, Vec, record, tuple_of
from orchestrator.core.principal import Principal
from orchestrator.engine.ports import NetworkPort
from orchestrator.errors import CandidError, OrchestratorError, RejectError

__all__ = ["Page", "look_at_page"]

Page = Literal["none", "shown", "uncertified"]

_NO_SUCH_METHOD = "IC0536"
_METHOD = "http_request"
_HEADERS = Vec(tuple_of(TEXT, TEXT))
_REQUEST = record({"method": TEXT, "url": TEXT, "headers": _HEADERS, "body": BLOB, "certificate_version": Opt(NAT16)})
_ANSWER = record({"headers": _HEADERS, "upgrade": Opt(BOOL)})
_FIRST_PAGE = {"method": "GET", "url": "/", "headers": [], "body": b"", "certificate_version": 2}
_CERTIFICATE = "ic-certificate"


async def look_at_page(reader: NetworkPort, canister_id: Principal) -> Page:
    """Ask a canister for its first page by one query.

    `none` is told by "no such method" alone, `uncertified` by an answer that has neither a certificate nor asks for an update
    call. Whatever else happens is `shown`: that a certificate is right, the gateway finds out.
    """
    try:
        reply = await reader.query(canister_id, _METHOD, candid.encode([_REQUEST], [_FIRST_PAGE]))
    except RejectError as error:
        return "none" if _is_no_such_method(error) else "shown"
    except OrchestratorError:
        return "shown"
    return "shown" if _may_be_shown(reply) else "uncertified"


def _is_no_such_method(error: RejectError) -> bool:
    if error.error_code is not None:
        return error.error_code == _NO_SUCH_METHOD
    return f"no query method '{_METHOD}'" in error.message


def _may_be_shown(reply: bytes) -> bool:
    """Tell whether an answer has what a gateway wants to see; one that cannot be read is the gateway's to judge."""
    try:
        (answer,) = candid.decode(reply, [_ANSWER])
    except CandidError:
        return True
    fields = cast("dict[str, object]", answer)
    headers = cast("list[tuple[str, str]]", fields["headers"])
    return fields["upgrade"] is True or any(name.lower() == _CERTIFICATE for name, _ in headers)

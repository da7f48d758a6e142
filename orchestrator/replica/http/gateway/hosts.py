"""Which canister a request is for: its host names it, or its query string, or the page it comes from."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.http.gateway.failures import GatewayError

__all__ = ["LookUp", "Target", "candid_page_url", "raw_url", "resolve"]

LookUp = Callable[[str], Principal | None]
"""Takes `<name>.<environment>` in lower case."""
_RAW = "raw"
_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Target:
    """The canister that is asked for; the responses of raw hosts are not verified. `is_by_referer`: the address does not tell it."""

    canister_id: Principal
    is_raw: bool = False
    is_by_referer: bool = False


def resolve(request: HttpRequest, look_up: LookUp) -> Target | None:
    """Return the canister that a request is for, or None when it names none.

    Hosts are `<id>.…`, `<id>.raw.…`, `<name>.<environment>.…` and `<name>.<environment>.raw.…`, under any domain; the name of
    a dependency's canister has several labels, as in `<name>.<dependency>.<environment>`.
    Raises `GatewayError` when something that should name a canister does not.
    """
    if sum(name == "host" for name, _ in request.headers) > 1:
        raise GatewayError(400, "Not one host", "The request has several headers `Host`.")  # RFC 9112, section 3.2
    host = _host_name(request)
    labels = host.split(".")
    target = None if _is_address(host) else _by_labels(labels, look_up)
    if target is not None:
        return target
    referer = request.header("referer").partition("#")[0].partition("?")[2]
    for query, is_by_referer in ((request.query, False), (referer, True)):
        text = next(iter(parse_qs(query).get("canisterId", [])), "")
        if text:
            return Target(_principal(text), is_by_referer=is_by_referer)
    if labels[-1] == _LOCAL and len(labels) == 2:
        return Target(_principal(labels[0]))
    if labels[-1] == _LOCAL and len(labels) > 2:
        raise GatewayError(
            404,
            "No canister of this name",
            f"No deployment to this network has named a canister `{labels[0]}` in an environment `{labels[1]}`.",
        )
    return None


def raw_url(request: HttpRequest, canister_id: Principal) -> str:
    """Return the address of the same page at the canister's raw host."""
    return f"http://{canister_id}.{_RAW}.{_domain(request)}{request.target}"


def candid_page_url(request: HttpRequest, canister_id: Principal) -> str:
    """Return the address of the Candid page for a canister."""
    return f"http://{CANDID_UI_CANISTER}.{_domain(request)}/?id={canister_id}"


def _domain(request: HttpRequest) -> str:
    """Return the domain, with its port, that a request's host has a canister's id in; where it has none, `localhost`."""
    port = request.header("host").rpartition("]")[2].rpartition(":")
    labels = _host_name(request).split(".")
    is_named = not _is_address(".".join(labels)) and _principal_or_none(labels[0]) is not None and len(labels) > 1
    domain = ".".join(labels[2 if labels[1] == _RAW else 1 :]) if is_named else _LOCAL
    return f"{domain}:{port[2]}" if port[1] and port[2].isdigit() else domain


def _host_name(request: HttpRequest) -> str:
    """Return the host without its port, in lower case; an empty text where it is missing or malformed."""
    try:
        return (urlsplit(f"//{request.header('host')}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _by_labels(labels: list[str], look_up: LookUp) -> Target | None:
    if len(labels) < 2:
        return None
    by_id = _principal_or_none(labels[0])
    if by_id is not None:
        return Target(by_id, is_raw=labels[1] == _RAW)
    for count in range(len(labels), 1, -1):  # `core.lib.local` is more than `core` in an environment `lib`
        by_name = look_up(".".join(labels[:count]))
        if by_name is not None:
            return Target(by_name, is_raw=labels[count : count + 1] == [_RAW])
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _principal_or_none(text: str) -> Principal | None:
    try:
        return Principal.from_text(text)
    except PrincipalError:
        return None


def _principal(text: str) -> Principal:
    try:
        return Principal.from_text(text.lower())
    except PrincipalError as error:
        raise GatewayError(400, "Not a canister id", f"{error}.") from error

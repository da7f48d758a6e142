"""HTTP responses to values, or to errors that say what to do.

Source: the interface specification, page "HTTPS interface".
"""

import re
from datetime import UTC, datetime

from orchestrator.agent.transport import HttpAnswer
from orchestrator.core.hosts import is_on_this_machine
from orchestrator.core.units import render_duration
from orchestrator.errors import ProtocolError, TransportError
from orchestrator.protocol import cbor

__all__ = ["FORBIDDEN", "MOVED_CLOCK", "NOT_OFFERED", "decode_map", "http_error"]

FORBIDDEN = "agent/forbidden"
"""The slug of a request that this identity may not make."""

NOT_OFFERED = frozenset({404, 405, 501})
"""What a server says about an endpoint that it does not have."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_EXCERPT_CHARACTERS = 200
_EXPIRY_WORDS = ("ingress_expiry", "request expiry", "ingress expiry", "not within expected range")
_SECOND_NS = 1_000_000_000
_WINDOW_START = re.compile(r"Minimum allowed expiry: (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")
MOVED_CLOCK = (
    "a network on this machine has the machine's clock unless it was moved: use it from its own project, which knows by how much, "
    "or take the move back there with `orchestrator network reset`, which deletes its state"
)
"""What to do about a network on this machine that has another time."""


def decode_map(answer: HttpAnswer) -> dict[str, object]:
    """Return the map of a 200 response's CBOR body; raise `TransportError` for any other answer."""
    if answer.status != 200:
        raise TransportError(f"unexpected HTTP status {answer.status}", slug="agent/http-status", detail=_describe(answer))
    try:
        value = cbor.loads(answer.body)
    except ProtocolError as error:
        raise _not_cbor(answer, error.detail or error.summary) from error
    if not isinstance(value, dict):
        raise _not_cbor(answer, "a CBOR value that is not a map")
    return {name: field for name, field in value.items() if isinstance(name, str)}


def _not_cbor(answer: HttpAnswer, reason: str) -> TransportError:
    return TransportError(
        "the network's answer is not one of the Internet Computer's",
        slug="agent/not-cbor",
        detail=f"{reason}; {_describe(answer)}",
        hint="check that the URL is the API of a network, such as https://icp-api.io",
    )


def http_error(answer: HttpAnswer, now_ns: int) -> TransportError:
    """Return the error for a response that is neither 200 nor 202; its slug tells whether it may pass."""
    text = _excerpt(answer)
    if answer.status == 400 and any(word in text.lower() for word in _EXPIRY_WORDS):
        return _clock_error(answer, text, now_ns)
    if answer.status in _TRANSIENT:
        hint = "wait a moment and try again" if answer.status == 429 else "try again; the network may be starting, busy or upgrading"
        return TransportError(
            f"the network is not available: HTTP {answer.status}", slug="agent/unavailable", detail=_describe(answer), hint=hint
        )
    return TransportError(
        f"the network refuses the request: HTTP {answer.status}",
        slug=FORBIDDEN if answer.status == 403 else "agent/http-status",
        detail=_describe(answer),
        hint=_HINTS.get(answer.status),
    )


_HINTS = {
    301: "use the URL that it redirects to",
    302: "use the URL that it redirects to",
    307: "use the URL that it redirects to",
    308: "use the URL that it redirects to",
    400: "the request did not reach a canister: check the canister id, the identity and the network",
    403: "this identity or delegation may not make the request",
    404: "check that the URL is the API of a network, such as https://icp-api.io",
    413: "the argument is too large: at most 2 MiB fit into one call",
}


def _clock_error(answer: HttpAnswer, text: str, now_ns: int) -> TransportError:
    local = f"the clock here says {_render_time(now_ns)}"
    network_ns = _told_time(answer)
    seconds = 0 if network_ns is None else (network_ns - now_ns) // _SECOND_NS
    if network_ns is None:
        difference = local
    else:
        far = f"{render_duration(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"
        difference = f"the network's clock is {far}: it says {_render_time(network_ns)}, {local}"
    moved = seconds > 0 and is_on_this_machine(answer.url)
    return TransportError(
        "the network refuses the request because of its time",
        slug="agent/clock-skew",
        detail=f"{difference}; it answered: {text} ({answer.url})",
        hint=MOVED_CLOCK if moved else "set this machine's clock (for example `sudo timedatectl set-ntp true`), then try again",
    )


def _told_time(answer: HttpAnswer) -> int | None:
    """Return the network's time: the start of the window that it takes requests in, else that of the server before it."""
    found = _WINDOW_START.search(answer.body[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", errors="replace"))
    if found is not None:
        try:
            moment = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
        except ValueError:
            return answer.date_ns
        return int(moment.timestamp()) * _SECOND_NS
    return answer.date_ns


def _render_time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // _SECOND_NS, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _describe(answer: HttpAnswer) -> str:
    text = _excerpt(answer)
    return f"HTTP {answer.status} from {answer.url}" + (f": {text}" if text else "")


def _excerpt(answer: HttpAnswer) -> str:
    """Return the start of a body on one line, without what could drive a terminal."""
    text = answer.body[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", errors="replace")
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= _EXCERPT_CHARACTERS else line[:_EXCERPT_CHARACTERS] + "…"

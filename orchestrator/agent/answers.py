"""HTTP responses to values, or to errors that say what to do.

Source: the interface specification, page "HTTPS interface".
"""

from datetime import UTC, datetime

from orchestrator.agent.transport import HttpAnswer
from orchestrator.errors import ProtocolError, TransportError
from orchestrator.protocol import cbor

__all__ = ["FORBIDDEN", "NOT_OFFERED", "decode_map", "http_error"]

FORBIDDEN = "agent/forbidden"
"""The slug of a request that this identity may not make."""

NOT_OFFERED = frozenset({404, 405, 501})
"""What a server says about an endpoint that it does not have."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_EXCERPT_CHARACTERS = 200
_EXPIRY_WORDS = ("ingress_expiry", "request expiry", "ingress expiry", "not within expected range")
_SECOND_NS = 1_000_000_000


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
    local = _render_time(now_ns)
    if answer.date_ns is None:
        difference = f"the clock here says {local}"
    else:
        seconds = (now_ns - answer.date_ns) // _SECOND_NS
        ahead = "ahead of" if seconds > 0 else "behind"
        difference = f"the clock here says {local}, {abs(seconds)} s {ahead} the network's {_render_time(answer.date_ns)}"
    return TransportError(
        "the network refuses the request because of its time",
        slug="agent/clock-skew",
        detail=f"{difference}; it answered: {text} ({answer.url})",
        hint="set this machine's clock (for example `sudo timedatectl set-ntp true`), then try again",
    )


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

"""Large assets: a canister that answers with a part is asked for the others, and the client gets the whole.

Source: DFINITY's gateway library `ic-http-gateway`, which assembles partial responses (206) to requests that did not
ask for a range; RFC 9110, section 14.4 for `Content-Range`.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from orchestrator.replica.http.exchange import BrokenBodyError, HttpRequest
from orchestrator.replica.http.gateway.answers import MAX_STREAMED_BYTES, MAX_STREAMED_PARTS, Answer, header_of
from orchestrator.replica.http.gateway.failures import GatewayError

__all__ = ["PARTIAL", "ContentRange", "asks_for_range", "continue_ranges", "read_content_range"]

PARTIAL = 206
_CONTENT_RANGE = re.compile(r"\s*bytes (?P<first>[0-9]{1,15})-(?P<last>[0-9]{1,15})/(?P<total>[0-9]{1,15})\s*")
_TITLE = "The canister's answer is not a part of a whole"

Fetch = Callable[[int], Awaitable[Answer]]
"""Asks for the part that starts at a byte; whatever it returns is verified."""


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which bytes, from `first` to `last`, of how many."""

    first: int
    last: int
    total: int


def asks_for_range(request: HttpRequest) -> bool:
    """Say if the client itself asked for a range; it then gets what the canister answers."""
    return bool(request.header("range") or request.header("if-range"))


def read_content_range(answer: Answer) -> ContentRange:
    """Read the header of a partial answer and hold it to its body. Raises `GatewayError`."""
    text = header_of(answer.headers, "content-range") or ""
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None:
        raise GatewayError(502, _TITLE, f"Its header `Content-Range` is `{text}`.")
    found = ContentRange(int(match["first"]), int(match["last"]), int(match["total"]))
    if not found.first <= found.last < found.total or found.last - found.first + 1 != len(answer.body):
        raise GatewayError(502, _TITLE, f"Its header `Content-Range` is `{text}`, for a body of {len(answer.body)} bytes.")
    if found.total > MAX_STREAMED_BYTES:
        raise GatewayError(502, "The canister's answer is too large", f"Its body has more than {MAX_STREAMED_BYTES} bytes.")
    return found


async def continue_ranges(first: Answer, total: int, fetch: Fetch) -> AsyncIterator[bytes]:
    """Yield a first part and all that follow it. Raises `BrokenBodyError` when one does not fit the others."""
    yield first.body
    done, tag = len(first.body), header_of(first.headers, "etag")
    for _ in range(MAX_STREAMED_PARTS):
        if done >= total:
            return
        try:
            answer = await fetch(done)
            if answer.status != PARTIAL or answer.strategy is not None:
                raise BrokenBodyError(f"byte {done} of {total}: status {answer.status} instead of {PARTIAL}")
            part = read_content_range(answer)
        except GatewayError as error:
            raise BrokenBodyError(f"byte {done} of {total}: {error}") from error
        if part.total != total or header_of(answer.headers, "etag") != tag:
            raise BrokenBodyError(f"byte {done} of {total}: the asset changed meanwhile")
        if not part.first <= done <= part.last:
            raise BrokenBodyError(f"byte {done} of {total}: the canister sent bytes {part.first} to {part.last}")
        yield answer.body[done - part.first :]
        done = part.last + 1
    raise BrokenBodyError(f"more than {MAX_STREAMED_PARTS} parts")

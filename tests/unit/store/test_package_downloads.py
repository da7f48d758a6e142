"""Downloads into the package cache, from a server that has bad days."""

import gzip
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.download import ATTEMPTS
from tests.support.faulty_server import Answer, faulty_server
from tests.support.package_caches import BODY, SHA256, Pauses, leftovers, make_cache

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_server_that_is_busy_is_asked_again(tmp_path: Path, status: int) -> None:
    """What may be better in a moment is tried again, with growing pauses."""
    pauses = Pauses()
    with faulty_server(Answer(status=status), Answer(status=status), Answer(body=BODY)) as server:
        assert await make_cache(tmp_path, pauses).fetch(server.url, SHA256) == BODY

    assert pauses.seconds == [0.5, 1.0]


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 501])
async def test_an_answer_that_will_not_change_is_final(tmp_path: Path, status: int) -> None:
    """What asking again cannot change is told at once (a part that nobody asked for is asked for again)."""
    with faulty_server(Answer(status=status)) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert str(caught.value.detail).startswith(f"the server answered {status}")
    assert len(server.requests) == (ATTEMPTS if status == 206 else 1)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
        ({"Retry-After": "60"}, 60.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:50:07 GMT", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 30.0),
    ],
)
async def test_a_server_is_left_alone_for_as_long_as_it_asks(tmp_path: Path, headers: dict[str, str], pause: float) -> None:
    """`Retry-After` makes a pause longer, whichever of its forms the server uses."""
    pauses = Pauses()
    with faulty_server(Answer(status=503, headers=headers), Answer(body=BODY)) as server:
        assert await make_cache(tmp_path, pauses).fetch(server.url, SHA256) == BODY

    assert pauses.seconds == [pause]


@pytest.mark.parametrize("seconds", ["61", "9" * 400])
async def test_a_server_that_asks_for_too_long_a_wait_is_given_up(tmp_path: Path, seconds: str) -> None:
    """Nobody waits for an hour: it is said at once."""
    with faulty_server(Answer(status=503, headers={"Retry-After": seconds})) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert str(caught.value.detail).startswith(f"the server answered 503 Said; it asks to wait {seconds[:12]} seconds, and 60 are the most")
    assert len(server.requests) == 1


async def test_attempts_are_bounded(tmp_path: Path) -> None:
    """A server that never recovers is given up, and the number of attempts is told."""
    with faulty_server(Answer(status=503)) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert caught.value.detail == f"the server answered 503 Said; {ATTEMPTS} attempts were made"
    assert len(server.requests) == ATTEMPTS


@pytest.mark.parametrize("polite", [False, True])
async def test_a_download_that_is_cut_off_goes_on(tmp_path: Path, *, polite: bool) -> None:
    """After a lost connection only the rest is asked for, of the same version of the file."""
    answers = [Answer(body=BODY, etag='"1"', cut=cut, polite=polite) for cut in (100_000, 50_000)]
    with faulty_server(*answers, Answer(body=BODY, etag='"1"')) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY

    firsts = [int(request.headers["range"].removeprefix("bytes=").removesuffix("-")) for request in server.requests[1:]]
    assert firsts[0] <= 100_000
    assert firsts == sorted(firsts)
    assert {request.headers["if-range"] for request in server.requests[1:]} == {'"1"'}


async def test_a_steady_trickle_is_no_failure(tmp_path: Path) -> None:
    """Attempts count only when they bring nothing new."""
    answers = [Answer(body=BODY, etag='"1"', cut=30_000, polite=True)] * 8
    with faulty_server(*answers, Answer(body=BODY, etag='"1"')) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY

    assert len(server.requests) == 9


@pytest.mark.parametrize(
    "later",
    [
        Answer(body=BODY, etag='"1"', ranges=False),
        Answer(body=BODY, etag='"2"'),
        Answer(body=BODY),
    ],
    ids=["ignores ranges", "has another version", "names no version"],
)
async def test_a_server_that_sends_all_again_is_understood(tmp_path: Path, later: Answer) -> None:
    """Where the rest cannot be had, the whole is taken."""
    first = Answer(body=b"x" * 100_000 + BODY, etag='"1"', cut=100_000, polite=True)
    with faulty_server(first, later) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY

    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        Answer(status=206, body=BODY[:10], headers={"Content-Range": f"bytes 0-9/{len(BODY)}"}),
        Answer(status=206, body=BODY),
        Answer(status=206, body=BODY, headers={"Content-Range": f"bytes {'9' * 5000}-9/*"}),
        Answer(status=206, body=BODY, headers={"Content-Range": "bytes ٣-9/*"}),
        Answer(status=416),
    ],
    ids=["another part", "which part is not said", "a part beyond numbers", "a part in other digits", "no such part"],
)
async def test_a_wrong_part_is_not_used(tmp_path: Path, wrong: Answer) -> None:
    """An answer that is not the rest makes the download begin again."""
    first = Answer(body=BODY, etag='"1"', cut=100_000, polite=True)
    with faulty_server(first, wrong, Answer(body=BODY, etag='"1"')) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY

    assert "range" not in server.requests[2].headers


async def test_content_that_changes_under_one_version_is_noticed(tmp_path: Path) -> None:
    """Halves of two files have no hash that anybody pinned: the download is made once more, from its beginning."""
    other = bytes(reversed(BODY))
    answers = [Answer(body=other, etag='"1"', cut=100_000, polite=True), Answer(body=BODY, etag='"1"')]
    with faulty_server(*answers) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY

    assert ["range" in request.headers for request in server.requests] == [False, True, False]


async def test_a_later_run_goes_on(tmp_path: Path) -> None:
    """What came before a run was cut off is used by the next one, which hashes it all."""
    first = Answer(body=BODY, etag='"1"', cut=100_000, polite=True)
    with faulty_server(first, Answer(status=404), Answer(body=BODY, etag='"1"')) as server:
        with pytest.raises(StoreError):
            await make_cache(tmp_path).fetch(server.url, SHA256)
        assert f"sha256/{SHA256}" not in leftovers(tmp_path)
        assert make_cache(tmp_path).load(SHA256) is None

        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY
    assert server.requests[2].headers["range"].startswith("bytes=")
    assert leftovers(tmp_path) == [f"sha256/{SHA256}", f"sha256/{SHA256}.json"]


async def test_bytes_of_another_address_are_not_gone_on_with(tmp_path: Path) -> None:
    """Two servers may call different files by the same version."""
    first = Answer(body=BODY, etag='"1"', cut=100_000, polite=True)
    with faulty_server(first, Answer(status=404)) as one, pytest.raises(StoreError):
        await make_cache(tmp_path).fetch(one.url, SHA256)
    with faulty_server(Answer(body=BODY, etag='"1"')) as two:
        assert await make_cache(tmp_path).fetch(two.url, SHA256) == BODY

    assert "range" not in two.requests[0].headers


@pytest.mark.parametrize("claimed", [len(BODY) + 1, None])
async def test_a_body_that_is_too_short_is_noticed(tmp_path: Path, claimed: int | None) -> None:
    """With or without a length: an incomplete file never looks complete."""
    with faulty_server(Answer(body=BODY[:-1], claimed=claimed)) as server, pytest.raises(StoreError):
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert make_cache(tmp_path).load(SHA256) is None


@pytest.mark.parametrize(("claimed", "hint"), [("body", "from its length"), (None, "while it comes")])
async def test_a_body_that_is_too_large_is_refused(tmp_path: Path, claimed: None, hint: str) -> None:
    """The limit holds whether or not the server tells the length."""
    with faulty_server(Answer(body=BODY, claimed=claimed)) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path, max_bytes=1000).fetch(server.url, SHA256)

    assert caught.value.detail == "it is larger than 1000 bytes", hint


async def test_a_length_beyond_numbers_is_no_traceback(tmp_path: Path) -> None:
    """A length that no file has is an error in words."""
    with (
        faulty_server(Answer(body=BODY, claimed=None, headers={"Content-Length": "9" * 5000})) as server,
        pytest.raises(StoreError) as caught,
    ):
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert caught.value.slug == "download/failed"


async def test_a_server_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    """Neither the wait for the next bytes nor the whole download is without end."""
    silence = threading.Event()
    try:
        with faulty_server(Answer(body=BODY, hold=silence)) as server:
            with pytest.raises(StoreError) as caught:
                await make_cache(tmp_path, read_seconds=0.02, attempts=1).fetch(server.url, SHA256)
            assert caught.value.detail == "ReadTimeout; 2 attempts were made"
            with pytest.raises(StoreError) as caught:
                await make_cache(tmp_path, total_seconds=0.05).fetch(server.url, SHA256)
            assert caught.value.detail == "it takes longer than 0.05 seconds"
    finally:
        silence.set()


async def test_packed_bodies_are_unpacked(tmp_path: Path) -> None:
    """A server that packs what it was asked to send plain is understood; such a body is not gone on with, and its limit holds."""
    packed = Answer(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}, etag='"1"', ranges=False)
    with faulty_server(replace(packed, cut=1000, polite=True), packed) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY
        assert ["range" in request.headers for request in server.requests] == [False, False]
    bomb = gzip.compress(bytes(10_000_000))
    with faulty_server(replace(packed, body=bomb)) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path, max_bytes=len(bomb) * 10).fetch(server.url, "0" * 64)
    assert caught.value.detail == f"it is larger than {len(bomb) * 10} bytes"


@pytest.mark.parametrize("coding", ["br", "gzip, X-Own"])
async def test_packed_bodies_that_nobody_asked_for_are_refused(tmp_path: Path, coding: str) -> None:
    """What cannot be unpacked is not taken for the file: its hash would be told as the new one."""
    with faulty_server(Answer(body=BODY, headers={"Content-Encoding": coding})) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert "which was not asked for and is not understood" in str(caught.value.detail)
    assert coding.rpartition(" ")[2].lower() in str(caught.value.detail)


async def test_redirections_are_bounded(tmp_path: Path) -> None:
    """A server that sends in circles is left."""
    with faulty_server(Answer(status=302, headers={"Location": "/plugin.wasm"})) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert caught.value.detail == "it redirects more than 5 times"
    assert len(server.requests) == 6


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://example.com/x", "http://[::1", "https://"])
async def test_redirections_elsewhere_are_refused(tmp_path: Path, place: str) -> None:
    """Only http and https are followed."""
    with faulty_server(Answer(status=302, headers={"Location": place})) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch(server.url, SHA256)

    assert caught.value.slug == "download/failed"

"""A canister of ours that certifies its pages: what the gateway shows, and what DFINITY's verifier says of it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from orchestrator.core.principal import Principal
from tests.support.certified_canister import deploy_site, page_at, parts_of
from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import RunningReplica

pytestmark = [pytest.mark.npm, pytest.mark.slow]
VERIFIER = Path(__file__).parent.parent / "support" / "response_verification.mjs"
MIB = 1024 * 1024
LARGE = 60 * MIB
PAGES = {"/": page_at("/", b"<h1>certified</h1>", "text/html"), "/a/b.css": page_at("/a/b.css", b"h1{color:teal}", "text/css")}
FIVE_MINUTES_NS = 300 * 1_000_000_000


@pytest.fixture(scope="module")
def client(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client of the network."""
    with ReplicaClient(replica.url, replica.root_key) as made:
        yield made


@pytest.fixture(scope="module")
def site(client: ReplicaClient, compile_actor: Callable[[str], bytes]) -> Principal:
    """Deploy the site once."""
    return deploy_site(client, compile_actor, PAGES)


def get(client: ReplicaClient, site: Principal, path: str, *, raw: bool = False) -> httpx.Response:
    """Ask for a page at the site's host."""
    return client.http.get(path, headers={"host": f"{site}{'.raw' if raw else ''}.localhost"})


def test_certified_pages_are_shown(client: ReplicaClient, site: Principal) -> None:
    """Each page comes with its certified type; one that is not there is refused, because its absence is not certified."""
    for path, page in PAGES.items():
        found = get(client, site, path)
        assert (found.status_code, found.content, found.headers["content-type"]) == (200, page.body, page.headers[0][1])
    assert get(client, site, "/missing").status_code == 503
    assert get(client, site, "/missing", raw=True).status_code == 404


def test_dfinitys_verifier_agrees(replica: RunningReplica, client: ReplicaClient, site: Principal, npm_modules: Path) -> None:
    """What the raw host passes on verifies there under this network's root key, and does not with another body or path."""
    raw = get(client, site, "/a/b.css", raw=True)
    names = {"content-type", "ic-certificate", "ic-certificateexpression"}
    headers = [(name, value) for name, value in raw.headers.items() if name in names]
    where = {"canister": site.raw.hex(), "now": str(time.time_ns()), "offset": str(FIVE_MINUTES_NS), "rootKey": replica.root_key.hex()}

    def question(url: str, body: bytes) -> str:
        request = {"method": "GET", "url": url, "headers": [], "body": ""}
        return json.dumps({"request": request, "response": {"status_code": 200, "headers": headers, "body": body.hex()}, **where})

    questions = [question("/a/b.css", raw.content), question("/a/b.css", b"other"), question("/", raw.content)]
    command = ["node", str(VERIFIER), str(npm_modules)]
    done = subprocess.run(command, input="\n".join(questions), capture_output=True, text=True, timeout=60, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert ["error" in answer for answer in answers] == [False, True, True]


def test_a_large_asset_comes_whole(client: ReplicaClient, compile_actor: Callable[[str], bytes]) -> None:
    """60 MiB in verified parts, each at most 2 MB, arrive as one body of known length."""
    body = bytes(range(256)) * (LARGE // 256)
    large = deploy_site(client, compile_actor, parts_of("/large", body))
    found = get(client, large, "/large")
    assert (found.status_code, found.headers["content-length"], found.content == body) == (200, str(LARGE), True)

"""Names of canisters in hosts, from a deployment to the browser's address, and over a restart."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orchestrator.core.hosts import CANDID_UI_CANISTER
from tests.support.chromium import running_browser
from tests.support.workspace import Workspace, workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Deploy the example once."""
    with workspace(tmp_path_factory.mktemp("names"), example="hello") as made:
        made.succeed("deploy", "--env", "local")
        yield made


def shown(url: str) -> httpx.Response:
    """Open an address whose host no name server knows."""
    parts = httpx.URL(url)
    return httpx.get(f"http://127.0.0.1:{parts.port}{parts.raw_path.decode()}", headers={"Host": f"{parts.host}:{parts.port}"}, timeout=30)


def test_a_deployment_prints_an_address_by_name(project: Workspace) -> None:
    """It is `<name>.<environment>.localhost`, and it answers."""
    printed = project.succeed("deploy").stdout
    url = re.search(r"http://phrasebook\.local\.localhost:\d+/", printed)
    assert url is not None, printed
    assert shown(url[0]).status_code == 200
    assert "こんにちは" in shown(url[0]).text


def test_names_are_known_after_a_restart(project: Workspace) -> None:
    """The network remembers them without another deployment."""
    project.succeed("network", "stop")
    project.succeed("network", "start")
    port = httpx.URL(json.loads(project.succeed("network", "status", "--json").stdout)["gateway_url"]).port
    assert shown(f"http://phrasebook.local.localhost:{port}/").status_code == 200
    assert shown(f"http://phrasebook.other.localhost:{port}/").status_code == 404


@pytest.mark.browser
def test_a_browser_finds_the_names(project: Workspace, tmp_path: Path) -> None:
    """Chromium resolves the printed address, and the Candid page calls the canister by its name."""
    url = re.search(r"http://phrasebook\.local\.localhost:(\d+)/", project.succeed("deploy").stdout)
    assert url is not None
    with running_browser(tmp_path) as browser:
        assert "こんにちは" in browser.open(url[0]).text()
        candid = browser.open(f"http://{CANDID_UI_CANISTER}.localhost:{url[1]}/")
        candid.wait("document.querySelector('#names a')")
        candid.evaluate("document.querySelector('#names a').click()")
        assert (
            candid.wait("location.search && document.querySelector('details') && document.querySelector('h1').textContent")
            == "phrasebook in local"
        )

"""Names of canisters in hosts: who has which, and for how long."""

import logging
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import StoreError
from orchestrator.replica.http.gateway import names as module
from orchestrator.replica.http.gateway.names import Names, load_names, parse_names
from tests.support.certified_site import Site

WEB = Principal(bytes(7) + b"\x10\x01\x01")
API = Principal(bytes(7) + b"\x11\x01\x01")


def test_each_environment_has_names_of_its_own() -> None:
    """Telling an environment's names again replaces them, and no other environment's."""
    names = Names(None, {"local": {"web": WEB}, "test": {"web": API}})
    names.replace({"local": {"api": API}})
    assert [names.look_up(host) for host in ("web.local", "api.local", "web.test")] == [None, API, API]
    names.replace({"test": {}})
    assert names.look_up("web.test") is None


def test_names_outlive_the_process(tmp_path: Path) -> None:
    """What was told is there after a restart, for the owner's eyes only."""
    file = tmp_path / "names.json"
    load_names(file).replace({"local": {"Web": WEB}})
    assert load_names(file).look_up("web.local") == WEB
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "[]", '{"names": 1}', '{"names": {"a": 1}}', '{"names": {"a": {"b": "not-an-id"}}}'])
def test_a_file_that_cannot_be_used_is_logged(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    """The gateway starts without names then, and takes new ones."""
    file = tmp_path / "names.json"
    file.write_text(content, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        names = load_names(file)
    assert "not known until the next deployment" in caplog.text
    names.replace({"local": {"web": WEB}})
    assert load_names(file).look_up("web.local") == WEB


def test_too_many_names_are_refused() -> None:
    """Nobody fills the memory with names; those that are there stay."""
    names = Names(None, {"local": {"web": WEB}})
    with pytest.raises(ValueError, match="more than"):
        names.replace({"big": {str(number): WEB for number in range(module.MAX_NAMES)}})
    assert names.look_up("web.local") == WEB


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The names hold, but not for longer than the process: whoever told them learns it."""
    (tmp_path / "file").write_text("")
    names = Names(tmp_path / "file" / "names.json", {})
    for _ in range(2):
        with pytest.raises(StoreError):
            names.replace({"local": {"web": WEB}})
    assert names.look_up("web.local") == WEB
    (tmp_path / "file").unlink()
    names.replace({"local": {"web": WEB}})
    assert load_names(tmp_path / "file" / "names.json").look_up("web.local") == WEB


def test_environments_that_a_browser_cannot_tell_apart_share_no_host() -> None:
    """A host that two of them would have leads to neither canister."""
    names = Names(None, {"Test": {"web": WEB, "api": API}, "test": {"web": API}})
    assert (names.look_up("web.test"), names.look_up("api.test")) == (None, API)


def test_names_are_read_from_what_deployments_send() -> None:
    """Texts become ids; anything else is refused."""
    assert parse_names({"local": {"web": str(WEB)}}) == {"local": {"web": WEB}}
    documents: list[object] = [None, [], {"local": []}, {"local": {"web": 1}}]
    for bad in documents:
        with pytest.raises(ValueError, match=r"."):
            parse_names(bad)


def test_a_named_host_shows_the_canister() -> None:
    """The gateway answers at `<name>.<environment>.localhost` as at the id's host."""
    names = Names(None, {})
    site = Site(lambda _request, _certificate: {"body": b"named"}, names=names)
    assert site.get(host="web.local.raw.localhost:8000").status == 404
    names.replace({"local": {"web": site.canister}})
    assert site.get(host="web.local.raw.localhost:8000").body == b"named"

"""Where the calls of sync plugins go on a real network, and what plugins are told of those that fail."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.replica.system.ids import PROXY_ID
from tests.support.command import Command
from tests.support.components import (
    OK,
    Guest,
    component_that_calls,
    component_that_loops,
    component_that_returns_reply,
    error,
)
from tests.support.plugin_projects import EMPTY, Step, journal_records, plugin_project
from tests.support.workspace import Completed, Workspace

pytestmark = pytest.mark.slow
PROXY = str(Principal(PROXY_ID))
LEDGER = "um5iw-rqaaa-aaaaq-qaaba-cai"
MANY_CYCLES = 2**63


@dataclass(frozen=True, slots=True)
class Place:
    """A running project, whose one plugin each test brings itself."""

    project: Workspace

    def sync(self, component: bytes, keys: str = "", *arguments: str) -> Completed:
        """Sync with this component as the only step."""
        (self.project.directory / "api-0.wasm").write_bytes(component)
        manifest = self.project.directory / "icp.yaml"
        text = manifest.read_text(encoding="utf-8").splitlines()
        line = f"        - {{type: plugin, path: api-0.wasm{', ' + keys if keys else ''}}}"
        manifest.write_text("\n".join(line if "api-0.wasm" in each else each for each in text), encoding="utf-8")
        command = Command(directory=self.project.directory, environ=self.project.variables)
        return command("sync", "api", *arguments)

    def error(self, component: bytes, keys: str = "", *arguments: str) -> str:
        """Sync, and return the summary of what failed."""
        done = self.sync(component, keys, "--json", *arguments)
        assert done.exit_code == 1, str(done)
        (found,) = [json.loads(line) for line in done.stdout.splitlines() if '"event": "error"' in line]
        return str(found["diagnostics"][0]["summary"]).removeprefix("plugin returned error: ")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Deploy a counter with a plugin that does nothing."""
    with plugin_project(tmp_path_factory.mktemp("calls"), {"api": [Guest().plugin(OK)], "gate": []}) as project:
        project.succeed("deploy")
        yield Place(project)


def component_that_returns_its_proxy() -> bytes:
    """Build a plugin whose error is the proxy's id that it was given, or `none`."""
    guest = Guest()
    return guest.plugin(
        f"(if (result i32) (local.get $has-proxy) (then {error('(local.get $proxy)', '(local.get $proxy-length)')}) "
        f"(else {guest.error('none')}))"
    )


def identifier(place: Place, name: str) -> str:
    """Return a canister's principal."""
    (path,) = place.project.directory.rglob("ids/local.json")
    return str(json.loads(path.read_text(encoding="utf-8"))["canisters"][name])


@pytest.mark.parametrize(
    ("method", "query", "expected"),
    [
        ("refuse", False, 'reject code CanisterReject, reject message no, thank you, error code Some("IC0406")'),
        ("inc_and_trap", False, "Canister called `ic0.trap` with message: 'out of order', error code Some(\"IC0503\")"),
        ("nothing", False, "Canister has no update method 'nothing'., error code Some(\"IC0536\")"),
        ("nothing", True, "Canister has no query method 'nothing'., error code Some(\"IC0536\")"),
    ],
)
def test_failed_calls_have_the_words_of_icp(place: Place, method: str, *, query: bool, expected: str) -> None:
    """A plugin is told what icp-cli would tell it: the reject's code, message and error code."""
    told = place.error(component_that_returns_reply(method, EMPTY, query=query))

    assert told.startswith("canister call failed: The replica returned a rejection error: reject code Canister")
    assert told.endswith(expected)


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (
            component_that_calls("refuse", EMPTY),
            "Proxy call failed: Call Rejected, reject_code: CanisterReject (4), reject_message: no, thank you",
        ),
        (
            component_that_calls("inc", EMPTY, cycles=MANY_CYCLES),
            "Proxy canister has insufficient cycles. Available: 1_000_000_000_000_000, required: 9_223_372_036_854_775_808",
        ),
    ],
    ids=["refused", "poor"],
)
def test_the_proxys_errors_stand_by_themselves(place: Place, component: bytes, expected: str) -> None:
    """What the proxy canister says reaches the plugin as icp-cli would word it."""
    assert place.error(component, f"proxy: {PROXY}") == expected


def test_calls_through_a_proxy_reach_the_canister(place: Place) -> None:
    """An update goes to the proxy and arrives; a direct one and a query go to the canister itself."""
    before = len(journal_records(place.project))

    assert place.sync(component_that_calls("inc", EMPTY, cycles=7), "", "--proxy", PROXY).exit_code == 0
    assert place.sync(component_that_calls("inc", EMPTY, direct=True, cycles=7), f"proxy: {PROXY}").exit_code == 0
    assert place.sync(component_that_calls("get", EMPTY, query=True), f"proxy: {PROXY}").exit_code == 0

    sent = [record for record in journal_records(place.project)[before:] if record["phase"] == "request"]
    assert [(record["effective_canister_id"], record["method"]) for record in sent] == [(PROXY, "proxy"), (identifier(place, "api"), "inc")]


@pytest.mark.parametrize(
    ("keys", "arguments", "expected"),
    [
        ("", [], "none"),
        ("", ["--proxy", PROXY], PROXY),
        ("proxy: none", ["--proxy", PROXY], "none"),
        (f"proxy: {PROXY}", ["--proxy", "none"], PROXY),
    ],
)
def test_a_plugin_sees_the_proxy_of_its_step(place: Place, keys: str, arguments: list[str], expected: str) -> None:
    """What the plugin is told is where its update calls would go; a step that says where keeps that."""
    assert place.error(component_that_returns_its_proxy(), keys, *arguments) == expected


def test_a_canister_of_the_project_is_a_proxy_by_its_name(place: Place) -> None:
    """A name stands for the canister's id; one that is no proxy says so itself."""
    assert place.error(component_that_returns_its_proxy(), "proxy: gate") == identifier(place, "gate")
    told = place.error(component_that_calls("inc", EMPTY), "proxy: gate")

    assert told.startswith("proxy call failed: The replica returned a rejection error: ")
    assert told.endswith("Canister has no update method 'proxy'., error code Some(\"IC0536\")")


@pytest.mark.parametrize(
    ("proxy", "slug", "words"),
    [
        (LEDGER, "deploy/proxy-control", "is none of its controllers"),
        ("rwlgt-iiaaa-aaaaa-aaaaa-cai", "deploy/unknown-proxy", "there is no proxy canister"),
        ("gaet", "manifest/unknown-canister", "did you mean `gate`?"),
    ],
)
def test_a_proxy_that_would_not_serve_is_refused_before_the_plugin_starts(place: Place, proxy: str, slug: str, words: str) -> None:
    """Somebody else's canister, none at all, and a misspelt name are errors in words at the step's place."""
    done = place.sync(component_that_calls("inc", EMPTY), f"proxy: {proxy}")

    assert done.exit_code == 1
    assert f"error[{slug}]" in done.stderr
    assert words in done.stderr
    assert "icp.yaml:" in done.stderr


def test_the_flag_limits_computing(place: Place) -> None:
    """`--compute-limit` goes before what the step says."""
    assert place.error(component_that_loops(), "compute: 10m", "--compute-limit", "0.2") == "plugin exceeded the 0.2s compute-time limit"


def test_a_proxy_of_the_project_is_deployed_before_its_users(tmp_path: Path) -> None:
    """Without its proxy a canister's deploy sends nothing and says what helps; with it, the proxy is installed first."""
    with plugin_project(tmp_path, {"api": [Step(Guest().plugin(OK), "proxy: gate")], "gate": []}) as project:
        alone = project.run("deploy", "api")

        assert (alone.exit_code, journal_records(project)) == (1, [])
        assert "error[deploy/unknown-proxy]" in alone.stderr
        assert "run `orchestrator deploy gate --proxy none --env local` first" in alone.stderr
        together = [json.loads(line) for line in project.succeed("deploy", "--json").stdout.splitlines()]
        order = [(each["canister"], each["step"]) for each in together if each["event"] in {"step-started", "step-finished"}]
        assert order.index(("gate", "install")) < order.index(("api", "sync-plugin"))

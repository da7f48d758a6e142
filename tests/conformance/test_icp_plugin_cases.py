"""Plugins of a few lines end in this tool as they do in the official icp-cli 1.5.0: result, error, output, effects.

Each table is one project that both tools sync, on one network and each with its own canister.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.system.ids import PROXY_ID
from tests.support.official_icp import OfficialIcp, icp_binary
from tests.support.plugin_both import Ending, Project, read_icp, read_ours
from tests.support.plugin_cases import (
    CALLS,
    DIFFERENCES,
    DIRECT,
    ENDS,
    FILES,
    INPUTS,
    LARGE_FILE,
    OUTPUT,
    PROXIED,
    REFUSED,
    SECOND,
    SECOND_PROXIED,
    SECTIONS,
    SLOW_ENDS,
    PluginCase,
)
from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import RunningReplica, running_replica
from tests.support.universal import Program, numbers
from tests.support.universal_client import Universal, deploy

pytestmark = [pytest.mark.npm, pytest.mark.slow]
PROXY = str(Principal(PROXY_ID))
COMPUTE_VARIABLE = "ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS"
TABLES = {
    "ends": ENDS,
    "output": OUTPUT,
    "inputs": INPUTS,
    "refused": REFUSED,
    "calls": (*CALLS, *DIRECT),
    "proxied": (*CALLS, *PROXIED),
    "limited": SLOW_ENDS,
    "second": SECOND,
    "second-proxied": SECOND_PROXIED,
    "different": DIFFERENCES,
}
OPTIONS = {"proxied": ("--proxy", PROXY), "second-proxied": ("--proxy", PROXY)}
VARIABLES = {"limited": {COMPUTE_VARIABLE: "1"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A network, icp-cli with an identity, and a client that installs canisters."""

    network: RunningReplica
    icp: OfficialIcp
    principal: str
    client: ReplicaClient

    def canister(self) -> Universal:
        """Install a universal canister that icp-cli's identity and the proxy control too."""
        canister = deploy(self.client)
        self.client.install(canister.id, canister.module + SECTIONS, mode=Variant("upgrade", None), arg=Program().encode())
        controllers = [self.client.identity.principal, Principal.from_text(self.principal), Principal(PROXY_ID)]
        settings = {"controllers": controllers}
        self.client.manage("update_settings", {"canister_id": canister.id, "settings": settings, "sender_canister_version": None})
        return canister

    def project(self, folder: Path, canister: Principal) -> Project:
        """Return an empty project."""
        folder.mkdir(parents=True)
        return Project(folder=folder, network=self.network, icp=self.icp, canister=canister)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What both tools made of a table."""

    ours: Mapping[str, Ending]
    theirs: Mapping[str, Ending]
    our_canister: Universal
    their_canister: Universal
    folder: Path
    principal: str
    url: str

    def fill(self, text: str | None, canister: Universal) -> str | None:
        """Put this run's names into an expected text."""
        if text is None:
            return None
        names = {"canister": str(canister.id), "principal": self.principal, "proxy": PROXY, "url": self.url}
        return re.sub(r"\{(canister|principal|proxy|url)\}", lambda found: names[found[1]], text)


@pytest.fixture(scope="module")
def setting(npm_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """Run a network that knows icp-cli's identity."""
    home = tmp_path_factory.mktemp("home")
    icp = OfficialIcp(binary=icp_binary(npm_modules), home=home, folder=home)
    principal = icp.create_identity("me")
    with (
        running_replica(tmp_path_factory.mktemp("network"), arguments=["--account", principal]) as network,
        ReplicaClient(network.url, network.root_key) as client,
    ):
        yield Setting(network=network, icp=icp, principal=principal, client=client)


def compare(
    setting: Setting, folder: Path, cases: tuple[PluginCase, ...], options: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
) -> Comparison:
    """Run a table in both tools."""
    names = [case.name for case in cases]
    mine, other = setting.canister(), setting.canister()
    ours, theirs = setting.project(folder / "ours", mine.id), setting.project(folder / "theirs", other.id)
    files = {**FILES, **LARGE_FILE} if cases is DIFFERENCES else FILES
    ours.write(cases, files)
    theirs.write(cases, files)
    official = theirs.sync_with_icp(*options, **variables or {})
    done = ours.sync(*options, **variables or {})
    assert '"event": "run-finished"' in done.stdout, done.stderr
    return Comparison(
        ours=read_ours(done.stdout, names),
        theirs=read_icp(official.stderr, names),
        our_canister=mine,
        their_canister=other,
        folder=folder,
        principal=setting.principal,
        url=setting.network.url,
    )


@pytest.fixture(scope="module")
def run(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Comparison]:
    """Return what runs a table of plugins that are to end alike, once."""
    folder = tmp_path_factory.mktemp("projects")
    return functools.cache(lambda name: compare(setting, folder / name, TABLES[name], OPTIONS.get(name, ()), VARIABLES.get(name)))


def told(text: str, part: str | None) -> bool:
    """Tell whether a part is in what icp-cli said, or, for None, that it said nothing."""
    return text == "" if part is None else part in text


def plain(text: str) -> str:
    """Take out of a text what differs from run to run: the canister's id and amounts."""
    return re.sub(r"[0-9_]{9,}", "N", re.sub(r"[a-z0-9]{5}(-[a-z0-9]{3,5})+-cai", "CANISTER", text))


def count(canister: Universal, cell: int) -> int:
    """Return a counter of the canister."""
    return numbers(canister.query(Program().answer_cell(cell).reply()))[0]


@pytest.mark.parametrize(
    ("table", "case"),
    [pytest.param(table, case, id=f"{table}-{case.name}") for table, cases in TABLES.items() if table != "different" for case in cases],
)
def test_same_end(run: Callable[[str], Comparison], table: str, case: PluginCase) -> None:
    """A plugin's result, its error's text, the lines it wrote and what its calls changed are the same in both tools."""
    both = run(table)
    ours, theirs = both.ours[case.name], both.theirs[case.name]

    assert ours.slug == case.slug, ours
    assert ours.error == (both.fill(case.summary, both.our_canister) if case.summary is not None else ours.error)
    assert told(theirs.error, both.fill(case.theirs, both.their_canister)), theirs
    assert case.slug != "plugin/err" or f"caused by: {plain(ours.error)}" in plain(theirs.error)
    assert sorted(ours.lines) == sorted(theirs.lines) == sorted(case.lines)
    assert case.cell is None or count(both.our_canister, case.cell) == count(both.their_canister, case.cell)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in DIFFERENCES])
def test_different_end(run: Callable[[str], Comparison], case: PluginCase) -> None:
    """What this tool refuses, limits, shows or offers that icp-cli does not is just what the reference page says."""
    both = run("different")
    ours, theirs = both.ours[case.name], both.theirs[case.name]

    assert ours.slug == case.slug, ours
    assert ours.error == (case.summary if case.summary is not None else ours.error)
    assert told(theirs.error, case.theirs), theirs
    assert ours.lines == case.lines
    assert theirs.lines == (case.lines if case.their_lines is None else case.their_lines)


@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "abc", "5s", "0x10", " "])
def test_limit_that_is_no_number(setting: Setting, tmp_path: Path, value: str) -> None:
    """A limit in the environment that is no positive whole number fails the step in both tools, and is shown."""
    run = compare(setting, tmp_path, ENDS[:1], variables={COMPUTE_VARIABLE: value})

    ours, theirs = run.ours["ok"].error, run.theirs["ok"].error
    expected = f"invalid {COMPUTE_VARIABLE} value '{value}': expected a positive integer number of seconds"
    assert expected in theirs
    assert expected in ours

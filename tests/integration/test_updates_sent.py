"""How many update calls the example's commands send, counted before the network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.counting_proxy import CountingProxy, counting_proxy
from tests.support.workspace import Completed, Workspace, workspace


@dataclass(frozen=True, slots=True)
class Counted:
    """The example, deployed to a network that is reached through a counting proxy."""

    project: Workspace
    proxy: CountingProxy

    def run(self, *arguments: str) -> tuple[Completed, int]:
        """Run a command that succeeds, and return what it printed and how many update calls it sent."""
        before = self.proxy.update_calls
        done = self.project.succeed(*arguments)
        return done, self.proxy.update_calls - before


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    """Start the example's network, and put a proxy where its description says that it listens."""
    with workspace(tmp_path, example="hello") as project:
        project.succeed("network", "start")
        (path,) = project.directory.rglob("descriptor.json")
        descriptor = json.loads(path.read_text())
        with counting_proxy(descriptor["port"]) as proxy:
            path.write_text(json.dumps({**descriptor, "port": proxy.port}))
            yield Counted(project, proxy)


@pytest.mark.slow
def test_only_what_changed_is_sent(counted: Counted) -> None:
    """A deploy that changes nothing sends no update call and says so; one edited file is one update call."""
    _, first = counted.run("deploy")
    again, nothing = counted.run("deploy")
    counted.project.write("seed/en.txt", "Good morning, {name}!\n")
    _, one = counted.run("sync")

    assert first >= 6, "create, settings, install, and four phrases; or the proxy counts nothing"
    assert nothing == 0
    assert "Nothing to change: environment `local` is as the project says\n" in again.stderr
    assert one == 1

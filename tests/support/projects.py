"""Small projects for the engine's tests, made as values: no manifest is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio.lowlevel

from orchestrator.core.project import (
    Canister,
    ConnectedNetwork,
    Environment,
    ManagedNetwork,
    Network,
    PrebuiltStep,
    Project,
    ScriptStep,
)
from orchestrator.engine.session import Session, open_session
from orchestrator.events import Event
from tests.support.memory_network import MemoryNetwork

__all__ = ["Recording", "connected", "make_canister", "make_project", "make_wasm", "memory_session", "prebuilt", "script"]

LOCAL = ManagedNetwork(name="local", port=0)


def make_wasm(mark: str = "", *, service: str | None = None) -> bytes:
    """Return an empty module that `mark` makes different from others, with an interface if one is given."""
    sections = _custom("mark", mark.encode())
    if service is not None:
        sections += _custom("icp:public candid:service", service.encode())
    return b"\0asm\1\0\0\0" + sections


def _custom(name: str, content: bytes) -> bytes:
    body = bytes([len(name)]) + name.encode() + content
    assert len(body) < 128, "one LEB128 byte is enough for tests"
    return bytes([0, len(body)]) + body


@dataclass(slots=True)
class Recording:
    """Keeps the events of a run."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        """Return the events' names, in order."""
        return [event.event for event in self.events]

    def of(self, name: str) -> list[Event]:
        """Return the events of one name."""
        return [event for event in self.events if event.event == name]


def prebuilt(directory: Path, name: str, wasm: bytes | None = None) -> PrebuiltStep:
    """Write a module and return the build step that uses it."""
    path = directory / f"{name}.wasm"
    path.write_bytes(make_wasm(name) if wasm is None else wasm)
    return PrebuiltStep(path=path)


def script(*commands: str) -> ScriptStep:
    """Return a step of shell commands."""
    return ScriptStep(commands=commands)


def make_canister(directory: Path, name: str, **fields: object) -> Canister:
    """Return a canister with a module of its own."""
    return Canister(name=name, directory=directory, build=(prebuilt(directory, name),), **fields)  # type: ignore[arg-type]  # the test's choice


def make_project(directory: Path, canisters: Sequence[Canister], *, network: Network = LOCAL) -> Project:
    """Return a project with one environment, `local`, that has all canisters."""
    environment = Environment(name="local", network=network, canisters=tuple(canisters))
    return Project(
        directory=directory,
        manifest=directory / "icp.yaml",
        canisters=tuple(canisters),
        networks={network.name: network},
        environments={"local": environment},
    )


def connected(name: str = "ic") -> ConnectedNetwork:
    """Return a network that is not ours."""
    return ConnectedNetwork(name=name, api_url="https://ic.test")


def memory_session(project: Project, network: MemoryNetwork, recording: Recording | None = None, *, verb: str = "deploy") -> Session:
    """Return a session whose network is in memory, and that never waits for it."""

    async def go_on(_seconds: float) -> None:
        await anyio.lowlevel.checkpoint()

    return open_session(
        project, verb=verb, emit=recording or Recording(), connector=network.connect, environ={"PATH": "/usr/bin:/bin"}, sleep=go_on
    )

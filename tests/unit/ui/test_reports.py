"""Networks, canisters, replies and locks as text and JSON."""

import json
from dataclasses import replace

import pytest

from orchestrator.core.observed import ObservedSettings
from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.network.access import NetworkAccess, NetworkReport
from orchestrator.store import LockHolder
from orchestrator.ui.canisters import CanisterReport, answer_to_json, canister_to_json, render_answer, render_canister
from orchestrator.ui.locks import lock_to_json, render_lock
from orchestrator.ui.networks import network_to_json, render_network, render_started

ID = Principal.from_text("uxrrr-q7777-77774-qaaaq-cai")
REPORT = CanisterReport(
    name="backend",
    id=ID,
    state="running",
    settings=ObservedSettings(
        controllers=frozenset({ANONYMOUS, ID}),
        compute_allocation=0,
        freezing_threshold=2_592_000,
        reserved_cycles_limit=5_000_000_000_000,
        log_visibility="controllers",
        environment_variables={"PUBLIC_CANISTER_ID:backend": str(ID)},
    ),
    module_hash="ab" * 32,
    cycles=2**70,
    memory_bytes=1_048_576,
)
ACCESS = NetworkAccess(
    name="local",
    launcher="embedded",
    api_url="http://127.0.0.1:8000",
    gateway_url="http://localhost:8000",
    root_key=b"\x30\x81",
    managed=True,
    instance_id="aa",
    pid=42,
)


def test_canister_report_follows_icp() -> None:
    """The report has icp-cli's labels and indentation, and thousands are separated."""
    assert render_canister(REPORT) == (
        "Canister Id: uxrrr-q7777-77774-qaaaq-cai\n"
        "Canister Name: backend\n"
        "Canister Status Report:\n"
        "  Status: Running\n"
        "  Controllers: 2vxsx-fae, uxrrr-q7777-77774-qaaaq-cai\n"
        "  Compute allocation: 0\n"
        "  Freezing threshold: 2_592_000\n"
        "  Reserved cycles limit: 5_000_000_000_000\n"
        "  Environment Variables:\n"
        "    Name: PUBLIC_CANISTER_ID:backend, Value: uxrrr-q7777-77774-qaaaq-cai\n"
        "  Log visibility: Controllers\n"
        f"  Module hash: 0x{'ab' * 32}\n"
        "  Memory size: 1_048_576\n"
        "  Cycles: 1_180_591_620_717_411_303_424"
    )


def test_empty_canister_without_a_name() -> None:
    """An empty canister has no module hash; one that is not the project's has no name; viewers are listed."""
    settings = ObservedSettings(log_visibility=(ANONYMOUS,))
    text = render_canister(CanisterReport(name=None, id=ID, state="stopped", settings=settings, module_hash=None, cycles=0, memory_bytes=0))

    assert "Canister Name" not in text
    assert "  Environment Variables: N/A\n" in text
    assert "  Log visibility: Allowed viewers: 2vxsx-fae\n" in text
    assert "  Module hash: <none>\n" in text


def test_canister_json_has_numbers_as_text() -> None:
    """Every nat is a decimal string, so that no reader rounds it."""
    value = canister_to_json(REPORT)

    assert list(value)[:9] == ["schema", "name", "id", "status", "module_hash", "controllers", "cycles", "settings", "memory_size"]
    assert (value["cycles"], value["memory_size"], value["status"]) == (str(2**70), "1048576", "running")
    settings = value["settings"]
    assert isinstance(settings, dict)
    assert (settings["freezing_threshold"], settings["memory_allocation"]) == ("2592000", None)
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("reply", "candid", "output", "expected"),
    [
        (b"DIDL\0\0", "()", "auto", "()"),
        (b"\xff\x00", None, "auto", "ff00"),
        (b"DIDL\0\0", "()", "hex", "4449444c0000"),
        (b"a\nb\x1b", None, "text", "a\nb\\x1b"),
        (b"\xff", None, "candid", "ff"),
    ],
)
def test_reply_is_printed_as_asked(reply: bytes, candid: str | None, output: str, expected: str) -> None:
    """A reply is Candid text where it can be, hex otherwise, or what was asked for."""
    assert render_answer(reply, candid, output) == expected


def test_reply_json_tells_all_forms() -> None:
    """The JSON has the bytes, the text where they are UTF-8, and the Candid where they are Candid."""
    assert answer_to_json(b"hi", None) == {"schema": 1, "response_bytes": "6869", "response_text": "hi", "response_candid": None}
    assert answer_to_json(b"\xff", "(1)") == {"schema": 1, "response_bytes": "ff", "response_text": None, "response_candid": "(1)"}


def test_network_text_and_json() -> None:
    """A running network shows where it is; both forms agree."""
    report = NetworkReport(name="local", launcher="embedded", state="running", access=ACCESS)

    assert render_network(report) == (
        "Network: local\nState: running\nApi Url: http://127.0.0.1:8000\nGateway Url: http://localhost:8000\nRoot Key: 3081\nProcess: 42"
    )
    assert network_to_json(report) == {
        "schema": 1,
        "name": "local",
        "launcher": "embedded",
        "state": "running",
        "api_url": "http://127.0.0.1:8000",
        "gateway_url": "http://localhost:8000",
        "root_key": "3081",
        "pid": 42,
        "proxy_canister_id": None,
    }


def test_network_text_tells_what_is_odd() -> None:
    """How far the clock was moved, and why nothing is saved, stand in the text and not in the JSON."""
    usual = NetworkReport(name="local", launcher="embedded", state="running", access=ACCESS)
    odd = replace(usual, access=replace(ACCESS, clock_offset_ns=3_600_000_000_123), not_saving="No space left on device")

    assert render_network(odd).splitlines()[-2:] == ["Clock: 1 h ahead", "Not Saving: No space left on device"]
    assert network_to_json(odd) == network_to_json(usual)


@pytest.mark.parametrize(("already", "verb"), [(False, "started"), (True, "is already running")])
def test_start_says_how_to_stop(already: bool, verb: str) -> None:  # noqa: FBT001  # a table of cases
    """Starting tells the address and the command that stops the network."""
    assert render_started(ACCESS, already=already) == (
        f"Network `local` {verb}: http://localhost:8000 (process 42)\nTo stop the network, run `orchestrator network stop local`"
    )


def test_lock_text_and_json() -> None:
    """A lock names its holder where it is known."""
    holder = LockHolder(pid=7, command="orchestrator deploy", since="2026-11-22T12:00:00+00:00", run="r1")

    assert render_lock("local", held=False, holder=None) == "Environment `local` is not locked"
    assert render_lock("local", held=True, holder=None).endswith("by a run that has not said who it is")
    assert render_lock("local", held=True, holder=holder) == (
        "Environment `local` is locked by `orchestrator deploy` (process 7, since 2026-11-22T12:00:00+00:00)"
    )
    assert lock_to_json("local", held=True, holder=holder) == {
        "schema": 1,
        "environment": "local",
        "held": True,
        "pid": 7,
        "command": "orchestrator deploy",
        "since": "2026-11-22T12:00:00+00:00",
        "run": "r1",
    }

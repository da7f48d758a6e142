"""The limits that the documentation promises are the limits that hold."""

from pathlib import Path

import pytest

from orchestrator.protocol import authentication
from orchestrator.protocol.response_verification import MAX_DECODED_BYTES
from orchestrator.protocol.response_verification.header import MAX_HEADER_CHARACTERS
from orchestrator.replica import limits
from orchestrator.replica.http.gateway.answers import MAX_STREAMED_BYTES, MAX_STREAMED_PARTS
from orchestrator.replica.http.gateway.bodies import MAX_HELD_BYTES
from orchestrator.replica.http.gateway.candid_ui import MAX_CALL_BYTES
from orchestrator.replica.http.gateway.canisters import UPDATE_TIMEOUT_SECONDS
from orchestrator.replica.http.gateway.names import MAX_NAMES
from orchestrator.replica.http.joined_writes import MAX_REQUEST_SECONDS
from orchestrator.replica.vm import limits as vm_limits
from orchestrator.replica.vm.interface import MessageKind
from orchestrator.replica.vm.limits import MAX_INSTALL_SECONDS, MAX_MESSAGE_SECONDS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "embedded-network.md"
MIB = 1024 * 1024
GIB = 1024**3
MINUTE_NS = 60 * limits.NANOSECONDS
SAID = {
    "body of an HTTP request": f"{limits.MAX_HTTP_BODY_BYTES // MIB} MiB",
    "method name and argument of a call": f"{limits.MAX_INGRESS_BYTES // MIB} MiB",
    "nonce of a request": f"{authentication.MAX_NONCE_BYTES} bytes",
    "paths of one `read_state`": f"{authentication.MAX_PATHS}, of {authentication.MAX_PATH_LABELS} labels each",
    "how far ahead a request may expire": f"{(authentication.INGRESS_WINDOW_NS + authentication.MAX_CLOCK_DRIFT_NS) / MINUTE_NS} minutes",
    "how long an answer waits for an update call before it is 202": f"{limits.SYNC_CALL_TIMEOUT_SECONDS:.0f} seconds",
    "how long a request's status is kept after its expiry": f"{limits.REQUEST_STATUS_RETENTION_NS // MINUTE_NS} minutes",
    "kept responses of requests, together": f"{limits.MAX_RESPONSES_BYTES // MIB} MiB",
    "requests that are known before expired ones are forgotten at once": f"{limits.MAX_LATE_REQUESTS:,}",
    "delegations of a request": f"{authentication.MAX_DELEGATIONS}, of {authentication.MAX_DELEGATION_TARGETS} targets each",
    "how long a client may take to send a request": f"{MAX_REQUEST_SECONDS:.0f} seconds",
    "chunk of a module": f"{limits.MAX_CHUNK_BYTES // MIB} MiB",
    "chunks of a canister": f"{limits.MAX_CHUNKS}",
    "snapshots of a canister": f"{limits.MAX_SNAPSHOTS}",
    "piece of a snapshot that one message reads": f"{limits.MAX_SNAPSHOT_SLICE_BYTES:,} bytes",
    "controllers of a canister": f"{limits.MAX_CONTROLLERS}",
    "viewers of logs, snapshots or the status": f"{limits.MAX_VIEWERS}",
    "environment variables of a canister": (
        f"{limits.MAX_ENVIRONMENT_VARIABLES}, name and value of {limits.MAX_ENVIRONMENT_VARIABLE_BYTES} bytes each"
    ),
    "logs of a canister": f"{limits.DEFAULT_LOG_MEMORY_BYTES} bytes, settable up to {limits.MAX_LOG_MEMORY_BYTES // MIB} MiB",
    "lines of a log that one answer carries": f"{limits.MAX_FETCHED_LOG_BYTES:,} bytes",
    "code of a module": f"{vm_limits.MAX_CODE_SECTION_BYTES // MIB} MiB",
    "main memory of a canister": (
        f"{vm_limits.MAX_WASM_MEMORY_BYTES // GIB} GiB, with 64-bit addresses {vm_limits.MAX_WASM64_MEMORY_BYTES // GIB} GiB"
    ),
    "stable memory of a canister": f"{vm_limits.MAX_STABLE_MEMORY_PAGES * vm_limits.WASM_PAGE_BYTES // GIB} GiB",
    "instructions of an update call, a callback, a timer or a heartbeat": f"{vm_limits.INSTRUCTION_LIMITS[MessageKind.UPDATE]:,}",
    "instructions of a message of an installation": f"{vm_limits.INSTRUCTION_LIMITS[MessageKind.INIT]:,}",
    "instructions of a query": f"{vm_limits.INSTRUCTION_LIMITS[MessageKind.QUERY]:,}",
    "instructions of inspecting a message": f"{vm_limits.INSTRUCTION_LIMITS[MessageKind.INSPECT_MESSAGE]:,}",
    "depth of composite queries": f"{limits.MAX_COMPOSITE_QUERY_DEPTH}",
    "instructions of a composite query with all that it calls": f"{limits.MAX_COMPOSITE_QUERY_INSTRUCTIONS:,}",
    "how long a message may run": f"{MAX_MESSAGE_SECONDS:.0f} seconds",
    "how long a message of an installation may run": f"{MAX_INSTALL_SECONDS:.0f} seconds",
    "wait of a call with a bounded wait": f"{limits.MAX_BEST_EFFORT_TIMEOUT_SECONDS} seconds",
    "how long stopping a canister waits for open calls": f"{limits.STOP_TIMEOUT_NS // limits.NANOSECONDS} seconds",
    "cycles of a new canister": f"{limits.DEFAULT_PROVISIONAL_CYCLES:,}",
    "fee for creating a canister from a canister": f"{limits.CANISTER_CREATION_FEE_CYCLES:,} cycles",
    "body that a canister streams through the gateway": f"{MAX_STREAMED_BYTES // 1024**3} GiB",
    "parts of such a body": f"{MAX_STREAMED_PARTS:,}",
    "such a body in memory until it is verified, beyond that on disk": f"{MAX_HELD_BYTES // MIB} MiB",
    "header with a response's certificate": f"{MAX_HEADER_CHARACTERS // 1024} KiB",
    "compressed body, unpacked for its verification": f"{MAX_DECODED_BYTES // 1024**3} GiB",
    "how long the gateway waits for an update call": f"{UPDATE_TIMEOUT_SECONDS:.0f} seconds",
    "names of canisters in hosts": f"{MAX_NAMES:,}",
    "call from the Candid page": f"{MAX_CALL_BYTES // MIB} MiB of JSON",
}


@pytest.mark.parametrize("what", SAID)
def test_the_page_tells_the_limit_that_holds(what: str) -> None:
    """Every row of the table has the number of the code."""
    assert f"| {what} | {SAID[what]} |" in PAGE.read_text(encoding="utf-8")


def test_the_page_tells_no_other_limits() -> None:
    """Each row of the table is one that this file checks."""
    section = PAGE.read_text(encoding="utf-8").partition("## Limits")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(rows) == len(SAID) + 1

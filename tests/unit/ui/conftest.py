"""One example of every event, for tests that enumerate them."""

import pytest

from orchestrator import events
from orchestrator.core.plan import Change, Detail
from orchestrator.events import Event

ID = "uxrrr-q7777-77774-qaaaq-cai"
CHANGES = (
    Change(canister="backend", action="create", reason="it does not exist"),
    Change(canister="backend", action="install", reason="it is empty"),
    Change(
        canister="frontend",
        action="settings",
        reason="settings differ",
        details=(
            Detail(field="compute_allocation", before=None, after="5"),
            Detail(field="freezing_threshold", before="30", after="60"),
            Detail(field="log_visibility", before="public", after=None),
        ),
    ),
    Change(canister="frontend", action="reinstall", reason="asked for by --mode", destructive=True),
    Change(canister="worker", action="unchanged", reason="nothing differs"),
)
EXAMPLES: tuple[Event, ...] = (
    events.RunStarted(run="r1", verb="deploy", environment="local", network="local", canisters=("backend", "frontend")),
    events.NetworkStarting(network="local", launcher="embedded"),
    events.NetworkStarted(
        network="local",
        launcher="embedded",
        api_url="http://127.0.0.1:8000",
        gateway_url="http://localhost:8000",
        pid=42,
        stop_command="orchestrator network stop local",
    ),
    events.NetworkAlreadyRunning(network="local", launcher="embedded", api_url="http://127.0.0.1:8000", gateway_url=None, pid=42),
    events.BuildStarted(canister="backend", total=2),
    events.BuildOutput(canister="backend", index=1, total=2, stream="stderr", line="compiling"),
    events.BuildFinished(canister="backend", sha256="0123456789abcdef" * 4, size=123456, seconds=1.5),
    events.BuildFailed(canister="worker", index=2, total=2, slug="build/failed", summary="command `make` failed with status 2"),
    events.PlanReady(environment="local", digest="abcdef0123456789" * 4, changes=CHANGES),
    events.NothingChanged(environment="local", canisters=("backend",)),
    events.StepStarted(canister="backend", step="install", index=1, total=1),
    events.StepOutput(canister="backend", step="sync-plugin", index=1, total=2, stream="stdout", line="sent 3", name="seed"),
    events.StepPhase(canister="backend", step="sync-plugin", index=1, total=2, phase="compiling", detail="18.1 MB", name="seed"),
    events.StepFinished(canister="backend", step="sync-plugin", index=1, total=2, seconds=0.25, name="seed"),
    events.StepSkipped(canister="frontend", step="sync-script", index=2, total=2, reason="its inputs did not change"),
    events.StepFailed(canister="worker", step="upgrade", index=1, total=1, slug="deploy/failed", summary="the module trapped"),
    events.CanisterCreated(canister="backend", id=ID),
    events.CanisterUrl(canister="frontend", id=ID, kind="frontend", url=f"http://{ID}.localhost:8000/"),
    events.Warned(slug="manifest/ignored-key", summary="the key `x` has no effect", canister="backend", hint="remove it"),
    events.Retrying(what="canister_status", attempt=2, reason="connection refused", canister="backend"),
    events.Waiting(what="the answer to `install_code`", seconds=75.2, canister="backend"),
    events.OperationSettled(
        canister="backend", step="install", operation="00", took_effect=True, evidence="the module hash is the new one"
    ),
    events.RunFinished(run="r1", result="done", exit_code=0, seconds=2.0),
)


@pytest.fixture(params=EXAMPLES, ids=lambda event: event.event)
def event(request: pytest.FixtureRequest) -> Event:
    """Return each example in turn."""
    example: Event = request.param
    return example


@pytest.fixture
def every_event() -> tuple[Event, ...]:
    """Return one example of every event, in the order of a run."""
    return EXAMPLES

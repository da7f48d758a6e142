"""What is odd about a managed network, said to whoever is about to use it or to start it."""

from orchestrator.core.project import ManagedNetwork
from orchestrator.events import Warned
from orchestrator.network.access import NetworkReport

__all__ = ["describe_save_failure", "find_notices"]


def find_notices(network: ManagedNetwork, report: NetworkReport) -> tuple[Warned, ...]:
    """Return the warnings that go with a report: before a start they say what the start replaces."""
    name = network.name
    process = f"process {report.pid}" if report.container is None else f"container {report.container[:12]}"
    notices = []
    if report.state == "unresponsive" and report.owner is None:
        summary = f"network `{name}` does not answer ({process}): it is ended, and another one started with its state"
        notices.append(Warned(slug="network/unresponsive", summary=summary))
    if report.state == "orphaned":
        summary = (
            f"network `{name}` still runs ({process}), and the project does not know it any more: it is ended, and another one started"
        )
        notices.append(Warned(slug="network/orphaned", summary=summary))
    if report.crashed is not None:
        summary = f"network `{name}` had ended unexpectedly (process {report.crashed}): what it did in its last second may be lost"
        notices.append(Warned(slug="network/crashed", summary=summary))
    if report.state == "running" and report.listens is not None:
        notices.append(
            Warned(
                slug="network/outdated",
                summary=f"network `{name}` still listens on {report.listens}: the project says otherwise since it was started",
                hint=f"to restart it, run `orchestrator network stop {name}`, then `orchestrator network start {name}`",
            )
        )
    if report.not_saving is not None:
        notices.append(describe_save_failure(name, report.not_saving))
    return tuple(notices)


def describe_save_failure(name: str, reason: str) -> Warned:
    """Return the warning about a network that cannot save its state."""
    return Warned(
        slug="network/not-saving",
        summary=f"network `{name}` cannot save its state, and loses what has changed when it stops: {reason}",
        hint="make room on the disk, and let its folder be written; it tries again every second",
    )

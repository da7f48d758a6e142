"""A loaded network with everything that serves it: what the daemon imports once its port is open."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import anyio

from orchestrator.replica.control import Operations
from orchestrator.replica.control_accounts import make_account_operations
from orchestrator.replica.control_routes import make_operations
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.api import Api
from orchestrator.replica.http.application import Handlers
from orchestrator.replica.late_gateway import LateGateway
from orchestrator.replica.network_keys import NetworkKeys
from orchestrator.replica.replica import Replica
from orchestrator.replica.saving import WatchedPersistence
from orchestrator.replica.state import Clock
from orchestrator.replica.storage.checkpoint import Checkpoints, load_state
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.vm.machine import WasmMachine

__all__ = ["Service", "load_service"]

_IMPLEMENTATION = "icp-orchestrator embedded network"
_NAMES_FILE = "gateway-names.json"


@dataclass(frozen=True, slots=True)
class Service:
    """A network that is ready to answer."""

    handlers: Handlers
    operations: Operations
    driver: Driver
    checkpoints: Checkpoints

    @property
    def clock_offset_ns(self) -> int:
        """Return how far the network's clock has been moved ahead of the machine's."""
        return self.driver.replica.clock.offset

    async def keep_going(self) -> None:
        """Execute, tick, watch and save until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.driver.keep_running)
            tasks.start_soon(self.driver.keep_delaying)
            tasks.start_soon(self.driver.keep_ticking)
            tasks.start_soon(self.driver.keep_watching)
            tasks.start_soon(self.driver.keep_checkpoints)

    async def go_until(self, stopping: anyio.Event) -> None:
        """Keep going until the event; then whatever runs is ended, because it could take minutes, and its caller told."""
        async with anyio.create_task_group() as ending:
            async with anyio.create_task_group() as work:
                work.start_soon(self.keep_going)
                await stopping.wait()
                ending.start_soon(self.driver.keep_interrupting)
                work.cancel_scope.cancel()
            await self.driver.run_own(_nothing)  # when its turn has come, whatever a request started has ended as well
            ending.cancel_scope.cancel()

    async def save(self) -> None:
        """Save the state a last time."""
        await self.driver.run_own(self.checkpoints.finish)


def _nothing() -> None:
    """Do nothing: a job to wait for its turn with."""


def load_service(
    directory: StateDirectory,
    time_source: Callable[[], int],
    *,
    limiter: anyio.CapacityLimiter,
    artificial_delay_seconds: float,
    accounts: Iterable[bytes] = (),
) -> Service:
    """Load the network of a state directory, with its system canisters and the funds of `accounts`.

    Runs on the thread that `limiter` admits one job at a time to.

    Raises `ReplicaError` when the state cannot be read.
    """
    machine = WasmMachine(cache_directory=directory.root / "compiled")
    keys = NetworkKeys.from_seeds(*directory.load_seeds())
    loaded = load_state(directory, machine)
    clock = Clock(time_source, loaded.last_time, loaded.time_offset) if loaded else Clock(time_source)
    replica = Replica(machine=machine, keys=keys, entropy=secrets.token_bytes, state=loaded.state if loaded else None, clock=clock)
    checkpoints = Checkpoints(replica, directory, loaded=loaded)
    replica.install_system_canisters()
    replica.seed_accounts(accounts)
    saving = WatchedPersistence(checkpoints)
    driver = Driver(replica, saving, limiter=limiter, artificial_delay_seconds=artificial_delay_seconds)
    api, gateway = Api(driver, implementation=_IMPLEMENTATION), LateGateway(driver, directory.root / _NAMES_FILE)
    operations = {
        **make_operations(driver, saving),
        **make_account_operations(driver, saving),
        **saving.operations(),
        **gateway.operations(),
    }
    return Service(Handlers(api.answer, gateway.answer), operations, driver, checkpoints)

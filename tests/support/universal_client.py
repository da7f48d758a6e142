"""A universal canister on a running network, and short ways to make it do things."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.universal import Program, numbers
from tests.support.universal_module import universal_canister

__all__ = ["Universal", "deploy", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Universal:
    """One universal canister and the client that controls it."""

    client: ReplicaClient
    id: Principal
    module: bytes

    def update(self, program: Program) -> bytes:
        """Run a program in an update call."""
        return self.client.call(self.id, "update", program.encode())

    def query(self, program: Program) -> bytes:
        """Run a program in a query."""
        return self.client.query(self.id, "query", program.encode())

    def replicated_query(self, program: Program) -> bytes:
        """Run a program in a query method that is called as an update."""
        return self.client.call(self.id, "query", program.encode())

    def composite(self, program: Program) -> bytes:
        """Run a program in a composite query."""
        return self.client.query(self.id, "composite", program.encode())

    def upgrade(self, program: Program | None = None) -> None:
        """Upgrade to the same module; the program runs in post_upgrade."""
        self.client.install(self.id, self.module, mode=Variant("upgrade", None), arg=(program or Program()).encode())

    def reinstall(self, program: Program | None = None) -> None:
        """Reinstall the same module; the program runs in init."""
        self.client.install(self.id, self.module, mode=Variant("reinstall"), arg=(program or Program()).encode())

    def balance(self) -> int:
        """Return the canister's cycles as it sees them."""
        return int.from_bytes(self.query(Program().answer_wide("canister_cycle_balance128").reply()), "little")

    def kept(self) -> int:
        """Return the canister's mutable global."""
        return numbers(self.query(Program().answer_global().reply()))[0]


def deploy(
    client: ReplicaClient,
    program: Program | None = None,
    *,
    wide: bool = False,
    heartbeat: bool = False,
    inspect: bool = False,
    cycles: int | None = None,
) -> Universal:
    """Create a canister and install the universal module; the program runs in init."""
    argument = {"amount": cycles, "settings": None, "specified_id": None, "sender_canister_version": None}
    created = cast("dict[str, Principal]", client.manage("provisional_create_canister_with_cycles", argument)[0])
    canister = Universal(
        client=client, id=created["canister_id"], module=universal_canister(wide=wide, heartbeat=heartbeat, inspect=inspect)
    )
    client.install(canister.id, canister.module, arg=(program or Program()).encode())
    return canister


def rejected(run: Callable[[Program], bytes], program: Program) -> CallRejectedError:
    """Run a program that must be rejected and return the reject."""
    try:
        run(program)
    except CallRejectedError as error:
        return error
    raise AssertionError("the call was not rejected")

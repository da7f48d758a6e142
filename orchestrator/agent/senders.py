"""What management calls travel by: the client itself, or something that journals or forwards for it."""

from typing import Protocol

from orchestrator.core.principal import Principal

__all__ = ["QuerySender", "UpdateSender"]


class UpdateSender(Protocol):
    """Sends update calls: `Client`, `ProxySender`, or a wrapper that writes down what it sends."""

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Call an update method and return its reply."""
        ...


class QuerySender(Protocol):
    """Sends queries: mostly `Client`."""

    async def query(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Call a query method and return its reply."""
        ...

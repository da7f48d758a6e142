"""Questions to canisters, asked by nobody in particular: queries, updates, public metadata."""

from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.errors import ReplicaError
from orchestrator.replica import limits
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.gateway.failures import GatewayError, NoPagesError
from orchestrator.replica.messages import Response
from orchestrator.replica.replica import UserCall
from orchestrator.replica.vm.interface import Reply

__all__ = ["UPDATE_TIMEOUT_SECONDS", "Canisters", "NotAnsweredError", "PrivateMetadataError", "data_of"]

UPDATE_TIMEOUT_SECONDS = 60.0
"""How long the gateway waits for an update call."""

_NO_SUCH_METHOD = "IC0536"
_PAGES = {
    "IC0301": (404, "There is no such canister on this network"),
    "IC0508": (503, "The canister is stopped"),
    "IC0509": (503, "The canister is stopping"),
    _NO_SUCH_METHOD: (404, "The canister serves no web pages"),
    "IC0537": (503, "The canister has no code yet"),
}


class NotAnsweredError(Exception):
    """Raised when an update call takes longer than `UPDATE_TIMEOUT_SECONDS`."""


class PrivateMetadataError(Exception):
    """Raised when a metadata section is there, and only for the canister's controllers."""


class Canisters:
    """Asks the canisters of one network as the anonymous identity."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def now(self) -> int:
        """Return the network's time in nanoseconds since 1970."""
        return self._driver.replica.clock.now()

    @property
    def root_key(self) -> bytes:
        """The network's DER-encoded root key."""
        return self._driver.replica.keys.root_key

    def exists(self, canister_id: Principal) -> bool:
        """Say if there is a canister of this id."""
        return canister_id.raw in self._driver.replica.state.canisters

    def metadata(self, canister_id: Principal, name: str) -> bytes | None:
        """Return a public metadata section, or None; raises `PrivateMetadataError`."""
        canister = self._driver.replica.state.canisters.get(canister_id.raw)
        if canister is None or canister.instance is None:
            return None
        section = canister.instance.module.info.metadata.get(name)
        if section is None:
            return None
        if not section.public:
            raise PrivateMetadataError
        return section.content

    async def query(self, canister_id: Principal, method: str, arg: bytes) -> Response:
        """Evaluate a query. Raises `GatewayError` while the network cannot answer anybody."""
        replica = self._driver.replica
        try:
            return await self._driver.run(lambda: replica.query(canister_id.raw, method, arg, ANONYMOUS.raw))
        except ReplicaError as error:
            raise _unavailable(error) from error

    async def update(self, canister_id: Principal, method: str, arg: bytes) -> Response:
        """Execute an update call; raises `NotAnsweredError`, and `GatewayError` as `query` does."""
        try:
            return await self._update(canister_id, method, arg)
        except ReplicaError as error:
            raise _unavailable(error) from error

    async def _update(self, canister_id: Principal, method: str, arg: bytes) -> Response:
        replica = self._driver.replica
        call = UserCall(
            request_id=await self._driver.run(lambda: replica.entropy(32)),
            sender=ANONYMOUS.raw,
            canister_id=canister_id.raw,
            method=method,
            arg=arg,
            expiry=replica.clock.now() + limits.REQUEST_STATUS_RETENTION_NS,
            effective_id=canister_id.raw,
        )
        end = await self._driver.call(call, timeout_seconds=UPDATE_TIMEOUT_SECONDS)
        if end.refusal is not None:
            return end.refusal
        record = replica.request(call.request_id)
        if record is None or record.response is None:
            raise NotAnsweredError
        return record.response


def _unavailable(error: ReplicaError) -> GatewayError:
    return GatewayError(503, "The network cannot answer now", f"{error.summary}{f': {error.detail}' if error.detail else ''}.")


def data_of(canister_id: Principal, response: Response) -> bytes:
    """Return a reply's bytes, or raise the page that explains the reject."""
    if isinstance(response, Reply):
        return response.data
    status, title = _PAGES.get(response.error_code, (502, "The canister failed to answer"))
    name = str(canister_id)
    words = response.message if name in response.message else f"Canister {name}: {response.message}"
    kind = NoPagesError if response.error_code == _NO_SUCH_METHOD else GatewayError
    raise kind(status, title, f"{words} (reject code {response.code}, {response.error_code})")

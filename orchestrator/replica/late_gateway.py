"""The gateway, imported when a browser comes or names are told: most networks are only deployed to, and start sooner."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.replica.control import Operations
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.exchange import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from orchestrator.replica.http.gateway import Gateway

__all__ = ["LateGateway"]


class LateGateway:
    """Stands for the gateway until it is needed. `names_file` is where the names of canisters are kept."""

    def __init__(self, driver: Driver, names_file: Path) -> None:
        self._driver = driver
        self._names_file = names_file
        self._gateway: Gateway | None = None

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        return await self._load().answer(request)

    def operations(self) -> Operations:
        """Return the control channel's routes that are about the gateway."""

        async def names(content: Mapping[str, object]) -> Mapping[str, object]:
            from orchestrator.replica.control_names import make_name_operations

            return await make_name_operations(self._load())["/names"](content)

        return {"/names": names}

    def _load(self) -> "Gateway":
        if self._gateway is None:
            from orchestrator.replica.http.gateway import Gateway, load_names

            self._gateway = Gateway(self._driver, names=load_names(self._names_file))
        return self._gateway

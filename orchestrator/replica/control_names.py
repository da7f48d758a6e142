"""The control channel's route for names: what deployments call the canisters of an environment."""

from collections.abc import Mapping

from orchestrator.replica.control import ControlError, Operations
from orchestrator.replica.http.gateway import Gateway, parse_names

__all__ = ["make_name_operations"]


def make_name_operations(gateway: Gateway) -> Operations:
    """Return the route `/names`: it takes `names`, an object of environments with the ids of their canisters by name.

    The names of the environments that are sent replace what they had. They are on disk before it answers.
    """

    async def names(content: Mapping[str, object]) -> Mapping[str, object]:
        try:
            gateway.set_names(parse_names(content.get("names")))
        except ValueError as error:
            raise ControlError(400, f"`names` cannot be used: {error}") from error
        return {}

    return {"/names": names}

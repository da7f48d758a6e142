"""The control channel's route for accounts: principals that are to have ICP and cycles."""

from collections.abc import Mapping

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.replica.control import ControlError, Operations
from orchestrator.replica.driver import Driver, Persistence

__all__ = ["MAX_ACCOUNTS", "make_account_operations"]

MAX_ACCOUNTS = 1000
"""How many principals one request names at most."""


def make_account_operations(driver: Driver, persistence: Persistence) -> Operations:
    """Return the route `/accounts`: it takes `principals`, texts, and gives those funds that have none yet.

    What they got is on disk before it answers.
    """

    async def accounts(content: Mapping[str, object]) -> Mapping[str, object]:
        principals = _parse(content.get("principals"))

        def seed() -> None:
            driver.replica.seed_accounts(principals)
            persistence.checkpoint()

        await driver.run_own(seed)
        return {}

    return {"/accounts": accounts}


def _parse(value: object) -> list[bytes]:
    if not isinstance(value, list) or len(value) > MAX_ACCOUNTS:
        raise ControlError(400, f"`principals` is a list of at most {MAX_ACCOUNTS} texts")
    try:
        return [Principal.from_text(item).raw for item in value]
    except (PrincipalError, AttributeError, TypeError) as error:
        raise ControlError(400, f"`principals` has what is no principal: {error}") from error

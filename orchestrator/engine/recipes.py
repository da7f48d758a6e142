"""Recipes expanded for an environment: from a canister's `recipe` to build and sync steps."""

from collections.abc import Sequence

from orchestrator.core.project import Canister
from orchestrator.engine.session import Session
from orchestrator.errors import RecipeError

__all__ = ["expand_recipes"]


async def expand_recipes(session: Session, canisters: Sequence[Canister]) -> tuple[Canister, ...]:  # noqa: ARG001  # recipes see the environment
    """Return the canisters with their recipes' steps in place; only the given canisters are touched."""
    for canister in canisters:
        if canister.recipe is not None:
            raise RecipeError(
                f"the recipe of canister `{canister.name}` cannot be expanded", detail=canister.recipe.address, span=canister.recipe.span
            )
    return tuple(canisters)

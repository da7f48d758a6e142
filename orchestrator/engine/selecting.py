"""Choosing canisters by their labels."""

from collections.abc import Sequence

from orchestrator.engine.session import Session, select_canisters
from orchestrator.errors import UsageError
from orchestrator.manifest.problems import did_you_mean

__all__ = ["select_labelled"]


def select_labelled(session: Session, names: Sequence[str], labels: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the keys of the canisters that have every label, in manifest order; with `names` those among them.

    Without labels `names` are returned as they are. Raises `UsageError` for an unknown name, and where no canister is left,
    because no names mean all canisters elsewhere.
    """
    if not labels:
        return tuple(names)
    candidates = select_canisters(session, names)
    chosen = tuple(canister.name for canister in candidates if all(canister.labels.get(key) == value for key, value in labels))
    if not chosen:
        raise _nothing(session, names, labels)
    return chosen


def _nothing(session: Session, names: Sequence[str], labels: Sequence[tuple[str, str]]) -> UsageError:
    environment = session.environment
    known = {f"{key}={value}" for canister in environment.canisters for key, value in canister.labels.items()}
    asked = [f"{key}={value}" for key, value in labels]
    whose = "no canister" if not names else "none of the named canisters"
    unknown = [each for each in asked if each not in known]
    if not known:
        hint: str | None = "give canisters `labels:` in the manifest, such as `labels: { tier: edge }`"
    elif unknown:
        hint = f"{did_you_mean(unknown[0], known) or ''} labels there: {', '.join(sorted(known))}".strip()
    elif names:
        hint = "without names, labels choose among all canisters of the environment"
    else:
        hint = "each of these labels is there, and no canister has all of them"
    return UsageError(
        f"{whose} of environment `{environment.name}` has the label{'s' if len(asked) > 1 else ''} {' and '.join(f'`{each}`' for each in asked)}",
        slug="usage/unknown-label",
        hint=hint,
    )

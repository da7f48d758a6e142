"""Locks as text and as JSON."""

from orchestrator.store.lock import LockHolder

__all__ = ["LOCK_SCHEMA", "lock_to_json", "render_lock"]

LOCK_SCHEMA = 1


def render_lock(environment: str, *, held: bool, holder: LockHolder | None) -> str:
    """Return who holds an environment's lock, as a sentence."""
    if not held:
        return f"Environment `{environment}` is not locked"
    return f"Environment `{environment}` is locked by {holder if holder is not None else 'a run that has not said who it is'}"


def lock_to_json(environment: str, *, held: bool, holder: LockHolder | None) -> dict[str, object]:
    """Return a lock as plain values; `since` is ISO 8601 in UTC."""
    return {
        "schema": LOCK_SCHEMA,
        "environment": environment,
        "held": held,
        "pid": holder.pid if holder else None,
        "command": holder.command if holder else None,
        "since": holder.since if holder else None,
        "run": holder.run if holder else None,
    }

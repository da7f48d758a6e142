"""What a plugin may use, and where its compute limit comes from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = [
    "CALLS_AT_ONCE",
    "COMPUTE_VARIABLES",
    "DEFAULT_COMPUTE_SECONDS",
    "DEFAULT_MAX_CALLS",
    "DEFAULT_MEMORY_BYTES",
    "MAX_ARGUMENT_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_CALLS",
    "MAX_BATCH_REPLY_BYTES",
    "MAX_ERROR_BYTES",
    "MAX_ERROR_CHARACTERS",
    "MAX_FILES_CHARACTERS",
    "MAX_METHOD_BYTES",
    "MAX_OUTPUT_BYTES",
    "MAX_REPLY_BYTES",
    "MAX_WASM_STACK_BYTES",
    "QUIET_SECONDS",
    "RESTING_SECONDS",
    "Limits",
    "compute_limit",
    "excess_text",
]

DEFAULT_COMPUTE_SECONDS: Final = 60.0
"""Seconds of the plugin's own computing, canister calls not counted."""
DEFAULT_MEMORY_BYTES: Final = 1 << 30
"""Bytes of all linear memories of a plugin together."""
DEFAULT_MAX_CALLS: Final = 100_000
"""Canister calls of one step, answered or not; a site of ten thousand files in pieces of 1 MiB makes fewer."""
MAX_OUTPUT_BYTES: Final = 1 << 20
"""Bytes kept of each of stdout and stderr; the rest is counted."""
MAX_ARGUMENT_BYTES: Final = 4 << 20
"""Bytes of a canister call's argument; a network takes about 2 MiB."""
MAX_REPLY_BYTES: Final = 4 << 20
"""Bytes of a canister's reply that a plugin is given."""
MAX_BATCH_CALLS: Final = 1_000
"""Calls of one batch."""
MAX_BATCH_BYTES: Final = 16 << 20
"""Bytes of one batch, the table of its calls included; a network takes about 2 MiB a call, and 8 are made at once."""
MAX_BATCH_REPLY_BYTES: Final = 16 << 20
"""Bytes of replies after which no further call of a batch is made."""
CALLS_AT_ONCE: Final = 8
"""How many calls of a batch are under way at once."""
MAX_FILES_CHARACTERS: Final = 64 << 20
"""Characters of all declared files of a step together."""
MAX_METHOD_BYTES: Final = 20_000
"""Bytes of a method name, as the Internet Computer's own limit."""
MAX_WASM_STACK_BYTES: Final = 512 << 10
"""Bytes of stack that a plugin's code may use, as in icp."""
RESTING_SECONDS: Final = 1
"""Seconds after which a plugin that neither computes nor calls nor writes is taken to rest: others may compute meanwhile."""
QUIET_SECONDS: Final = 10
"""Seconds after which a plugin that neither computes nor calls nor writes is named, and again after as many."""
MAX_ERROR_BYTES: Final = 1 << 20
"""Bytes kept of the error that a plugin returns."""
MAX_ERROR_CHARACTERS: Final = 64 << 10
"""Characters that a plugin is given of the reason why a canister call failed."""

COMPUTE_VARIABLES: Final = ("ORCHESTRATOR_PLUGIN_COMPUTE_LIMIT_SECS", "ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS")
"""Environment variables with the compute limit in whole seconds, the first that is set wins."""

_MAX_SECONDS: Final = 2**64 - 1
_POSITIVE_INTEGER: Final = re.compile(r"\+?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one run: seconds of computing, seconds in all (calls included, `None` is no limit), bytes, calls.

    `max_argument_bytes` and `max_reply_bytes` are of one call, and can only be lower than their defaults.
    """

    compute_seconds: float = DEFAULT_COMPUTE_SECONDS
    timeout_seconds: float | None = None
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    max_calls: int = DEFAULT_MAX_CALLS
    max_argument_bytes: int = MAX_ARGUMENT_BYTES
    max_reply_bytes: int = MAX_REPLY_BYTES


def _usage_error(summary: str, hint: str | None = None) -> Exception:
    from orchestrator.errors import UsageError  # a worker process loads this module, and has no use for errors

    return UsageError(summary, slug="plugin/compute-limit", hint=hint)


def _seconds_of(variable: str, value: str) -> float:
    text = value.strip()
    if _POSITIVE_INTEGER.fullmatch(text) and 1 <= int(text[:40]) <= _MAX_SECONDS:
        return float(text)
    shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    raise _usage_error(
        f"invalid {variable} value '{shown}': expected a positive integer number of seconds",
        f"unset {variable}, or set it to a number such as 60",
    )


def compute_limit(*, flag: float | None, environment: Mapping[str, str], step: float | None) -> float:
    """Seconds of computing that a step's plugin gets: flag, then the variables, then the step, then the default.

    Raises `UsageError` when the variable that counts is not a positive whole number, as icp does, or when
    the flag is not positive.
    """
    if flag is not None:
        if flag > 0:
            return flag
        raise _usage_error(f"a compute limit of {flag:g} seconds lets no plugin run")
    for variable in COMPUTE_VARIABLES:
        if variable in environment:
            return _seconds_of(variable, environment[variable])
    return DEFAULT_COMPUTE_SECONDS if step is None else step


def excess_text(what: str, size: int, limit: int) -> str:
    """Tell a plugin what of its canister call is too long, and by how much."""
    return f"canister call failed: {what} of {size} bytes is {size - limit} over the limit of {limit}"

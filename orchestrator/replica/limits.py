"""Every cap, timeout and default of the embedded network, with its unit.

Sources: the IC interface specification where it gives a number, else the values of the mainnet's
application subnets. A limit that exists only here says so.
"""

__all__ = [
    "CANISTER_CREATION_FEE_CYCLES",
    "DEFAULT_FREEZING_THRESHOLD_SECONDS",
    "DEFAULT_LOG_MEMORY_BYTES",
    "DEFAULT_PROVISIONAL_CYCLES",
    "DEFAULT_RESERVED_CYCLES_LIMIT",
    "FIRST_CANISTER_NUMBER",
    "LAST_CANISTER_NUMBER",
    "MAX_BEST_EFFORT_TIMEOUT_SECONDS",
    "MAX_CHUNKS",
    "MAX_CHUNK_BYTES",
    "MAX_COMPOSITE_QUERY_DEPTH",
    "MAX_COMPOSITE_QUERY_INSTRUCTIONS",
    "MAX_CONTROLLERS",
    "MAX_CYCLES",
    "MAX_ENVIRONMENT_VARIABLES",
    "MAX_ENVIRONMENT_VARIABLE_BYTES",
    "MAX_FETCHED_LOG_BYTES",
    "MAX_HISTORY_ENTRIES",
    "MAX_HTTP_BODY_BYTES",
    "MAX_INGRESS_BYTES",
    "MAX_LATE_REQUESTS",
    "MAX_LOG_MEMORY_BYTES",
    "MAX_PRUNED_REQUESTS",
    "MAX_RESPONSES_BYTES",
    "MAX_SNAPSHOTS",
    "MAX_SNAPSHOT_SLICE_BYTES",
    "MAX_VIEWERS",
    "NANOSECONDS",
    "REQUEST_STATUS_RETENTION_NS",
    "STOP_TIMEOUT_NS",
    "SYNC_CALL_TIMEOUT_SECONDS",
]

NANOSECONDS = 1_000_000_000

# Canisters
FIRST_CANISTER_NUMBER = 0x8000_0000_0010_0000
"""Local networks hand out ids from here on, far away from the mainnet's."""
LAST_CANISTER_NUMBER = 0x8000_0000_001F_FFFF
DEFAULT_PROVISIONAL_CYCLES = 100_000_000_000_000
CANISTER_CREATION_FEE_CYCLES = 500_000_000_000
DEFAULT_FREEZING_THRESHOLD_SECONDS = 2_592_000
DEFAULT_RESERVED_CYCLES_LIMIT = 5_000_000_000_000
DEFAULT_LOG_MEMORY_BYTES = 4096
MAX_LOG_MEMORY_BYTES = 2 * 1024 * 1024
MAX_FETCHED_LOG_BYTES = 2_000_000
"""Of the log lines that one answer carries; the newest are told."""
MAX_CONTROLLERS = 10
MAX_CYCLES = 2**128 - 1
"""Of a balance; a canister sees numbers of 128 bits."""
MAX_VIEWERS = 10
MAX_ENVIRONMENT_VARIABLES = 20
MAX_ENVIRONMENT_VARIABLE_BYTES = 128
"""Of a name, and of a value."""
MAX_CHUNK_BYTES = 1024 * 1024
MAX_CHUNKS = 100
MAX_HISTORY_ENTRIES = 20
MAX_SNAPSHOTS = 10
"""Of one canister."""
MAX_SNAPSHOT_SLICE_BYTES = 2_000_000
"""How much of a snapshot one message may read."""
STOP_TIMEOUT_NS = 300 * NANOSECONDS
"""How long stop_canister waits for open call contexts before it is rejected."""

# Calls
MAX_BEST_EFFORT_TIMEOUT_SECONDS = 300
MAX_COMPOSITE_QUERY_DEPTH = 6
MAX_COMPOSITE_QUERY_INSTRUCTIONS = 5_000_000_000
"""Of a user's query with all the queries that it calls; looked at before each further call."""

# HTTP
MAX_HTTP_BODY_BYTES = 5 * 1024 * 1024
MAX_INGRESS_BYTES = 2 * 1024 * 1024
"""Of a call's method name and argument together."""
SYNC_CALL_TIMEOUT_SECONDS = 10.0
REQUEST_STATUS_RETENTION_NS = 300 * NANOSECONDS
"""How long past its expiry a request's status is kept."""
MAX_LATE_REQUESTS = 100_000
"""With more requests than this, those that have expired are forgotten at once."""
MAX_PRUNED_REQUESTS = 250
"""How many are forgotten at a tick, so that nobody has to wait while many are."""
MAX_RESPONSES_BYTES = 256 * 1024 * 1024
"""Of all kept responses to requests together; beyond it the oldest are forgotten. The mainnet keeps 4 GiB."""

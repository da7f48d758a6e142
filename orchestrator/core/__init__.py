"""Pure values and pure functions: no I/O, no async, no third-party imports."""

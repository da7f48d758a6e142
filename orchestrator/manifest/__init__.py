"""Project files to `core.project` values, every problem with its place."""

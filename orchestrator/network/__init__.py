"""Networks of a project: start, stop, find, connect."""

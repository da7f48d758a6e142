"""The embedded local network: a replica in one process."""

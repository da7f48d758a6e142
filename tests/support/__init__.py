"""What several test modules share: processes, builders, oracles."""

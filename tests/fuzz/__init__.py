"""Readers of text from outside under random input: `scripts/fuzz`."""

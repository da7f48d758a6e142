"""Canisters that every network has from the start, written in Python: ledgers, the minting of cycles, the proxy."""

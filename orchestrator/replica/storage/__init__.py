"""The network's state on disk: keys, canisters and calls under way."""

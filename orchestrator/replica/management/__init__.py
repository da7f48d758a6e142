"""The management canister `aaaaa-aa`: creating, installing, configuring and observing canisters."""

"""The client of the Internet Computer's HTTP interface.

`client` talks to canisters, `management` and `cycles_ledger` to the systems that make and change them, `proxy`
routes calls through a proxy canister, `identities` reads icp-cli's folder. Nothing is imported here: httpx and
cryptography are paid for by whoever needs them.
"""

"""Where the system canisters live. All but the proxy have their mainnet ids; clients have those built in."""

from orchestrator.core.principal import Principal

__all__ = ["CYCLES_LEDGER_ID", "CYCLES_MINTING_ID", "GOVERNANCE_ID", "ICP_LEDGER_ID", "PROXY_ID"]

ICP_LEDGER_ID = Principal.from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").raw
CYCLES_MINTING_ID = Principal.from_text("rkp4c-7iaaa-aaaaa-aaaca-cai").raw
CYCLES_LEDGER_ID = Principal.from_text("um5iw-rqaaa-aaaaq-qaaba-cai").raw
GOVERNANCE_ID = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai").raw
"""Nobody is there; its default account is the one that ICP is minted from and burned to."""
PROXY_ID = bytes.fromhex("7fffffffffffffff0101")
"""The last id that canisters of a specified id can have, far from those that this network hands out."""

"""The HTTP gateway: hosts and names, questions to canisters, ranges and streams, verification, pages, Candid page."""

from orchestrator.replica.http.gateway.gateway import Gateway
from orchestrator.replica.http.gateway.names import Names, load_names, parse_names

__all__ = ["Gateway", "Names", "load_names", "parse_names"]

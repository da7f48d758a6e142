"""Candid of the calls that native canisters make: arguments and replies by packaged interface and method."""

from functools import cache

from orchestrator.candid import decode, encode, load_interface
from orchestrator.candid import types as T  # the name that Candid's types go by

__all__ = ["decode_reply", "encode_arguments"]


@cache
def _signature(interface: str, method: str) -> T.Function:
    service = load_interface(interface).service
    assert service is not None  # noqa: S101 # packaged interfaces have services
    return service.methods[method]


def encode_arguments(interface: str, method: str, *values: object) -> bytes:
    """Encode the arguments of a call."""
    return encode(_signature(interface, method).arguments, values)


def decode_reply(interface: str, method: str, data: bytes) -> object:
    """Return the one value of a reply, None where a method replies nothing; raises `CandidError` for other data."""
    values = decode(data, _signature(interface, method).results)
    return values[0] if values else None

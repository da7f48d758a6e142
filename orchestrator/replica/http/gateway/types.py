"""The Candid types of `http_request`, `http_request_update` and streaming callbacks.

Source: the HTTP gateway protocol specification, section "Canister HTTP Interface".
"""

from functools import lru_cache

from orchestrator.candid.types import BLOB, BOOL, NAT16, TEXT, Opt, Type, Vec, record, tuple_of, variant

__all__ = ["PLAIN_RESPONSE", "REQUEST", "UPDATE_REQUEST", "response", "streaming_reply"]

_HEADERS = Vec(tuple_of(TEXT, TEXT))
_REQUEST_FIELDS: dict[str, Type] = {"method": TEXT, "url": TEXT, "headers": _HEADERS, "body": BLOB}
_RESPONSE_FIELDS: dict[str, Type] = {"status_code": NAT16, "headers": _HEADERS, "body": BLOB, "upgrade": Opt(BOOL)}
_TYPES_KEPT = 64

UPDATE_REQUEST = record(_REQUEST_FIELDS)
REQUEST = record({**_REQUEST_FIELDS, "certificate_version": Opt(NAT16)})
PLAIN_RESPONSE = record(_RESPONSE_FIELDS)


@lru_cache(maxsize=_TYPES_KEPT)
def streaming_reply(token: Type) -> Type:
    """Return what a streaming callback answers; some canisters wrap it in an option."""
    return Opt(record({"body": BLOB, "token": Opt(token)}))


@lru_cache(maxsize=_TYPES_KEPT)
def response(token: Type, callback: Type) -> Type:
    """Return the type of a response that streams, from the canister's own types; equal ones give the same object."""
    strategy = variant({"Callback": record({"callback": callback, "token": token})})
    return record({**_RESPONSE_FIELDS, "streaming_strategy": Opt(strategy)})

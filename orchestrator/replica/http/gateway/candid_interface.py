"""A canister's public interface, and its methods as the Candid page shows them.

Source: the interface specification, section "Canister metadata" for `candid:service`; the query that canisters
answered with their interface before metadata existed is asked where there is none.
"""

import anyio.to_thread

from orchestrator.candid import decode, encode, parse_interface
from orchestrator.candid import types as T
from orchestrator.candid.examples import example_text
from orchestrator.candid.type_text import spell_type
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidError
from orchestrator.replica.http.gateway.canisters import Canisters, PrivateMetadataError
from orchestrator.replica.vm.interface import Reply

__all__ = ["describe_methods", "kind_of", "load_service"]

_SECTION = "candid:service"
_OLD_METHOD = "__get_candid_interface_tmp_to_hack"
_READING = ("composite_query", "query")


async def load_service(canisters: Canisters, canister_id: Principal) -> T.Service:
    """Return a canister's service; raises `CandidError` when it has none that everybody may know, in words."""
    if not canisters.exists(canister_id):
        raise CandidError(f"there is no canister {canister_id} on this network")
    text = await _load_text(canisters, canister_id)
    service = (await anyio.to_thread.run_sync(parse_interface, text)).service  # a large one takes long
    if service is None:
        raise CandidError(f"the interface of {canister_id} has types, and no service")
    return service


async def _load_text(canisters: Canisters, canister_id: Principal) -> str:
    try:
        content = canisters.metadata(canister_id, _SECTION)
    except PrivateMetadataError:
        return await _ask_for_text(canisters, canister_id, f"its metadata `{_SECTION}` is private")
    if content is not None:
        return content.decode("utf-8", "replace")
    return await _ask_for_text(canisters, canister_id, f"it has no metadata `{_SECTION}`")


async def _ask_for_text(canisters: Canisters, canister_id: Principal, why: str) -> str:
    response = await canisters.query(canister_id, _OLD_METHOD, encode([], []))
    if isinstance(response, Reply):
        return str(decode(response.data, [T.TEXT])[0])
    raise CandidError(f"{canister_id} does not tell its interface", detail=f"{why}; make it public in the build to call methods here")


def kind_of(method: T.Function) -> str:
    """Return `query`, `composite query`, `oneway` or `update`."""
    for word in (*_READING, "oneway"):
        if word in method.annotations:
            return word.replace("_", " ")
    return "update"


def describe_methods(service: T.Service) -> list[dict[str, object]]:
    """Return the methods in the order of their names, with an example for each argument."""
    return [
        {
            "name": name,
            "kind": kind_of(method),
            "signature": f"({_spell(method.arguments)}) → ({_spell(method.results)})",
            "arguments": [{"type": spell_type(type_), "example": example_text(type_)} for type_ in method.arguments],
        }
        for name, method in sorted(service.methods.items())
    ]


def _spell(types: tuple[T.Type, ...]) -> str:
    return ", ".join(map(spell_type, types))

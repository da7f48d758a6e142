"""Rejects: what the network or a canister said no to, and what usually helps.

Source: the interface specification, sections "Reject codes" and "Error codes"; the codes' meanings are those of
the reference implementation.
"""

from collections.abc import Mapping

from orchestrator.errors import RejectError, TransportError

__all__ = ["make_reject", "read_reject"]

_TOP_UP = "send it cycles; on mainnet `icp canister top-up` does"
_CONTROLLER = "this identity is not a controller of the canister: use `--identity`, or let a controller add it"
_HINTS = {
    "IC0101": "the canister's subnet has no room for more compute: lower `compute_allocation`",
    "IC0207": f"the canister has too few cycles: {_TOP_UP}",
    "IC0209": "the subnet limits how often modules are installed: wait a minute and try again",
    "IC0301": "there is no such canister here: check the id and the environment, or deploy first",
    "IC0403": "the new canister needs more cycles than were given",
    "IC0406": "the canister itself refused the call: the message is in its own words",
    "IC0408": "the argument does not decode as what the method takes: check it against the Candid interface",
    "IC0502": "the canister trapped; its logs may say more",
    "IC0503": "the canister trapped on purpose: the message is its own",
    "IC0504": "the canister's way of keeping memory does not allow this upgrade: see `wasm_memory_persistence`, or reinstall",
    "IC0505": "the module is not valid here: rebuild it, and check that it is a canister's WebAssembly",
    "IC0507": "the canister's memory would exceed what it may use: raise `memory_allocation`, or use less",
    "IC0508": "the canister is stopped: start it with `orchestrator canister start`",
    "IC0509": "the canister is stopping: wait until it has stopped, or start it",
    "IC0510": "stop the canister before deleting it, with `orchestrator canister stop`",
    "IC0512": _CONTROLLER,
    "IC0514": "a module is installed already: use mode `upgrade`, or `reinstall` to lose its state",
    "IC0522": "the call took too many instructions: split the work over several calls",
    "IC0530": f"the canister has too few cycles for its compute allocation: {_TOP_UP}",
    "IC0531": f"the canister has too few cycles for its memory allocation: {_TOP_UP}",
    "IC0532": f"the canister has too few cycles to use more memory: {_TOP_UP}",
    "IC0536": "the canister has no such method: check its name and whether it is a query or an update",
    "IC0537": "no module is installed: deploy the canister first",
    "IC0539": "the canister's memory limit is reached: raise `wasm_memory_limit`",
    "IC0541": _CONTROLLER,
    "IC0542": "this identity may not see the canister's status: use `--identity`, or let a controller add it",
}
_BY_TEXT = {
    "RTS error: Memory-incompatible program upgrade": (
        "the canister's runtime refused the upgrade, because the new program cannot read what the old one keeps; code and"
        " state are as before: keep the types compatible, or convert the data by a migration, or deploy with"
        " `--mode reinstall`, which deletes the state"
    ),
}
"""What runtimes say in a trap's words; the text is that of Motoko's."""
_BY_CODE = {
    1: "the network failed; trying again rarely helps",
    2: "the network is busy or the canister is out of cycles: try again later",
    3: "the destination does not exist: check the canister id and the environment",
}


def make_reject(reject_code: int, message: str, error_code: str | None) -> RejectError:
    """Return the error for a reject, with a hint where one is known."""
    told = next((hint for text, hint in _BY_TEXT.items() if text in message), None)
    hint = told or _HINTS.get(error_code or "") or _BY_CODE.get(reject_code)
    return RejectError(message, reject_code=reject_code, error_code=error_code, hint=hint)


def read_reject(fields: Mapping[str, object]) -> RejectError:
    """Return the error for the reject in a decoded body; raise `TransportError` if it is none."""
    code, message, error_code = (fields.get(name) for name in ("reject_code", "reject_message", "error_code"))
    if not isinstance(code, int) or not isinstance(message, str):
        raise TransportError(
            "the network's answer is neither a reply nor a reject", slug="agent/not-cbor", detail=f"fields: {sorted(fields)}"
        )
    return make_reject(code, message, error_code if isinstance(error_code, str) else None)

"""The system canisters of a network: putting them there, bringing them back from disk, and giving accounts their funds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import cast

from orchestrator.core.principal import ANONYMOUS
from orchestrator.replica.canister import Canister, Change, ChangeKind, Settings
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.storage import codec
from orchestrator.replica.system.accounts import account_key, identifier
from orchestrator.replica.system.cycles_ledger import CyclesLedgerCode
from orchestrator.replica.system.cycles_minting import CyclesMintingCode
from orchestrator.replica.system.icp_ledger import IcpLedgerCode
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID, ICP_LEDGER_ID, PROXY_ID
from orchestrator.replica.system.native import STATE_FILE, NativeCall, NativeCode, NativeInstance
from orchestrator.replica.system.proxy import ProxyCode
from orchestrator.replica.system.records import LedgerTransaction
from orchestrator.replica.system.token_ledger import TokenLedger
from orchestrator.replica.vm.interface import CanisterView, Instance, Message, MessageKind

__all__ = ["CYCLES_PER_ACCOUNT", "ICP_PER_ACCOUNT", "SYSTEM_CANISTER_IDS", "install_system_canisters", "restore_native", "seed_accounts"]

TRILLION = 10**12
ICP_PER_ACCOUNT = 1_000_000 * 10**8
"""What the account of an identity gets, in e8s."""
CYCLES_PER_ACCOUNT = 1_000 * TRILLION
"""What the account of an identity gets, in cycles."""
ICP_OF_ANONYMOUS = 1_000_000_000 * 10**8
CYCLES_OF_ANONYMOUS = 1_000_000_000 * TRILLION
"""Whoever has no identity of the project's user can be given funds from the anonymous account."""
OWN_CYCLES = 1_000 * TRILLION
"""The balance that a system canister begins with, of its own."""
_CODES: dict[bytes, type[NativeCode]] = {
    CYCLES_LEDGER_ID: CyclesLedgerCode,
    CYCLES_MINTING_ID: CyclesMintingCode,
    ICP_LEDGER_ID: IcpLedgerCode,
    PROXY_ID: ProxyCode,
}
SYSTEM_CANISTER_IDS = tuple(_CODES)
_NOTHING: Mapping[int, bytes] = MappingProxyType({})
_BY_WASM = {code.wasm(): code for code in _CODES.values()}


@dataclass(frozen=True, slots=True)
class _Funds:
    """What an account is given."""

    icp: int
    cycles: int


def install_system_canisters(state: ReplicaState, now: int) -> bool:
    """Put every system canister in its place, unless something is there; returns if one was missing."""
    missing = [canister_id for canister_id in _CODES if canister_id not in state.canisters]
    for canister_id in missing:
        _install(state, canister_id, _CODES[canister_id], now)
    if PROXY_ID in missing:
        ledger = _native(state, ICP_LEDGER_ID)
        for principal in (ANONYMOUS.raw, *(_seeded(ledger) if ledger else ())):
            _add_controller(state, principal)
    if CYCLES_LEDGER_ID in missing or ICP_LEDGER_ID in missing:
        _give(state, ANONYMOUS.raw, _Funds(ICP_OF_ANONYMOUS, CYCLES_OF_ANONYMOUS), now)
    return bool(missing)


def seed_accounts(state: ReplicaState, principals: Iterable[bytes], now: int) -> bool:
    """Give each principal that has none yet its ICP and cycles, and control of the proxy; returns if there was one."""
    ledger = _native(state, ICP_LEDGER_ID)
    new = [principal for principal in dict.fromkeys(principals) if principal not in _seeded(ledger)] if ledger else []
    for principal in new:
        _give(state, principal, _Funds(ICP_PER_ACCOUNT, CYCLES_PER_ACCOUNT), now)
        _add_controller(state, principal)
    return bool(new)


def restore_native(wasm: bytes, folder: Path | None, overlay: Mapping[int, bytes] = _NOTHING, *, older: bytes = b"") -> Instance | None:
    """Bring a native canister back from its folder, if it has one, and what is newer; None for bytes that do not stand for one.

    `older` is what stands for everything in states that were saved before entries were. Raises `ReplicaError` or
    OSError when it cannot be read.
    """
    code = _BY_WASM.get(wasm)
    if code is None:
        return None
    if older:
        return NativeInstance.restore_whole(code, older)
    saved = {} if folder is None else cast("dict[int, bytes]", codec.load((folder / STATE_FILE).read_bytes()))
    return NativeInstance.restore(code, {**saved, **overlay})


def _install(state: ReplicaState, canister_id: bytes, code: type[NativeCode], now: int) -> None:
    instance = NativeInstance(code())
    canister = Canister(
        id=canister_id,
        settings=Settings(controllers=(), freezing_threshold=0),
        cycles=OWN_CYCLES,
        is_free=True,
        created_at=now,
        installed_at=now,
        certified_data=instance.code.certified_data(),
        wasm=code.wasm(),
        module_hash=code.module_hash(),
        instance=instance,
    )
    canister.record(Change(timestamp=now, version=0, origin=b"", kind=ChangeKind.CREATION))
    state.add_canister(canister)


def _seeded(ledger: NativeInstance) -> tuple[bytes, ...]:
    """Return the principals that have been given funds: the ledger keeps them, whatever their accounts hold now."""
    return tuple(cast("IcpLedgerCode", ledger.code).seeded)


def _give(state: ReplicaState, principal: bytes, funds: _Funds, now: int) -> None:
    """Mint funds for a principal's accounts, as blocks of the ledgers."""
    for canister_id, account, amount in (
        (ICP_LEDGER_ID, identifier(principal), funds.icp),
        (CYCLES_LEDGER_ID, account_key(principal), funds.cycles),
    ):
        canister, instance = state.canisters.get(canister_id), _native(state, canister_id)
        if canister is None or instance is None:
            continue
        call = NativeCall(
            instance.code, Message(kind=MessageKind.UPDATE, now=now), CanisterView(id=canister_id, controllers=frozenset(), cycles=0), ""
        )
        ledger = cast("TokenLedger", instance.code)
        ledger.mint(call, LedgerTransaction(operation="mint", amount=amount, receiver=account))
        if isinstance(ledger, IcpLedgerCode):
            ledger.seeded[principal] = now
        else:
            canister.cycles += amount
        canister.certified_data = call.outcome.certified_data or b""
        instance.commit()
        canister.memory_version += 1
        state.touched.add(canister_id)


def _add_controller(state: ReplicaState, principal: bytes) -> None:
    """Let a principal use the proxy; there may be more of them than a canister of a user can have."""
    proxy = state.canisters.get(PROXY_ID)
    if proxy is None or proxy.is_controlled_by(principal):
        return
    proxy.settings = replace(proxy.settings, controllers=(*proxy.settings.controllers, principal))
    state.touched.add(PROXY_ID)


def _native(state: ReplicaState, canister_id: bytes) -> NativeInstance | None:
    canister = state.canisters.get(canister_id)
    return canister.instance if canister is not None and isinstance(canister.instance, NativeInstance) else None

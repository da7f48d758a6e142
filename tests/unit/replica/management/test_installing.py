"""Installing, upgrading and reinstalling: all or nothing."""

import hashlib

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Instance, InvalidModuleError, Module, Reply, Section
from tests.support.scripted_machine import Run, ScriptedMachine, answer, ignore
from tests.support.scripted_network import STRANGER, ScriptedNetwork

UPGRADE = Variant("upgrade")
PERSISTENT = {"enhanced-orthogonal-persistence": Section(public=False, content=b"")}


def upgrade(*, skip_pre_upgrade: bool = False, persistence: str | None = None) -> Variant:
    """Return an upgrade mode with options."""
    memory = None if persistence is None else Variant(persistence)
    return Variant("upgrade", {"skip_pre_upgrade": skip_pre_upgrade, "wasm_memory_persistence": memory})


def error_code(response: Response | None) -> str:
    """Return the error code of a reject."""
    assert isinstance(response, Rejection), response
    return response.error_code


def show(run: Run) -> None:
    """Reply with both memories."""
    run.reply(repr((sorted(run.memory), sorted(run.stable))).encode())


def write(name: str, *, trap: bool = False) -> object:
    """Make a function that leaves a mark in both memories."""

    def mark(run: Run) -> None:
        run.memory[name] = True
        run.stable[name] = True
        if trap:
            run.trap(name)

    return mark


def module(network: ScriptedNetwork, *marks: str, trapping: str = "", persistent: bool = False) -> bytes:
    """Define a module whose given entry points leave marks; one of them may trap."""
    exports = {f"canister_{name}": write(name, trap=name == trapping) for name in marks}
    return network.machine.module({**exports, "canister_query show": show}, metadata=PERSISTENT if persistent else None)  # type: ignore[dict-item]  # marks are functions


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def shown(network: ScriptedNetwork, canister: Principal) -> str:
    """Return the marks in main and in stable memory."""
    response = network.replica.query(canister.raw, "show", b"", STRANGER.raw)
    assert isinstance(response, Reply), response
    return response.data.decode()


def test_installing_runs_start_and_init(network: ScriptedNetwork) -> None:
    """Both leave their marks, and status and history know the module."""
    wasm = network.machine.module({"canister_init": write("init"), "canister_query show": show}, start=write("start"))  # type: ignore[dict-item, arg-type]  # marks are functions
    canister = network.deploy(wasm)
    assert shown(network, canister) == "(['init', 'start'], ['init', 'start'])"
    assert network.status(canister)["module_hash"] == hashlib.sha256(wasm).digest()
    assert network.canister(canister).history[-1].mode == "install"


def test_installing_twice_is_refused(network: ScriptedNetwork) -> None:
    """Mode install needs an empty canister, mode upgrade a full one."""
    canister = network.create()
    assert error_code(network.install(canister, module(network), mode=UPGRADE)) == "IC0537"
    assert isinstance(network.install(canister, module(network)), Reply)
    assert error_code(network.install(canister, module(network))) == "IC0514"


def test_bytes_that_are_no_module_are_refused(network: ScriptedNetwork) -> None:
    """The canister stays empty."""
    canister = network.create()
    assert error_code(network.install(canister, b"not a module")) == "IC0505"
    assert network.canister(canister).instance is None


def test_a_failing_init_leaves_the_canister_empty(network: ScriptedNetwork) -> None:
    """A trap in canister_init installs nothing."""
    canister = network.create()
    assert error_code(network.install(canister, module(network, "init", trapping="init"))) == "IC0503"
    assert network.status(canister)["module_hash"] is None


def test_an_upgrade_keeps_stable_memory(network: ScriptedNetwork) -> None:
    """Main memory starts anew; stable memory has what init and pre_upgrade wrote."""
    canister = network.deploy(module(network, "init", "pre_upgrade"))
    assert isinstance(network.install(canister, module(network, "post_upgrade"), mode=UPGRADE), Reply)
    assert shown(network, canister) == "(['post_upgrade'], ['init', 'post_upgrade', 'pre_upgrade'])"


def test_an_upgrade_may_keep_main_memory(network: ScriptedNetwork) -> None:
    """With `keep` the new code finds the old main memory, pre_upgrade's writes included."""
    canister = network.deploy(module(network, "init", "pre_upgrade", persistent=True))
    new = module(network, "post_upgrade", persistent=True)
    assert isinstance(network.install(canister, new, mode=upgrade(persistence="keep")), Reply)
    assert shown(network, canister).startswith("(['init', 'post_upgrade', 'pre_upgrade']")


@pytest.mark.parametrize(("old", "persistence"), [(True, None), (False, "keep")], ids=["dropped", "not-supported"])
def test_persistent_memory_is_not_lost_by_accident(network: ScriptedNetwork, old: bool, persistence: str | None) -> None:  # noqa: FBT001 # parametrized
    """Dropping a persistent memory must be said, and keeping one needs code that can."""
    canister = network.deploy(module(network, "init", persistent=old))
    assert error_code(network.install(canister, module(network), mode=upgrade(persistence=persistence))) == "IC0504"
    assert shown(network, canister) == "(['init'], ['init'])"


@pytest.mark.parametrize("trapping", ["pre_upgrade", "post_upgrade"])
def test_a_failed_upgrade_changes_nothing(network: ScriptedNetwork, trapping: str) -> None:
    """Old code, main memory and stable memory go on as they were before."""
    wasm = module(network, "init", "pre_upgrade", trapping=trapping)
    canister = network.deploy(wasm)
    version = network.canister(canister).version
    response = network.install(canister, module(network, "post_upgrade", trapping=trapping), mode=UPGRADE)
    assert error_code(response) == "IC0503"
    assert shown(network, canister) == "(['init'], ['init'])"
    assert network.canister(canister).wasm == wasm
    assert network.canister(canister).version == version


class UnfitMachine(ScriptedMachine):
    """Loads every module and can make instances of the first one only."""

    def instantiate(self, module: Module, *, previous: Instance | None = None, keep_memory: bool = False) -> Instance:
        """Refuse an upgrade as the machine does for a segment outside of the memory."""
        if previous is not None:
            raise InvalidModuleError("a data segment does not fit")
        return super().instantiate(module, previous=previous, keep_memory=keep_memory)


def test_a_module_that_cannot_be_instantiated_changes_nothing() -> None:
    """The reject says why, and what pre_upgrade wrote before is undone."""
    network = ScriptedNetwork(machine=UnfitMachine())
    canister = network.deploy(module(network, "init", "pre_upgrade"))
    response = network.install(canister, module(network, "post_upgrade"), mode=UPGRADE)
    assert error_code(response) == "IC0505"
    assert isinstance(response, Rejection)
    assert "does not fit" in response.message
    assert shown(network, canister) == "(['init'], ['init'])"


def test_pre_upgrade_can_be_skipped(network: ScriptedNetwork) -> None:
    """A canister whose pre_upgrade traps can still be upgraded."""
    canister = network.deploy(module(network, "init", "pre_upgrade", trapping="pre_upgrade"))
    assert isinstance(network.install(canister, module(network), mode=upgrade(skip_pre_upgrade=True)), Reply)
    assert shown(network, canister) == "([], ['init'])"


def test_reinstalling_starts_anew(network: ScriptedNetwork) -> None:
    """Both memories are gone, and init runs."""
    canister = network.deploy(module(network, "init", "pre_upgrade"))
    assert isinstance(network.install(canister, module(network), mode=Variant("reinstall")), Reply)
    assert shown(network, canister) == "([], [])"


def test_timers_end_with_the_code_and_certified_data_survives_upgrades(network: ScriptedNetwork) -> None:
    """An upgrade keeps certified data and drops the timer; a reinstall drops both."""

    def certify(run: Run) -> None:
        run.outcome.certified_data = b"certified"
        run.outcome.global_timer = 2**62

    canister = network.deploy(network.machine.module({"canister_init": certify}))
    record = network.canister(canister)
    assert (record.certified_data, record.global_timer) == (b"certified", 2**62)
    network.install(canister, network.machine.module({}), mode=UPGRADE)
    assert (record.certified_data, record.global_timer) == (b"certified", 0)
    network.install(canister, network.machine.module({}), mode=Variant("reinstall"))
    assert (record.certified_data, record.global_timer) == (b"", 0)


def test_code_can_be_installed_from_chunks(network: ScriptedNetwork) -> None:
    """Chunks in the right order with the right hash are a module."""
    wasm = network.machine.module({"canister_query show": answer(b"here")})
    canister = network.create()
    hashes = [network.managed("upload_chunk", {"canister_id": canister, "chunk": part}) for part in (wasm[:5], wasm[5:])]
    assert network.managed("stored_chunks", {"canister_id": canister}) == hashes
    argument = {"mode": Variant("install"), "target_canister": canister, "arg": b"", "wasm_module_hash": hashlib.sha256(wasm).digest()}
    assert error_code(network.manage("install_chunked_code", {**argument, "chunk_hashes_list": hashes[::-1]})) == "IC0504"
    assert error_code(network.manage("install_chunked_code", {**argument, "chunk_hashes_list": [{"hash": bytes(32)}]})) == "IC0504"
    network.managed("install_chunked_code", {**argument, "chunk_hashes_list": hashes})
    assert network.replica.query(canister.raw, "show", b"", b"\x04") == Reply(b"here")
    network.managed("clear_chunk_store", {"canister_id": canister})
    assert network.managed("stored_chunks", {"canister_id": canister}) == []


def test_chunks_have_limits(network: ScriptedNetwork) -> None:
    """A chunk has at most 1 MiB, a store at most its number of chunks; a known chunk takes no place."""
    canister = network.create()
    large = bytes(limits.MAX_CHUNK_BYTES + 1)
    assert error_code(network.manage("upload_chunk", {"canister_id": canister, "chunk": large})) == "IC0504"
    for number in range(limits.MAX_CHUNKS):
        network.managed("upload_chunk", {"canister_id": canister, "chunk": bytes([number])})
    network.managed("upload_chunk", {"canister_id": canister, "chunk": b"\x00"})
    assert error_code(network.manage("upload_chunk", {"canister_id": canister, "chunk": b"one more"})) == "IC0504"


def test_uninstalling_leaves_an_empty_canister(network: ScriptedNetwork) -> None:
    """Code, memory, certified data and logs are gone; cycles and controllers stay."""
    canister = network.deploy(
        network.machine.module({"canister_init": lambda run: run.outcome.logs.append(b"hello"), "canister_query q": ignore})
    )
    assert network.canister(canister).logs
    network.managed("uninstall_code", {"canister_id": canister})
    record = network.canister(canister)
    assert (record.instance, record.wasm, record.module_hash, list(record.logs)) == (None, None, None, [])
    assert record.cycles == limits.DEFAULT_PROVISIONAL_CYCLES

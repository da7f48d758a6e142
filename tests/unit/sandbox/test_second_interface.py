"""Plugins of icp:sync-plugin@0.2: what they are given, whom they may call, which sections they may read."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.request import (
    CanisterCallError,
    CanisterCallRequest,
    InlineFile,
    PluginResult,
    Preopen,
    SectionRequest,
)
from tests.support.components import CALL_RESULT, Guest
from tests.support.plugin_runs import request_for, run_now
from tests.support.second_plugins import (
    HOST,
    RESULT_TEXT,
    plugin_that_calls,
    plugin_that_calls_by_name,
    plugin_that_reads,
    plugin_that_tells,
)

both_ways = pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "plain"])


def run_reading(component: bytes, cache: Path, **options: Any) -> tuple[PluginResult, list[SectionRequest]]:
    """Run a plugin with a reader of sections that knows two of them."""
    wanted: list[SectionRequest] = []

    async def read(request: SectionRequest) -> bytes | None:
        wanted.append(request)
        await anyio.lowlevel.checkpoint()
        if request.name == "secret":
            raise CanisterCallError("metadata read failed: außer Betrieb")
        return {"candid:service": "service größe : {}".encode(), "empty": b""}.get(request.name)

    async def call(_request: CanisterCallRequest) -> bytes:
        await anyio.lowlevel.checkpoint()
        return b""

    async def main() -> PluginResult:
        return await run_plugin(request_for(component, cache, **options), call, lambda _line: None, read_section=read)

    return anyio.run(main), wanted


@both_ways
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param((0,), "rrkah-fqaaa-aaaaa-aaaaq-cai", id="canister"),
        pytest.param((8,), "prüfung", id="environment"),
        pytest.param((16,), "http://127.0.0.1:8000/", id="api"),
        pytest.param((28,), "http://localhost:8000/", id="gateway"),
        pytest.param((36, 0), "pages", id="key of a directory"),
        pytest.param((36, 8), "dist", id="directory"),
        pytest.param((44, 0), "motd", id="key of a file"),
        pytest.param((44, 8), "motd.txt", id="file"),
        pytest.param((44, 16), "Grüezi\n", id="content"),
        pytest.param((52, 0), "level", id="field"),
        pytest.param((52, 8), "1.5", id="value"),
        pytest.param((60,), "2vxsx-fae", id="identity"),
        pytest.param((72,), "aaaaa-aa", id="proxy"),
        pytest.param((80, 16), "backend", id="name of a canister"),
        pytest.param((80, 24), "ryjl3-tyaaa-aaaaa-aaaba-cai", id="id of a canister"),
    ],
)
def test_input(component_cache: Path, tmp_path: Path, path: tuple[int, ...], expected: str, wrap: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """Every part of the input is in its place."""
    result = run_now(
        plugin_that_tells(*path),
        component_cache,
        wrap=wrap,
        environment="prüfung",
        api_url="http://127.0.0.1:8000/",
        gateway_url="http://localhost:8000/",
        directories=(Preopen(guest="dist", host=tmp_path, key="pages"),),
        files=(InlineFile(name="motd.txt", content="Grüezi\n", key="motd"),),
        fields=(("level", "1.5"),),
        proxy_canister_id="aaaaa-aa",
        canister_ids=(("a", "aaaaa-aa"), ("backend", "ryjl3-tyaaa-aaaaa-aaaba-cai")),
    ).result

    assert (result.outcome, result.error, result.interface) == ("err", expected, "0.2.0")


@both_ways
def test_call_to_the_synced_canister(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A call to the host crosses with all its fields, its bytes unchanged, and the reply comes back."""
    argument = bytes(range(256)) * 300

    run = run_now(plugin_that_calls(HOST, "größe", argument), component_cache, wrap=wrap, answer=lambda _request: b"reply \x7f")

    assert run.calls == [CanisterCallRequest(method="größe", arg=argument, call_type="update", direct=True, cycles=7)]
    assert run.result.error == "reply \x7f"


@both_ways
def test_call_to_a_listed_canister(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A canister that the step lists is called by its name."""
    run = run_now(plugin_that_calls_by_name("läger"), component_cache, wrap=wrap, canisters=("backend", "läger"))

    assert [(call.target, call.method, call.arg) for call in run.calls] == [("läger", "m", b"arg")]


@both_ways
@pytest.mark.parametrize("name", ["frontend", "", "ryjl3-tyaaa-aaaaa-aaaba-cai", "Backend"])
def test_call_to_another_canister(component_cache: Path, name: str, wrap: bool) -> None:  # noqa: FBT001
    """A canister that the step does not list is not called, and the plugin is told what would allow it."""
    run = run_now(plugin_that_calls_by_name(name), component_cache, wrap=wrap, canisters=("backend",))

    assert run.calls == []
    assert run.result.error == (
        f"plugin is not permitted to call canister '{name}': declare it in the sync step's `canisters` list to allow it"
    )


@pytest.mark.parametrize(("size", "over"), [(4 << 20, None), ((4 << 20) + 5, 5)])
def test_large_arguments(component_cache: Path, size: int, over: int | None) -> None:
    """The bounds of an argument are those of 0.1, and so is the way across."""
    guest = Guest()
    flags = f"(i32.const 0) (i32.const 0) (i64.const 0) (i32.const {CALL_RESULT})"
    call = f"(call $canister-call {HOST} {guest.text('m')} (i32.const 65536) (i32.const {size}) {flags})"
    plugin = guest.plugin(call + RESULT_TEXT, second=True, version="0.2.0", pages=100)

    run = run_now(plugin, component_cache, answer=lambda request: b"%d" % len(request.arg))

    words = f"canister call failed: the argument of {size} bytes is {over} over the limit of {4 << 20}"
    assert run.result.error == (str(size) if over is None else words)


@both_ways
@pytest.mark.parametrize(("name", "expected"), [("candid:service", "service größe : {}"), ("empty", ""), ("other", "none")])
def test_sections(component_cache: Path, name: str, expected: str, wrap: bool) -> None:  # noqa: FBT001
    """A section that is there, one that is empty, and one that is not are told apart."""
    result, wanted = run_reading(plugin_that_reads(name), component_cache, wrap=wrap)

    assert (result.outcome, result.error, result.calls) == ("err", expected, 1)
    assert wanted == [SectionRequest(target=None, name=name, direct=True)]


def test_section_that_may_not_be_read(component_cache: Path) -> None:
    """A reason is the plugin's to handle; on the plain way, which cannot return one, it ends the plugin and is told."""
    fast, _ = run_reading(plugin_that_reads("secret"), component_cache)
    slow, _ = run_reading(plugin_that_reads("secret"), component_cache, wrap=False)

    assert (fast.outcome, fast.error) == ("err", "metadata read failed: außer Betrieb")
    assert slow.outcome == "trap"
    assert "metadata read failed: außer Betrieb" in f"{slow.error} {slow.detail}"


def test_section_of_another_canister(component_cache: Path) -> None:
    """Sections are read of listed canisters alone; without a network there is nothing to read."""
    listed, wanted = run_reading(plugin_that_reads("empty", "backend"), component_cache, canisters=("backend",))
    other, unwanted = run_reading(plugin_that_reads("empty", "frontend"), component_cache, canisters=("backend",))
    alone = run_now(plugin_that_reads("empty"), component_cache)

    assert (listed.error, wanted[0].target) == ("", "backend")
    assert other.error is not None
    assert other.error.startswith("plugin is not permitted to call canister 'frontend'")
    assert unwanted == []
    assert alone.result.error == "metadata read failed: there is no network here"

"""The example's plugin by itself, with a canister that the test plays."""

from pathlib import Path

import pytest

from orchestrator.candid import encode, types
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, Preopen
from tests.support.plugin_runs import Run, run_now
from tests.support.workspace import ROOT

LONG = "ü" * 3000


def seed(component_cache: Path, directory: Path, *, refusal: str | None = None) -> Run:
    """Run the plugin over a directory, with a canister that knows no phrase and takes all, or refuses all."""

    def answer(request: CanisterCallRequest) -> bytes:
        if refusal is not None:
            raise CanisterCallError(refusal)
        return encode([types.Opt(types.TEXT)], [None]) if request.method == "get" else encode([], [])

    component = (ROOT / "examples" / "hello" / "plugin" / "seed.wasm").read_bytes()
    return run_now(component, component_cache, answer=answer, directories=(Preopen(guest="seed", host=directory),))


def test_long_phrases_are_lines_like_others(component_cache: Path, tmp_path: Path) -> None:
    """Each phrase is one whole line, however long; none runs into the next."""
    (tmp_path / "a.txt").write_text(LONG, encoding="utf-8")
    (tmp_path / "b.txt").write_text("short\n", encoding="utf-8")

    run = seed(component_cache, tmp_path)

    assert run.result.outcome == "ok"
    assert run.result.stdout == (f"a: {LONG}", "b: short")
    assert run.result.stderr == ("2 phrases sent, 0 unchanged",)


@pytest.mark.parametrize("text", [LONG, "x" + LONG], ids=["even", "odd"])
def test_a_long_refusal_is_passed_on_whole(component_cache: Path, tmp_path: Path, text: str) -> None:
    """What the canister says becomes the plugin's error, not cut and least of all within a character."""
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")

    result = seed(component_cache, tmp_path, refusal=text).result

    assert (result.outcome, result.error) == ("err", text)

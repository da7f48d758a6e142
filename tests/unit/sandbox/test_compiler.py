"""The compiler's own look at components, whatever the tool has seen in them before."""

from pathlib import Path

import pytest

from orchestrator.sandbox.compiler import compile_component
from orchestrator.sandbox.frames import Compile, Compiled, Refused
from orchestrator.sandbox.signature import MAX_SIGNATURE_CHARACTERS
from tests.support.components import OK, Guest, assemble

PRIVATE = ("orchestrator-call", "orchestrator-call-batch", "orchestrator-section", "orchestrator-targeted-call")


def order(component: bytes, cache: Path, *, wrap: bool = True) -> Compile:
    """Order a component."""
    return Compile(component=component, directory=str(cache), stem="s", wrap=wrap)


@pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "plain"])
@pytest.mark.parametrize("version", ["0.1", "0.2"])
@pytest.mark.parametrize("name", PRIVATE)
def test_a_plugin_cannot_name_a_function_of_the_wrapping_component(tmp_path: Path, version: str, name: str, wrap: bool) -> None:  # noqa: FBT001
    """What stands between a plugin and the host checks lengths: a plugin never gets hold of what stands behind it, of any version."""
    plugin = Guest().plugin(
        OK, version=f"{version}.0", second=version == "0.2", extra_imports=f'(import "{name}" (func (param "m" string) (result string)))'
    )

    answer = compile_component(order(plugin, tmp_path, wrap=wrap))

    assert isinstance(answer, Refused)
    assert answer.slug == "plugin/unknown-import"
    assert f"`{name}`" in answer.summary


@pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "plain"])
def test_a_plugin_is_compiled(tmp_path: Path, wrap: bool) -> None:  # noqa: FBT001
    """A plugin that imports what is offered is compiled, and the answer tells how."""
    answer = compile_component(order(Guest().plugin(OK), tmp_path, wrap=wrap))

    assert isinstance(answer, Compiled)
    assert answer.wrapped == wrap


def test_a_type_whose_text_has_a_gigabyte(tmp_path: Path) -> None:
    """A small component can declare a type that is huge when it is written out: it is refused, and told as far as one reads it."""
    doubled = " ".join(f"(type $t{number} (tuple $t{number - 1} $t{number - 1}))" for number in range(1, 14))
    plugin = assemble(f"""(component (import "icp:sync-plugin/types@0.1.0" (instance))
      (type $long (enum "{"n" * 50_000}")) (import "long" (type $t0 (eq $long))) {doubled}
      (import "canister-call" (func (param "x" $t13)))
      (core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m))
      (alias core export $i "f" (core func $f)) (func (export "exec") (result u32) (canon lift (core func $f))))""")

    answer = compile_component(order(plugin, tmp_path))

    assert isinstance(answer, Refused)
    assert answer.slug == "plugin/interface-type"
    assert "func(tuple<tuple<" in answer.detail
    assert len(answer.detail) < 3 * MAX_SIGNATURE_CHARACTERS

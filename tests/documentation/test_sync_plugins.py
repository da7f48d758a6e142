"""What the page on sync plugins promises of the sandbox is tried: each row of its tables has a test that tries to break it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "sync-plugins.md"
HOSTILE = "tests/hostile/test_plugin_"
UNIT = "tests/unit/sandbox/test_"
TRIED_BY = {
    "file-read": (f"{HOSTILE}files.py", "test_what_reading_allows"),
    "file-none": (f"{HOSTILE}isolation.py", "test_nothing_declared_is_nothing_open"),
    "file-write": (f"{HOSTILE}files.py", "test_every_change_is_refused"),
    "file-create": (f"{HOSTILE}files.py", "test_every_change_is_refused"),
    "file-delete": (f"{HOSTILE}files.py", "test_every_change_is_refused"),
    "file-link": (f"{HOSTILE}files.py", "test_every_change_is_refused"),
    "file-times": (f"{HOSTILE}files.py", "test_every_change_is_refused"),
    "file-mutate": (f"{HOSTILE}files.py", "test_a_folder_opened_for_changes_allows_none"),
    "file-dotdot": (f"{HOSTILE}files.py", "test_paths_that_lead_nowhere"),
    "file-absolute": (f"{HOSTILE}isolation.py", "test_nothing_else_can"),
    "file-symlink-out": (f"{HOSTILE}isolation.py", "test_nothing_else_can"),
    "file-symlink-swapped": (f"{HOSTILE}files.py", "test_links_that_appear_while_a_path_is_resolved"),
    "file-symlink-loop": (f"{HOSTILE}files.py", "test_paths_that_lead_nowhere"),
    "file-symlink-declared": (f"{UNIT}declared.py", "test_symlinks"),
    "file-swapped": (f"{UNIT}host.py", "test_directory_that_was_swapped"),
    "file-hard-link": (f"{HOSTILE}files.py", "test_a_hard_link_is_an_ordinary_file"),
    "file-long": (f"{HOSTILE}files.py", "test_paths_that_lead_nowhere"),
    "file-fifo": (f"{HOSTILE}files.py", "test_a_named_pipe_keeps_no_one_but_the_plugin_waiting"),
    "file-device": (f"{HOSTILE}files.py", "test_devices"),
    "file-socket": (f"{HOSTILE}files.py", "test_sockets_in_the_tree"),
    "file-deep": (f"{HOSTILE}files.py", "test_a_deep_tree"),
    "file-many": (f"{HOSTILE}files.py", "test_a_hundred_thousand_entries"),
    "file-descriptors": (f"{HOSTILE}files.py", "test_many_open_files"),
    "net-tcp": (f"{HOSTILE}network.py", "test_no_socket_comes_into_being"),
    "net-udp": (f"{HOSTILE}network.py", "test_no_socket_comes_into_being"),
    "net-forged": (f"{HOSTILE}network.py", "test_a_made_up_socket"),
    "net-dns": (f"{HOSTILE}network.py", "test_no_socket_comes_into_being"),
    "net-http": (f"{HOSTILE}network.py", "test_other_ways_to_a_network"),
    "environment": (f"{HOSTILE}isolation.py", "test_no_environment_and_no_arguments"),
    "arguments": (f"{HOSTILE}isolation.py", "test_no_environment_and_no_arguments"),
    "stdin": (f"{HOSTILE}isolation.py", "test_no_input"),
    "terminal": (f"{HOSTILE}isolation.py", "test_no_terminal"),
    "exit": (f"{HOSTILE}isolation.py", "test_exit_is_a_trap"),
    "clock": (f"{HOSTILE}isolation.py", "test_clocks_go_on"),
    "random": (f"{HOSTILE}isolation.py", "test_many_random_bytes"),
    "import": (f"{HOSTILE}refused.py", "test_refused"),
    "call-own": (f"{UNIT}host.py", "test_call_arrives_as_made"),
    "call-other": (f"{HOSTILE}workers.py", "test_a_worker_that_asks_for_other_canisters"),
    "call-identity": (f"{HOSTILE}isolation.py", "test_secrets_are_not_in_the_worker"),
    "call-arguments": (f"{UNIT}host.py", "test_oversize_calls"),
    "call-replies": (f"{UNIT}host.py", "test_largest_call_and_reply"),
    "call-method": (f"{HOSTILE}calls.py", "test_odd_method_names"),
    "call-cycles": ("tests/unit/engine/test_sync_plugin.py", "test_cycles_are_bounded"),
    "call-flood": (f"{HOSTILE}limits.py", "test_endless_calls"),
    "compute": (f"{HOSTILE}limits.py", "test_endless_loop_while_instantiating"),
    "files-open": (f"{HOSTILE}waits.py", "test_a_plugin_that_has_all_files_open_and_computes"),
    "sleep": (f"{HOSTILE}limits.py", "test_sleeping_plugin"),
    "memory": (f"{HOSTILE}limits.py", "test_memory_in_parts"),
    "tables": (f"{HOSTILE}limits.py", "test_memory_in_parts"),
    "stack": (f"{HOSTILE}limits.py", "test_endless_recursion"),
    "output": (f"{HOSTILE}limits.py", "test_flood_of_output"),
    "error-text": (f"{HOSTILE}limits.py", "test_huge_error_text"),
    "control-characters": ("tests/unit/ui/test_sentences.py", "test_output_of_strangers_cannot_act_on_the_terminal"),
    "bad-text": (f"{HOSTILE}calls.py", "test_memory_that_is_not_there"),
    "compile": (f"{HOSTILE}load.py", "test_a_plugin_that_takes_all_memory_to_compile"),
    "worker-environment": (f"{HOSTILE}isolation.py", "test_secrets_are_not_in_the_worker"),
    "worker-directory": (f"{HOSTILE}isolation.py", "test_secrets_are_not_in_the_worker"),
    "worker-descriptors": (f"{HOSTILE}isolation.py", "test_secrets_are_not_in_the_worker"),
    "worker-cancel": (f"{HOSTILE}workers.py", "test_a_worker_that_starts_processes"),
    "worker-files": (f"{UNIT}confinement.py", "test_files"),
    "worker-calls": (f"{UNIT}confinement.py", "test_calls"),
    "worker-orphan": (f"{HOSTILE}ends.py", "test_the_tool_dies"),
    "worker-death": (f"{HOSTILE}workers.py", "test_a_worker_that_dies_in_the_middle_of_a_frame"),
    "worker-frames": (f"{UNIT}host.py", "test_worker_that_misbehaves"),
    "worker-flood": (f"{HOSTILE}workers.py", "test_a_worker_that_fills_its_stderr"),
    "worker-cores": (f"{UNIT}confinement.py", "test_resource_limits"),
    "worker-parallel": (f"{HOSTILE}load.py", "test_fifty_hostile_plugins_at_once"),
    "worker-leaks": (f"{HOSTILE}leaks.py", "test_many_runs_leave_nothing_behind"),
}
_ROW = re.compile(r"^\| ([a-z]+(?:-[a-z]+)*) \| .+ \|$", re.MULTILINE)


def rows() -> list[str]:
    """Return the names of the rows of the sandbox's tables."""
    text = PAGE.read_text(encoding="utf-8")
    sandbox = text[text.index("\n## The sandbox\n") :]
    end = re.search(r"\n## (?!The sandbox)", sandbox)
    return [name for name in _ROW.findall(sandbox[: end.start() if end else None]) if name != "row"]


@pytest.mark.parametrize("row", rows())
def test_each_row_is_tried(row: str) -> None:
    """A row names what a test tries: the test exists, under that name."""
    path, name = TRIED_BY[row]
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))

    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_rows_have_names_of_their_own() -> None:
    """No row is named twice, and no test stands for a row that the page does not have."""
    found = rows()

    assert sorted(found) == sorted(set(found))
    assert set(TRIED_BY) == set(found)

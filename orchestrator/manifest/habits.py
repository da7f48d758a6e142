"""What people write when they mean something else: hints for mistakes that come from other tools and other lists."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from orchestrator.documents import MappingNode, Node, ScalarNode, describe
from orchestrator.manifest.problems import Problems, did_you_mean, listed

__all__ = ["hint_for_key", "hint_for_list", "hint_for_map", "hint_for_null", "hint_for_place", "note_other_format", "words_for"]

_SETTINGS: Final = "`settings:` of a canister"
_STEP: Final = "a step, which is an item of `build: steps:` or `sync: steps:`"
_HOMES: Final = {
    **dict.fromkeys(
        (
            *("compute_allocation", "controllers", "controllers_exact", "environment_variables", "freezing_threshold", "log_memory_limit"),
            *("log_visibility", "memory_allocation", "reserved_cycles_limit", "snapshot_visibility", "status_visibility"),
            *("wasm_memory_limit", "wasm_memory_threshold"),
        ),
        _SETTINGS,
    ),
    **dict.fromkeys(("command", "commands", "dirs", "files"), _STEP),
    **dict.fromkeys(("timeout", "compute", "memory", "max_cycles", "fields"), "a plugin step, which is an item of `sync: steps:`"),
    **dict.fromkeys(("labels", "health"), "a canister"),
    **dict.fromkeys(("approvers", "identity", "settings_merge"), "an environment"),
    "run": "an item of `sync: steps:`",
    "inputs": "an item of `build: steps:`",
    "launcher": "a managed network",
    "steps": "`build:` or `sync:` of a canister",
    "type": f"`recipe:`, or in {_STEP}",
    "configuration": "`recipe:` of a canister",
    "settings": "a canister, or in an environment",
    "build": "a canister",
    "sync": "a canister",
    "recipe": "a canister",
    "depends_on": "a canister",
    "init_args": "a canister, or in an environment",
    "upgrade_args": "a canister, or in an environment",
    "rollout": "an environment",
    "protected": "an environment",
    "network": "an environment",
    "root-key": "a network",
    "mode": "a network",
    "gateway": "a network",
}
"""Where keys belong that were found elsewhere."""
_MARKS: Final = ("networks", "configuration", "http-gateway-url")
"""Keys that tell where one is: in icp.yaml, in a recipe, in a connected network."""
_SPECIAL: Final = {
    ("version", "networks"): "a manifest has no version: remove the line",
    ("name", "configuration"): "write `type:` instead of `name:`",
    ("gateway", "http-gateway-url"): "a managed network has a `gateway`; the address of this one's is `http-gateway-url:`",
}
_RECIPE_KEYS: Final = frozenset({"package", "candid", "main", "source", "metadata", "shrink", "crate"})
"""What dfx.json has in a canister, and what recipes take as configuration."""
_MAP_HINTS: Final = {
    "environment_variables": "write `NAME: VALUE` on a line for each, without `- ` and `=`",
    "settings": "write keys and values on lines below `settings:`, indented",
    "configuration": "write keys and values on lines below `configuration:`, indented",
}
_ITEMS_SHOWN: Final = 10


def hint_for_key(key: str, known: Iterable[str]) -> str:
    """Return what helps with a key that nobody knows here: its right spelling, its right place, or the keys there are."""
    names = tuple(known)
    if key == "<<":
        return "merge keys are not supported: write the keys of the other map here, or use a recipe for what repeats"
    guess = _SPECIAL.get((key, next((name for name in _MARKS if name in names), ""))) or did_you_mean(key, names, cutoff=0.8)
    if guess is not None:
        return guess
    home = _HOMES.get(key)
    if home is not None:
        return f"`{key}` belongs in {home}; check the indentation"
    if key in _RECIPE_KEYS and "recipe" in names:
        return f"if a recipe takes it, write it into its configuration: `recipe: {{ type: NAME, configuration: {{ {key}: … }} }}`"
    return (
        did_you_mean(key, names)
        or f"the {'keys' if len(names) > 1 else 'key'} here {'are' if len(names) > 1 else 'is'} {listed(sorted(names))}"
    )


def hint_for_list(node: Node, *, key: str = "name") -> str | None:
    """Return how a value is made the list that is wanted; entries of the list have `key`."""
    if isinstance(node, ScalarNode):
        return f"write it as a list: `[{node.text}]`, or `- {node.text}` on a line of its own"
    if not isinstance(node, MappingNode):
        return None
    if not node.entries:
        return "write `[]` for none"
    first = node.entries[0]
    if key == "type" and node.span.text[node.span.column - 1 : node.span.column] == "{":
        return "put `[` in front of the `{` and `]` behind the `}`"
    if key == "path" and isinstance(first.value, ScalarNode) and node.entry("name") is None:
        return f"write:\n- name: {first.name}\n  path: {first.value.text}"
    if key == "name" and node.entry("name") is None and all(isinstance(entry.value, MappingNode) for entry in node.entries):
        return f"write `- name: {first.name}` instead of `{first.name}:`, and put the keys below it under `name`"
    return f"put `- ` in front of `{first.name}:`, and indent the lines below it by two more spaces"


def hint_for_map(node: Node, what: str) -> str | None:
    """Return how a value is made the map that is wanted; `what` is its key in backticks."""
    key = what.strip("`")
    text = node.text if isinstance(node, ScalarNode) and isinstance(node.value, str) else ""
    if key in {"build", "sync", "a build step", "a sync step"}:
        return _hint_for_command(key, text)
    if key == "recipe" and text:
        quoted = text if text[0] not in "@./" else f'"{text}"'
        return f"write:\nrecipe:\n  type: {quoted}"
    if key == "labels":
        return f"write a name and a text, such as `labels: {{ NAME: {text or 'edge'} }}`"
    return _MAP_HINTS.get(key)


def _hint_for_command(key: str, text: str) -> str | None:
    """Return how a command becomes a step; `key` is where it stands."""
    command = text if text and "\n" not in text else "make"
    if key in {"build", "sync"}:
        return f"write:\n{key}:\n  steps:\n    - type: script\n      command: {command}"
    return f"write:\n- type: script\n  command: {command}" if text else None


def hint_for_place(text: str, kind: str, directory: Path) -> str | None:
    """Return what helps with the path of a canister's folder, or of a file, where there is none."""
    if text.startswith("~"):
        return "`~` means a home directory to shells only: write the path from the folder of this file"
    try:
        inner = sorted(path.parent.name for path in (directory / text).glob("*/canister.yaml")) if kind == "canister" else []
    except (OSError, ValueError, NotImplementedError):
        inner = []
    return f"write `{text.rstrip('/')}/*` for the canisters in that folder ({', '.join(inner[:_ITEMS_SHOWN])})" if inner else None


def note_other_format(mapping: MappingNode, name: str, problems: Problems) -> bool:
    """Note that a file was written for another tool, if it was: then nothing else about it is worth saying."""
    canisters = mapping.get("canisters")
    if isinstance(canisters, MappingNode) and _is_dfx(mapping, canisters):
        first = canisters.entries[0].name if canisters.entries else "backend"
        problems.error(
            "other-format",
            f"`{name}` is written like a dfx.json",
            mapping.entries[0].key.span,
            detail="here canisters are a list, and a recipe or build steps say how each is made",
            hint=f"write, for each canister:\ncanisters:\n  - name: {first}\n    recipe:\n      type: {_recipe_of(canisters)}",
        )
        return True
    if mapping.entries and all(_is_ids(entry.value) for entry in mapping.entries):
        problems.error(
            "other-format",
            f"`{name}` holds ids of canisters, as canister_ids.json of dfx does",
            mapping.entries[0].key.span,
            detail="here ids are in .icp/data/mappings/ENVIRONMENT.ids.json, as a map of name to id",
            hint="write the ids there, and what the canisters are made of here: `canisters:`",
        )
        return True
    return False


def _is_dfx(mapping: MappingNode, canisters: MappingNode) -> bool:
    words = {"dfx", "defaults", "output_env_file"}
    typed = any(isinstance(entry.value, MappingNode) and entry.value.get("type") is not None for entry in canisters.entries)
    return typed or any(mapping.entry(word) is not None for word in words)


def _recipe_of(canisters: MappingNode) -> str:
    """Return the recipe that makes what dfx makes of the first canister."""
    first = canisters.entries[0].value if canisters.entries else None
    kind = first.get("type") if isinstance(first, MappingNode) else None
    names = {"motoko": "motoko", "rust": "rust", "assets": "asset-canister", "custom": "prebuilt"}
    return names.get(kind.text, "NAME") if isinstance(kind, ScalarNode) else "NAME"


def _is_ids(node: Node) -> bool:
    """Tell whether a value maps networks to principals."""
    from orchestrator.core.principal import is_principal

    return (
        isinstance(node, MappingNode)
        and bool(node.entries)
        and all(isinstance(entry.value, ScalarNode) and is_principal(entry.value.text) for entry in node.entries)
    )


def hint_for_null(what: str) -> str:
    """Return how nothing is written where a text is wanted."""
    return f'write `""` if {what} is to be empty'


def words_for(node: Node) -> str:
    """Return what a node is, without its value, which may be a secret."""
    if not isinstance(node, ScalarNode):
        return describe(node)
    match node.value:
        case None:
            return "nothing"
        case bool():
            return "a yes-or-no value"
        case int() | float():
            return "a number"
        case _:
            return "text"

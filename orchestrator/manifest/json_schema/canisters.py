"""The schema of canisters: their steps, settings, arguments, recipe and health checks."""

from collections.abc import Mapping

from orchestrator.manifest.json_schema import terms
from orchestrator.manifest.json_schema.terms import CYCLES, DURATION, MEMORY, OWN, Schema

__all__ = ["CANISTER_NAME", "canister", "canister_definitions"]

CANISTER_NAME = "^[A-Za-z0-9_-]+$"
_NAME_OR_KEY = "^(.+:)?[A-Za-z0-9_-]+$"
_URL = "^[hH][tT][tT][pP][sS]?://"
_SCALAR = ["string", "number", "boolean"]


def canister(*, complete: bool = True) -> Schema:
    """Return the schema of a canister; an entry of orchestrator.yaml need not be `complete`."""
    name = "The canister's name, unique in the project."
    if not complete:
        name += " A canister of a dependency has a key, such as `../lib:core`."
    properties: dict[str, Schema] = {
        "name": terms.text(name, pattern=CANISTER_NAME if complete else _NAME_OR_KEY, examples=["backend"]),
        "build": terms.reference("build"),
        "recipe": terms.reference("recipe"),
        "sync": terms.reference("sync"),
        "settings": terms.reference("settings"),
        "init_args": terms.reference("arguments", "For the first install, and for upgrades when there are no `upgrade_args`."),
        "upgrade_args": terms.reference("arguments", "For upgrades."),
        "depends_on": terms.items(
            f"Canisters that are installed and synced before this one; all are created first. {OWN}", terms.text("The name of a canister.")
        ),
        "labels": terms.entries(f"Texts by which canisters are selected. {OWN}", {"type": _SCALAR}, propertyNames={"pattern": "^[^=]+$"}),
        "health": terms.items(f"What the canister must answer, hold or be to be well. {OWN}", terms.reference("healthCheck")),
    }
    alone: Schema = {"properties": {"recipe": False}, "errorMessage": "Write `build` or `recipe`, not both."}
    rules: Schema = {"allOf": [{"if": {"required": ["build"]}, "then": alone}]}
    if complete:
        rules["anyOf"] = [{"required": ["build"]}, {"required": ["recipe"]}]
    what = "A canister: either `build` or `recipe` says how its module is made."
    return terms.mapping(
        what, properties, required=["name"], filled=["build", "recipe", "init_args", "upgrade_args"], closed=True, rules=rules
    )


def canister_definitions(*, complete: bool = True) -> dict[str, Schema]:
    """Return what canisters refer to; steps of orchestrator.yaml need not be `complete`."""
    return {
        **({} if complete else {"addition": _addition()}),
        "build": _steps(
            "How the module is made: steps that run one after another.",
            {"script": "buildScript", "pre-built": "prebuilt"},
            complete=complete,
            least={"minItems": 1},
        ),
        "sync": _steps(
            "What runs after each deployment; with a recipe, after the recipe's steps.",
            {"script": "syncScript", "plugin": "plugin"},
            complete=complete,
        ),
        "buildScript": _script("Shell commands that make the module.", {"inputs": _inputs()}),
        "syncScript": _script("Shell commands that run after each deployment.", {"run": _run()}),
        "prebuilt": _prebuilt(),
        "plugin": _plugin(),
        "settings": _settings(),
        "arguments": _arguments(),
        "recipe": _recipe(),
        "healthCheck": _health_check(),
    }


def _steps(description: str, kinds: Mapping[str, str], *, complete: bool, least: Schema | None = None) -> Schema:
    """Return the schema of a list of steps; `kinds` are the words for `type`, and the definition that each stands for."""
    step: Schema = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": terms.choice("What the step does.", list(kinds))},
        "allOf": [{"if": _is_kind(word), "then": terms.reference(definition)} for word, definition in kinds.items()],
    }
    if not complete:
        step = {"if": {"required": ["type"]}, "then": step, "else": terms.reference("addition")}
    steps = terms.items("The steps, in the order in which they run.", step, **(least or {}))
    return terms.mapping(description, {"steps": steps if least else terms.nullable(steps)}, required=["steps"], closed=False)


def _is_kind(word: str) -> Schema:
    return {"required": ["type"], "properties": {"type": {"const": word}}}


def _addition() -> Schema:
    """Return the schema of an item of orchestrator.yaml that adds keys to a step of icp.yaml."""
    properties = {"inputs": _inputs(), **_plugin_keys()}
    what = "Adds keys to the step of its `name`, else to the one at its own position. `{}` adds nothing."
    return terms.mapping(what, properties, required=[], closed=False, rules={"not": {"required": ["type"]}})


def _script(description: str, own: dict[str, Schema]) -> Schema:
    properties: dict[str, Schema] = {
        "type": {"const": "script", "description": "Runs shell commands."},
        "command": terms.text("A command, run with `sh -c` in the canister's folder.", examples=["make"]),
        "commands": terms.items("Several commands, until one fails; `command` wins where both are given.", terms.text("A command.")),
        **own,
    }
    either = [_has("command"), _has("commands")]
    return terms.mapping(description, properties, required=["type"], closed=False, rules={"anyOf": either})


def _has(key: str) -> Schema:
    """Require a key with a value."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _has_url() -> Schema:
    """Require a URL; where there is a path, nobody looks at it."""
    return {"required": ["url"], "properties": {"url": {"type": "string", "pattern": _URL}}}


def _inputs() -> Schema:
    item = terms.text("A pattern of files, from the canister's folder.", pattern=r"^(?!/).*\S", examples=["src/**/*.rs"])
    return terms.items(f"Files that the step reads: the step is skipped while they are unchanged. {OWN}", item)


def _run() -> Schema:
    what = f"`changed`: deploy skips the step while nothing it depends on has changed since its last success. {OWN}"
    return terms.choice(what, ["always", "changed"], default="always")


def _location(noun: str) -> dict[str, Schema]:
    return {
        "path": terms.text(f"The {noun}, a file from the canister's folder; wins over `url`.", examples=[f"{noun}.wasm"]),
        "url": terms.text(f"The {noun}, downloaded.", examples=[f"https://example.org/{noun}.wasm"]),
        "sha256": terms.sha256(noun),
    }


def _prebuilt() -> Schema:
    kind: Schema = {"const": "pre-built", "description": "Takes a module that exists, gzipped or not."}
    properties: dict[str, Schema] = {"type": kind, **_location("module"), "inputs": _inputs()}
    return terms.mapping("A module that exists.", properties, required=["type"], closed=False, rules={"anyOf": [_has("path"), _has_url()]})


def _plugin() -> Schema:
    kind: Schema = {"const": "plugin", "description": "Runs a sync plugin in a sandbox."}
    properties = {"type": kind, **_plugin_keys()}
    pinned: Schema = {"anyOf": [_has("path"), {"allOf": [_has_url(), _has("sha256")]}]}
    return terms.mapping("A sync plugin; one from a `url` needs its `sha256`.", properties, required=["type"], closed=False, rules=pinned)


def _plugin_keys() -> dict[str, Schema]:
    path = terms.text("A path from the canister's folder.")
    named = terms.entries("Names and their paths, for plugins of icp:sync-plugin@0.2.", {"anyOf": [path, {"type": "array", "items": path}]})
    return {
        **_location("plugin"),
        "dirs": terms.one_of("Folders that the plugin may read, under these names.", {"type": "array", "items": path}, named),
        "files": terms.one_of("Files that the plugin is handed as text.", {"type": "array", "items": path}, named),
        "fields": terms.entries("Values for the plugin; it gets them as text.", {"type": _SCALAR}),
        "canisters": terms.items("Other canisters that a plugin of 0.2 may call.", terms.text("The name of a canister.")),
        "name": terms.text(f"The step's name in progress, journal and errors. {OWN}"),
        "proxy": terms.text(
            f"Where update calls go: a canister, a principal, `none`, or `default` (`--proxy`, else the environment's). {OWN}",
            default="default",
        ),
        "timeout": terms.amount(f"How long the whole step may take, calls included. {OWN}", DURATION, "5m", minimum=1),
        "compute": terms.amount(f"How long the plugin itself may compute. {OWN}", DURATION, "90s", default="60s", minimum=1),
        "memory": terms.amount(f"For all its linear memories together. {OWN}", MEMORY, "512mib", default="1gib", minimum=1),
        "max_cycles": terms.amount(f"Cycles that all its calls together may attach. {OWN}", CYCLES, "1t"),
        "run": _run(),
    }


def _settings() -> Schema:
    properties: dict[str, Schema] = {
        "controllers": terms.items(
            "Principals and canisters that become controllers, beside those that are there.",
            terms.text("A principal, or the name of a canister."),
        ),
        "controllers_exact": terms.flag(f"Controllers that `controllers` does not list are removed. {OWN}", default=None),
        "compute_allocation": terms.integer("Percent of a core that is reserved, from 0 to 100."),
        "memory_allocation": terms.amount("Memory that is reserved.", MEMORY, "1gib"),
        "freezing_threshold": terms.amount("How long the cycles must last before the canister freezes.", DURATION, "30d"),
        "reserved_cycles_limit": terms.amount("How many cycles may be set aside for storage.", CYCLES, "1.5t"),
        "wasm_memory_limit": terms.amount("The most that the Wasm memory may grow to.", MEMORY, "3gib"),
        "wasm_memory_threshold": terms.amount("What is left when the low-memory hook runs.", MEMORY, "256mib"),
        "log_memory_limit": terms.amount("Memory for logs.", MEMORY, "64kib"),
        "log_visibility": _visibility("Who may read the logs."),
        "snapshot_visibility": _visibility("Who may read snapshots."),
        "status_visibility": _visibility("Who may read the status."),
        "environment_variables": terms.entries("What the canister reads at run time.", _variable()),
    }
    return terms.mapping("What the network is told about the canister; what is left out stays as it is.", properties, closed=False)


def _visibility(description: str) -> Schema:
    viewers = terms.items("Principals.", terms.text("A principal.", pattern="^[A-Za-z0-9-]+$"))
    listed = terms.mapping("Those who are listed.", {"allowed_viewers": terms.nullable(viewers)}, required=["allowed_viewers"], closed=True)
    return terms.one_of(description, terms.choice("Controllers, or everybody.", ["controllers", "public"]), listed)


def _variable() -> Schema:
    file = terms.mapping(
        "The trimmed text of a file.", {"path": terms.text("From the canister's folder.")}, required=["path"], closed=False
    )
    return terms.one_of(
        "A text, or a file that holds it.",
        terms.text(
            "The value.",
        ),
        file,
    )


def _arguments() -> Schema:
    file = terms.mapping(
        "A file with arguments.",
        {
            "path": terms.text("From the canister's folder."),
            "format": terms.choice("What the file holds.", ["candid", "hex", "bin"], default="candid"),
        },
        required=["path"],
        filled=["format"],
        closed=False,
    )
    value = terms.mapping(
        "Arguments, written here.",
        {
            "value": terms.text("Candid text, or encoded arguments in hex."),
            "format": terms.choice("What the value is.", ["candid", "hex"], default="candid"),
        },
        required=["value"],
        filled=["format"],
        closed=False,
        rules={"not": _has("path")},
    )
    return terms.one_of("Install arguments.", terms.text("Candid text.", examples=["(42)"]), file, value)


def _recipe() -> Schema:
    properties: dict[str, Schema] = {
        "type": terms.text(
            "A bundled recipe's name, the path of a template, a URL, or `@registry/name@version`.",
            examples=["rust", "motoko", "prebuilt", "./recipes/backend.hbs", "@dfinity/rust@v3.2.0"],
        ),
        "sha256": terms.sha256("template"),
        "configuration": {"type": "object", "description": "What the recipe is given; `orchestrator recipe show` tells what it takes."},
    }
    return terms.mapping("Where the build and sync steps come from.", properties, required=["type"], closed=False)


def _health_check() -> Schema:
    query: dict[str, Schema] = {
        "method": terms.text("The name of a query method.", minLength=1),
        "args": terms.text("Candid text.", default="()"),
        "expect": terms.text("The answer, as Candid text."),
    }
    http: dict[str, Schema] = {
        "path": terms.text("From the canister's address.", pattern="^/", default="/"),
        "status": terms.integer("The status of the answer.", minimum=100, maximum=599, default=200),
        "contains": terms.text("A text that the answer must have."),
    }
    cycles = {"at_least": terms.amount("What the canister must hold.", CYCLES, "1t")}
    properties: dict[str, Schema] = {
        "query": terms.mapping("What a query must answer.", query, required=["method"], closed=True),
        "http": terms.mapping("What a request must be answered with.", http, closed=True),
        "cycles": terms.mapping("What the canister must hold.", cycles, required=["at_least"], closed=True),
        "status": {"const": "running", "description": "The canister must be running."},
        "no_traps": {"const": True, "description": "The canister must not have trapped."},
    }
    filled = [name for name in properties if name != "http"]
    return terms.mapping("One check.", properties, filled=filled, closed=True, rules={"minProperties": 1, "maxProperties": 1})

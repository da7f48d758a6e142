"""The schema of networks."""

from typing import get_args

from orchestrator.core.networks import SubnetKind
from orchestrator.manifest.json_schema import terms
from orchestrator.manifest.json_schema.terms import OWN, URL, Schema
from orchestrator.manifest.managed import MAX_PORT, WRITTEN_LAUNCHERS

__all__ = ["network"]

_NAME = ["string", "number", "boolean"]


def network(*, complete: bool = True) -> Schema:
    """Return the schema of a network; an entry of orchestrator.yaml need not be `complete`."""
    properties: dict[str, Schema] = {
        "name": {"type": _NAME, "description": "The network's name, unique in the project.", "not": {"const": "ic"}},
        "mode": terms.choice("`managed`: the tool starts and stops it. `connected`: it is there already.", ["managed", "connected"]),
        "launcher": terms.choice(f"What runs a managed network. {OWN}", WRITTEN_LAUNCHERS, default="embedded"),
        **_program_keys(),
        **_container_keys(),
        **_connected_keys(),
    }
    rules: Schema = {}
    if complete:
        has_url = {"anyOf": [_has("url"), _has("api-url")]}
        rules["allOf"] = [
            {"if": _is("connected"), "then": {"required": ["root-key"], **has_url}},
            {"if": {"required": ["image"], **_is("managed")}, "then": {"required": ["port-mapping"], "not": {"required": ["launcher"]}}},
        ]
    filled = ["root-key", "port-mapping"]
    required = ["name", "mode"] if complete else ["name"]
    return terms.mapping("A network.", properties, required=required, filled=filled, closed=False, rules=rules)


def _is(mode: str) -> Schema:
    return {"properties": {"mode": {"const": mode}}}


def _has(key: str) -> Schema:
    return {"required": [key], "properties": {key: {"type": "string"}}}


def _program_keys() -> dict[str, Schema]:
    gateway: dict[str, Schema] = {
        "bind": terms.text("The IP address where it listens.", default="127.0.0.1"),
        "port": terms.integer("The port where it listens; 0 takes any free one.", maximum=MAX_PORT, default=8000),
        "domains": terms.items("Names under which it is reached.", terms.text("A domain.")),
    }
    address = terms.text("host:port", pattern="^.+:[0-9]{1,5}$", examples=["127.0.0.1:18444"])
    return {
        "gateway": terms.mapping("Where a managed network listens.", gateway, closed=False),
        "artificial-delay-ms": terms.integer("How long each update call is held back, in milliseconds."),
        "ii": terms.flag("With Internet Identity; needs `launcher: pocket-ic` or `dfx`."),
        "nns": terms.flag("With the governance system; needs `launcher: pocket-ic` or `dfx`."),
        "subnets": terms.items("Which subnets there are; needs `launcher: pocket-ic`.", terms.choice("A kind.", get_args(SubnetKind))),
        "bitcoind-addr": terms.items("Bitcoin nodes that run already; needs `launcher: pocket-ic` or `dfx`.", address),
        "dogecoind-addr": terms.items("Dogecoin nodes that run already; needs `launcher: pocket-ic` or `dfx`.", address),
        "version": terms.text("Which version the program must be; needs `launcher: pocket-ic`."),
    }


def _container_keys() -> dict[str, Schema]:
    texts = terms.text("A text.")
    arguments = terms.items("What runs in the container; `args`, `cmd` and `command` are the same.", texts)
    port = terms.text("host:container or address:host:container; host 0 is any.", pattern="^.*[0-9]+:[0-9]+$", examples=["8000:4943"])
    mount = terms.text("host:container[:ro|rw]", pattern="^[^:]+:/", examples=["./folder:/folder:ro"])
    return {
        "image": terms.text("The image of a network that runs in a container."),
        "port-mapping": terms.items("Which ports of this machine lead into the container.", port),
        "rm-on-exit": terms.flag("The container is deleted once it is stopped."),
        "args": arguments,
        "cmd": arguments,
        "command": arguments,
        "entrypoint": terms.items("The program that is started.", texts),
        "environment": terms.items("Variables: `NAME=VALUE`, or `NAME` for that of this machine.", texts),
        "volumes": terms.items("Docker volumes: name:container[:options].", texts),
        "mounts": terms.items("Folders of this machine.", mount),
        "platform": terms.text("The image's platform.", examples=["linux/amd64"]),
        "user": terms.text("user[:group]"),
        "shm-size": terms.integer("Bytes of /dev/shm."),
        "status-dir": terms.text("Where the network describes itself in the container.", default="/app/status"),
        "extra-hosts": terms.items("Names that the container can resolve: name:address.", texts),
    }


def _connected_keys() -> dict[str, Schema]:
    return {
        "url": terms.text("The API and the gateway of a connected network.", pattern=URL),
        "api-url": terms.text("The API; wins over `url`.", pattern=URL),
        "http-gateway-url": terms.text("The gateway, beside `api-url`.", pattern=URL),
        "root-key": terms.text(
            "What answers are verified with: `mainnet`, `fetch` (trusts whoever answers), or 266 hex digits.",
            pattern="^(mainnet|fetch|[0-9a-fA-F]{266})$",
        ),
    }

"""Managed networks that are containers: `image` and what goes with it, in icp-cli's words."""

import re

from orchestrator.core.networks import STATUS_DIRECTORY, Container
from orchestrator.core.project import ManagedNetwork
from orchestrator.documents import MappingNode, Node
from orchestrator.manifest.fields import read_flag, read_integer, read_items, read_text, read_texts
from orchestrator.manifest.problems import Problems

__all__ = ["CONTAINER_KEYS", "read_container"]

_ARGUMENT_KEYS = ("args", "cmd", "command")
_TEXT_LISTS = ("entrypoint", "environment", "volumes", "extra-hosts")
CONTAINER_KEYS = (
    "image",
    "port-mapping",
    "rm-on-exit",
    *_ARGUMENT_KEYS,
    *_TEXT_LISTS,
    "mounts",
    "platform",
    "user",
    "shm-size",
    "status-dir",
)
"""Keys that mean something together with `image` only."""
_PORT = re.compile(r"(?:(?P<address>[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?P<host>[0-9]{1,5}):(?P<container>[0-9]{1,5})")
_MOUNT = re.compile(r"[^:]+:/[^:]*(?::(?:ro|rw))?")
_MAX_PORT = 65_535
_DEFAULT_PORT = 8000


def read_container(mapping: MappingNode, name: str, image: str, problems: Problems) -> ManagedNetwork | None:
    """Read a network from an image; `None` when it says nothing about its ports."""
    if mapping.get("port-mapping") is None:
        problems.error(
            "missing-key",
            f"network `{name}` has an `image` and no `port-mapping`",
            mapping.span,
            detail="nothing would lead into the container; icp-cli takes such an entry for one without an image",
            hint='write which port of this machine leads to which of the container: `port-mapping: ["8000:4943"]`',
        )
        return None
    ports = _read_ports(mapping.get("port-mapping"), problems)
    lists = {key: read_texts(mapping.get(key), f"`{key}`", problems) or () for key in _TEXT_LISTS}
    container = Container(
        image=image,
        ports=ports,
        remove=read_flag(mapping.get("rm-on-exit"), "`rm-on-exit`", problems) or False,
        arguments=_read_arguments(mapping, problems),
        entrypoint=lists["entrypoint"],
        environment=lists["environment"],
        volumes=lists["volumes"],
        mounts=_read_mounts(mapping.get("mounts"), problems),
        extra_hosts=lists["extra-hosts"],
        platform=read_text(mapping.get("platform"), "`platform`", problems),
        user=read_text(mapping.get("user"), "`user`", problems),
        shm_size=read_integer(mapping.get("shm-size"), "`shm-size`", problems),
        status_directory=read_text(mapping.get("status-dir"), "`status-dir`", problems) or STATUS_DIRECTORY,
    )
    return ManagedNetwork(name=name, launcher="docker", port=_first_port(ports), container=container, span=mapping.span)


def _read_arguments(mapping: MappingNode, problems: Problems) -> tuple[str, ...]:
    """Read the arguments, under whichever of their three names; two of them contradict each other."""
    present = [entry for key in _ARGUMENT_KEYS if (entry := mapping.entry(key)) is not None and mapping.get(key) is not None]
    for extra in present[1:]:
        summary = f"`{present[0].name}` and `{extra.name}` are names of the same key"
        problems.error("duplicate-key", summary, extra.key.span, hint="keep one of them")
    return read_texts(present[0].value, f"`{present[0].name}`", problems) or () if present else ()


def _read_ports(node: Node | None, problems: Problems) -> tuple[str, ...]:
    mappings = []
    for item in read_items(node, "`port-mapping`", problems) or ():
        text = read_text(item, "an item of `port-mapping`", problems)
        if text is None:
            continue
        found = _PORT.fullmatch(text)
        if found is None or max(int(found["host"]), int(found["container"])) > _MAX_PORT:
            detail = "it is `host:container`, or `address:host:container`; host 0 is any free port"
            problems.error("invalid-port", f"`{text}` is no mapping of ports", item.span, detail=detail, hint='write it like "8000:4943"')
        else:
            mappings.append(text)
    return tuple(mappings)


def _read_mounts(node: Node | None, problems: Problems) -> tuple[str, ...]:
    mounts = []
    for item in read_items(node, "`mounts`", problems) or ():
        text = read_text(item, "an item of `mounts`", problems)
        if text is None:
            continue
        if _MOUNT.fullmatch(text) is None:
            detail = "it is `host:container`, followed by nothing, `:ro` or `:rw`; the path in the container is absolute"
            problems.error("invalid-mount", f"`{text}` is no mount", item.span, detail=detail, hint='write it like "./folder:/folder:ro"')
        mounts.append(text)
    return tuple(mounts)


def _first_port(mappings: tuple[str, ...]) -> int:
    """Return the first port of this machine: the one that others may have taken already; 0 is any."""
    return int(mappings[0].split(":")[-2]) if mappings else _DEFAULT_PORT

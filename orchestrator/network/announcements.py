"""The file in which a network launcher, or an image that does the same, says that its network is ready.

Source: dfinity/icp-cli-network-launcher 12.0.0 (commit c93143f), `src/main.rs`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import NetworkError
from orchestrator.store.atomic import make_directory, remove_file

__all__ = ["NAMES_NAME", "Announcement", "clear_announcements", "load_announcement"]

STATUS_NAME = "status.json"
NAMES_NAME = "custom-domains.txt"
MAX_STATUS_BYTES = 1024 * 1024
_STATUS_VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a launcher says once its network answers; `root_key` is DER in hex, `features` what it can do besides."""

    gateway_port: int
    root_key: str
    effective_canister_id: str | None = None
    features: tuple[str, ...] = ()


def clear_announcements(directory: Path) -> None:
    """Make the folder in which a launcher says that it is ready, without what an earlier one said or was told."""
    make_directory(directory)
    for name in (STATUS_NAME, NAMES_NAME):
        remove_file(directory / name)


def load_announcement(directory: Path) -> Announcement | None:
    """Read what a launcher has said in `directory`, or `None` before it has finished its line.

    Raises `NetworkError` when it makes no sense.
    """
    path = directory / STATUS_NAME
    try:
        with path.open("rb") as file:
            text = file.read(MAX_STATUS_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    if not text.endswith("\n"):
        return None
    try:
        return _parse(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError(
            "the network's launcher says something that makes no sense",
            slug="network/launcher-status",
            detail=f"`{path}`: {error}",
            hint="use a launcher of the interface 1, such as icp-cli-network-launcher 12.0.0",
        ) from error


def _parse(document: object) -> Announcement:
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    if document.get("v") != _STATUS_VERSION:
        raise ValueError(f'its version `v` is {document.get("v")!r}, not "{_STATUS_VERSION}"')
    port, key, canister = document["gateway_port"], document["root_key"], document.get("default_effective_canister_id")
    if not isinstance(port, int) or not isinstance(key, str) or not isinstance(canister, str | None):
        raise TypeError("a field is of the wrong type")
    features = document.get("supported_features")
    return Announcement(
        gateway_port=port,
        root_key=bytes.fromhex(key).hex(),
        effective_canister_id=canister,
        features=tuple(str(feature) for feature in features) if isinstance(features, list) else (),
    )

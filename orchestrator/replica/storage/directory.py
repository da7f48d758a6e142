"""The state directory: who holds it, the secrets, and where everything is.

lock                      held by the running network
network.json              version and instance id
keys/root, keys/node      32 secret bytes each, readable by their owner only
blobs/<sha256>            modules and chunks, as they were uploaded
memories/<id>-<number>/   a canister's memory, globals and stable memory
snapshots/<number>        a part of a canister snapshot
state.cbor                all the rest; names the blobs and memories that belong to it
"""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ReplicaError
from orchestrator.protocol import bls
from orchestrator.store.atomic import PRIVATE_MODE, write_atomic

__all__ = ["SEED_BYTES", "NetworkIdentity", "StateDirectory", "hold"]

SEED_BYTES = 32

_FORMAT_VERSION = 1
_INSTANCE_ID_BYTES = 16
_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class NetworkIdentity:
    """What makes a network the same one after a restart: a hex id, and the DER-encoded root key."""

    instance_id: str
    root_key: bytes


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The paths below one state directory."""

    root: Path

    @property
    def state(self) -> Path:
        """The file with everything but memories and blobs."""
        return self.root / "state.cbor"

    @property
    def blobs(self) -> Path:
        """The folder of modules and chunks."""
        return self.root / "blobs"

    @property
    def memories(self) -> Path:
        """The folder of the canisters' memories."""
        return self.root / "memories"

    @property
    def snapshots(self) -> Path:
        """The folder of the parts of canister snapshots."""
        return self.root / "snapshots"

    def load_identity(self) -> NetworkIdentity:
        """Read the network's identity, or make one in an empty directory. Raises `ReplicaError`."""
        path = self.root / "network.json"
        if not path.exists():
            if self.state.exists():
                raise ReplicaError(
                    "the network's state has lost its identity", slug="replica/state-unreadable", detail=f"`{path}` is missing"
                )
            self._make_identity(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            identity = NetworkIdentity(content["instance_id"], bytes.fromhex(content["root_key"]))
            version = content["v"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReplicaError("the network's identity cannot be read", slug="replica/state-unreadable", detail=str(error)) from error
        if version != _FORMAT_VERSION:
            raise ReplicaError("the network's state was written by another version", slug="replica/state-version")
        return identity

    def load_seeds(self) -> tuple[bytes, bytes]:
        """Read the secrets that the root key and the node's key are made of."""
        try:
            root, node = ((self.root / "keys" / name).read_bytes() for name in ("root", "node"))
        except OSError as error:
            raise ReplicaError("the network's keys cannot be read", slug="replica/state-unreadable", detail=str(error)) from error
        return root, node

    def _make_identity(self, path: Path) -> None:
        """Write fresh keys first: a directory with an identity always has its keys."""
        root, node = secrets.token_bytes(SEED_BYTES), secrets.token_bytes(SEED_BYTES)
        write_atomic(self.root / "keys" / "root", root, PRIVATE_MODE)
        write_atomic(self.root / "keys" / "node", node, PRIVATE_MODE)
        root_key = bls.der_encode(bls.SecretKey.from_seed(root).public_key)
        content = {"v": _FORMAT_VERSION, "instance_id": secrets.token_hex(_INSTANCE_ID_BYTES), "root_key": root_key.hex()}
        write_atomic(path, json.dumps(content).encode() + b"\n", PRIVATE_MODE)


@contextlib.contextmanager
def hold(root: Path) -> Iterator[StateDirectory]:
    """Make the directory if need be and hold it for this process; raises `ReplicaError` when another one has it."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
        with contextlib.suppress(PermissionError):  # it is somebody else's; they have let us in
            root.chmod(_DIRECTORY_MODE)  # whoever made it, and with what umask: there are keys in it
        descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_MODE)
    except OSError as error:
        raise ReplicaError(
            f"the state directory `{root}` cannot be used", slug="replica/state-unusable", detail=error.strerror or str(error)
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ReplicaError(
                f"another network runs on the state directory `{root}`",
                slug="replica/state-in-use",
                hint="stop it first, or choose another directory",
            ) from error
        yield StateDirectory(root)
    finally:
        os.close(descriptor)

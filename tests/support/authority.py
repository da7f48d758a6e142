"""A network's signing side for tests: root and subnet keys, hash trees, certificates and nodes.

The trees are built by the specification's words, not by the embedded replica, so that the client is checked
against something that shares no code with the server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.core.principal import Principal
from orchestrator.protocol import bls, cbor, hash_tree
from orchestrator.protocol.certificate import certificate_message, encode_certificate
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.protocol.request_id import encode_leb128

__all__ = ["Authority", "Labels", "Subnet", "build_tree", "prune"]

Labels: TypeAlias = Mapping[bytes, "Labels | bytes"]


def build_tree(labels: "Labels | bytes") -> list[object]:
    """Return the hash tree of nested labels: a balanced tree of forks at each level."""
    if isinstance(labels, bytes):
        return [3, labels]
    return _fork([[2, label, build_tree(labels[label])] for label in sorted(labels)])


def _fork(nodes: list[list[object]]) -> list[object]:
    if not nodes:
        return [0]
    if len(nodes) == 1:
        return nodes[0]
    middle = len(nodes) // 2
    return [1, _fork(nodes[:middle]), _fork(nodes[middle:])]


def prune(tree: list[object]) -> list[object]:
    """Return a tree as nothing but its hash."""
    return [4, hash_tree.digest(tree)]


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet's key, the canisters it may speak for, and one node."""

    key: bls.SecretKey
    ranges: Sequence[tuple[bytes, bytes]] = ((bytes(8) + b"\x01\x01", b"\x00" * 7 + b"\xff\x01\x01"),)
    node: Ed25519Identity = field(default_factory=lambda: Ed25519Identity.from_seed(bytes(32)))

    @property
    def public_key_der(self) -> bytes:
        """The DER-encoded BLS key."""
        return bls.der_encode(self.key.public_key)

    @property
    def principal(self) -> Principal:
        """The subnet's id."""
        return Principal.self_authenticating(self.public_key_der)

    def certify(self, labels: Labels, *, delegation: bytes | None = None) -> bytes:
        """Sign a tree of nested labels; `delegation` is the root's certificate for this subnet."""
        tree = build_tree(labels)
        signature = self.key.sign(certificate_message(hash_tree.digest(tree)))
        return encode_certificate(tree, signature, subnet_id=self.principal, delegation=delegation)

    def labels(self, time_ns: int) -> dict[bytes, Labels | bytes]:
        """Return what `/subnet` and `/time` show about this subnet."""
        node = {self.node.principal.raw: {b"public_key": self.node.public_key_der}}
        described: Labels = {b"public_key": self.public_key_der, b"canister_ranges": cbor.dumps(self.encoded_ranges()), b"node": node}
        return {b"time": encode_leb128(time_ns), b"subnet": {self.principal.raw: described}}

    def encoded_ranges(self) -> list[list[bytes]]:
        """Return the ranges as CBOR wants them."""
        return [[low, high] for low, high in self.ranges]


@dataclass(frozen=True, slots=True)
class Authority:
    """A root subnet, and an application subnet that it delegates to."""

    root: Subnet = field(default_factory=lambda: Subnet(bls.SecretKey.from_seed(b"root" * 8)))
    application: Subnet = field(default_factory=lambda: Subnet(bls.SecretKey.from_seed(b"application" * 3)))

    @property
    def root_key(self) -> bytes:
        """The DER-encoded root key."""
        return self.root.public_key_der

    def delegate(self, time_ns: int, *, sharded: bool = True) -> bytes:
        """Return the root's certificate for the application subnet, with its ranges in one of the layouts."""
        subnet = self.application
        ranges = cbor.dumps(subnet.encoded_ranges())
        if sharded:
            shards = {subnet.ranges[0][0]: ranges}
            return self.root.certify(
                {
                    b"time": encode_leb128(time_ns),
                    b"subnet": {subnet.principal.raw: {b"public_key": subnet.public_key_der}},
                    b"canister_ranges": {subnet.principal.raw: shards},
                }
            )
        described: Labels = {b"public_key": subnet.public_key_der, b"canister_ranges": ranges}
        return self.root.certify({b"time": encode_leb128(time_ns), b"subnet": {subnet.principal.raw: described}})

    def certify(self, labels: Labels, time_ns: int, *, sharded: bool = True, delegation: bytes | None = None) -> bytes:
        """Sign labels by the application subnet under a delegation made at `time_ns`."""
        timed = {b"time": encode_leb128(time_ns), **labels}
        return self.application.certify(timed, delegation=delegation or self.delegate(time_ns, sharded=sharded))

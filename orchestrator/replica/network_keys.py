"""The two secrets of a network: the key that certifies its state, and the key of its only node."""

from dataclasses import dataclass, field
from typing import Self

from orchestrator.core.principal import Principal
from orchestrator.protocol import bls
from orchestrator.protocol.keys import Ed25519Identity

__all__ = ["NetworkKeys"]


@dataclass(frozen=True, slots=True)
class NetworkKeys:
    """Keys made from two seeds of 32 secret bytes; `root_key` and `node_public_key` are DER-encoded.

    The network is its own root subnet, so no certificate needs a delegation.
    """

    root: bls.SecretKey = field(repr=False)
    node: Ed25519Identity = field(repr=False)
    root_key: bytes
    subnet_id: bytes
    node_public_key: bytes
    node_id: bytes

    @classmethod
    def from_seeds(cls, root_seed: bytes, node_seed: bytes) -> Self:
        """Derive the keys."""
        root = bls.SecretKey.from_seed(root_seed)
        root_key = bls.der_encode(root.public_key)
        node = Ed25519Identity.from_seed(node_seed)
        return cls(
            root=root,
            node=node,
            root_key=root_key,
            subnet_id=Principal.self_authenticating(root_key).raw,
            node_public_key=node.public_key_der,
            node_id=node.principal.raw,
        )

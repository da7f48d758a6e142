"""The state tree of the network and the certificates that prove parts of it.

The tree is kept up to date one canister and one request at a time; a certificate costs a signature and
what it shows, however much the network remembers.
Source: the IC interface specification, sections "The system state tree" and "Certification".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import STATE_ROOT_SEPARATOR
from orchestrator.replica import labeled_tree as tree
from orchestrator.replica.canister import Canister
from orchestrator.replica.limits import FIRST_CANISTER_NUMBER, LAST_CANISTER_NUMBER
from orchestrator.replica.network_keys import NetworkKeys
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.requests import RequestRecord
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.vm.interface import Reply

__all__ = ["CANISTER_RANGES", "CertifiedState", "encode_natural", "is_in_ranges"]

_SUFFIX = b"\x01\x01"

CANISTER_RANGES: tuple[tuple[bytes, bytes], ...] = (
    (bytes(8) + _SUFFIX, bytes.fromhex("7fffffffffffffff") + _SUFFIX),
    (FIRST_CANISTER_NUMBER.to_bytes(8, "big") + _SUFFIX, LAST_CANISTER_NUMBER.to_bytes(8, "big") + _SUFFIX),
)
"""The ids of this network's canisters: the mainnet's for those created with a specified id, and its own."""


METRICS_INTERVAL_NS = 1_000_000_000
"""How often the subnet is measured anew."""
CERTIFICATE_REUSE_NS = 10_000_000
"""How long a signature serves other readers of a state that has not changed, in nanoseconds."""


def is_in_ranges(canister_id: bytes) -> bool:
    """Say if an id can be that of a canister here."""
    return len(canister_id) == 10 and canister_id.endswith(_SUFFIX) and any(start <= canister_id <= end for start, end in CANISTER_RANGES)


def encode_natural(value: int) -> bytes:
    """Encode a natural number as unsigned LEB128, as the state tree does."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


@dataclass(frozen=True, slots=True)
class _SignedRoot:
    """The whole tree as it was at a time, and the signature of its root."""

    root: tree.Tree
    signature: bytes
    time: int


class CertifiedState:
    """The tree of a state, refreshed from what the state says has changed."""

    def __init__(self, state: ReplicaState, keys: NetworkKeys, now: Callable[[], int]) -> None:
        self._state = state
        self._keys = keys
        self._now = now
        self._canisters = tree.from_mapping({canister.id: _canister_tree(canister) for canister in state.canisters.values()})
        self._requests = tree.from_mapping({record.request_id: _request_tree(record) for record in state.requests.all()})
        state.touched.clear()
        state.requests.changed.clear()
        self._subnet: tree.Tree = _subnet_tree(state, keys)
        self._measured = 0
        self._signed: _SignedRoot | None = None

    def certificate(self, paths: Iterable[Sequence[bytes]]) -> bytes:
        """Return a CBOR certificate that shows these paths, or their absence, and the time."""
        return self.certificates([paths])[0]

    def certificates(self, wanted: Iterable[Iterable[Sequence[bytes]]]) -> list[bytes]:
        """Return one certificate for each of several readers; all have the same time, root and signature."""
        self._refresh()
        now = self._now()
        if self._signed is None or now - self._signed.time >= CERTIFICATE_REUSE_NS:
            self._signed = self._sign(now)
        root, signature = self._signed.root, self._signed.signature
        return [cbor.dumps({"tree": tree.witness(root, [*paths, (b"time",)]), "signature": signature}) for paths in wanted]

    def _sign(self, now: int) -> "_SignedRoot":
        if now - self._measured >= METRICS_INTERVAL_NS:
            self._subnet, self._measured = _subnet_tree(self._state, self._keys), now
        root = tree.insert(tree.insert(self._subnet, b"canister", self._canisters), b"request_status", self._requests)
        root = tree.insert(root, b"time", tree.leaf(encode_natural(now)))
        return _SignedRoot(root, self._keys.root.sign(STATE_ROOT_SEPARATOR + root.digest), now)

    def data_certificate(self, canister_id: bytes) -> bytes:
        """Return the certificate that a canister gets in a query: its certified data."""
        return self.certificate([(b"canister", canister_id, b"certified_data")])

    def _refresh(self) -> None:
        """Bring the tree up to date; what was signed before is of no use then."""
        touched, changed = self._state.touched, self._state.requests.changed
        if not touched and not changed:
            return
        self._signed = None
        for canister_id in touched:
            canister = self._state.canisters.get(canister_id)
            if canister is None:
                self._canisters = tree.remove(self._canisters, canister_id)
            else:
                self._canisters = tree.insert(self._canisters, canister_id, _canister_tree(canister))
        touched.clear()
        for request_id in changed:
            record = self._state.requests.get(request_id)
            if record is None:
                self._requests = tree.remove(self._requests, request_id)
            else:
                self._requests = tree.insert(self._requests, request_id, _request_tree(record))
        changed.clear()


def _subnet_tree(state: ReplicaState, keys: NetworkKeys) -> tree.Tree:
    """Make what hardly changes: the subnet with its node and its metrics, and the ranges, in both layouts."""
    ranges = cbor.dumps([list(pair) for pair in CANISTER_RANGES])
    subnet: dict[bytes, bytes | tree.Tree] = {
        b"canister_ranges": ranges,
        b"metrics": cbor.dumps(_metrics(state)),
        b"node": tree.from_mapping({keys.node_id: tree.from_mapping({b"public_key": keys.node_public_key})}),
        b"public_key": keys.root_key,
        b"type": b"application",
    }
    shards = tree.from_mapping({CANISTER_RANGES[0][0]: ranges})
    return tree.from_mapping(
        {
            b"canister_ranges": tree.from_mapping({keys.subnet_id: shards}),
            b"subnet": tree.from_mapping({keys.subnet_id: tree.from_mapping(subnet)}),
        }
    )


def _metrics(state: ReplicaState) -> dict[str, object]:
    """Measure the subnet; cycles are the low and the high 64 bits, by their numbers."""
    instances = [canister.instance for canister in state.canisters.values() if canister.instance is not None]
    return {
        "num_canisters": len(state.canisters),
        "canister_state_bytes": sum(instance.memory_bytes + instance.stable_bytes for instance in instances),
        "consumed_cycles_total": {0: 0, 1: 0},
        "update_transactions_total": state.next_call_id - 1,
    }


def _canister_tree(canister: Canister) -> tree.Tree:
    content: dict[bytes, bytes | tree.Tree] = {
        b"canister_creation_timestamp": encode_natural(canister.created_at),
        b"certified_data": canister.certified_data,
        b"controllers": cbor.dumps(sorted(canister.settings.controllers)),
    }
    if canister.instance is not None and canister.module_hash is not None:
        sections = canister.instance.module.info.metadata
        content[b"last_install_timestamp"] = encode_natural(canister.installed_at)
        content[b"metadata"] = tree.from_mapping({name.encode(): section.content for name, section in sections.items()})
        content[b"module_hash"] = canister.module_hash
    return tree.from_mapping(content)


def _request_tree(record: RequestRecord) -> tree.Tree:
    content: dict[bytes, bytes | tree.Tree] = {b"status": str(record.state).encode()}
    if isinstance(record.response, Reply):
        content[b"reply"] = record.response.data
    elif isinstance(record.response, Rejection):
        content[b"error_code"] = record.response.error_code.encode()
        content[b"reject_code"] = encode_natural(record.response.code)
        content[b"reject_message"] = record.response.message.encode()
    return tree.from_mapping(content)

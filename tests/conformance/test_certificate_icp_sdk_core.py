"""Certificates, hash trees, request ids and keys: our answers and those of @icp-sdk/core, question by question."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import OrchestratorError
from orchestrator.protocol import bls, cbor, hash_tree
from orchestrator.protocol.certificate import MAINNET_ROOT_KEY, verify_certificate
from orchestrator.protocol.envelope import DELEGATION_SEPARATOR
from orchestrator.protocol.hash_tree import Absent, Found, Interior, Lookup, Unknown
from orchestrator.protocol.keys import Ed25519Identity, Secp256k1Identity, SignedDelegation, verify_signature
from orchestrator.protocol.request_id import hash_of_map, request_id
from tests.support.authority import Authority, Subnet, build_tree

pytestmark = pytest.mark.npm
Ask = Callable[..., dict[str, Any]]
DRIVER = Path(__file__).parent.parent / "support" / "icp_sdk_protocol.mjs"
CASE = json.loads((Path(__file__).parents[1] / "cases" / "protocol" / "mainnet-certificate.json").read_text(encoding="utf-8"))
NOW = 1_700_000_000_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
OTHER = Principal(b"\x01" * 8 + b"\x01\x01")
AUTHORITY = Authority()
TREES = 60
REQUESTS = 120


@pytest.fixture
def ask(npm_modules: Path, tmp_path: Path) -> Ask:
    """Return what asks @icp-sdk/core: lists of questions by kind in, lists of answers out."""

    def run(**questions: object) -> dict[str, Any]:
        file = tmp_path / "questions.json"
        file.write_text(json.dumps(questions), encoding="utf-8")
        command = ["node", str(DRIVER), str(npm_modules), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        answers: dict[str, Any] = json.loads(done.stdout)
        return answers

    return run


def ours(data: bytes, root_key: bytes, canister: Principal) -> bool:
    """Tell whether a certificate verifies here, whatever its age."""
    try:
        verify_certificate(data, root_key_der=root_key, now_ns=None, canister_id=canister)
    except OrchestratorError:
        return False
    return True


def certificates() -> list[tuple[bytes, bytes, Principal]]:
    """Return genuine certificates and spoiled ones, with the key and canister that they are checked for."""
    mainnet = bytes.fromhex(CASE["certificate"])
    stranger = Subnet(bls.SecretKey.from_seed(b"stranger" * 4)).public_key_der
    genuine = [AUTHORITY.certify({b"a": {b"b": b"c"}}, NOW, sharded=sharded) for sharded in (True, False)]
    cases = [(mainnet, MAINNET_ROOT_KEY, Principal.from_text(CASE["canister_id"])), (mainnet, MAINNET_ROOT_KEY, OTHER)]
    for data in [*genuine, AUTHORITY.root.certify({b"time": b"\x01"})]:
        cases += [(data, AUTHORITY.root_key, CANISTER), (data, AUTHORITY.root_key, OTHER), (data, stranger, CANISTER)]
    chance = random.Random(7)  # noqa: S311 - samples, not secrets
    for _ in range(30):
        spoiled = bytearray(mainnet)
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
        cases.append((bytes(spoiled), MAINNET_ROOT_KEY, Principal.from_text(CASE["canister_id"])))
    return cases


@pytest.mark.slow
def test_both_believe_the_same_certificates(ask: Ask) -> None:
    """Genuine certificates of both layouts verify in both; wrong keys, canisters and bits are refused by both."""
    cases = certificates()
    questions = [{"data": data.hex(), "rootKey": key.hex(), "canister": str(canister)} for data, key, canister in cases]
    theirs = ask(certificates=questions)["certificates"]
    assert [ours(*case) for case in cases] == theirs
    assert True in theirs
    assert False in theirs


def random_labels(chance: random.Random, depth: int) -> dict[bytes, Any]:
    """Return labels over a small alphabet, so that lookups meet their neighbours."""
    labels = chance.sample([b"a", b"b", b"c", b"d", b"e", b"f"], chance.randrange(5))
    return {label: random_labels(chance, depth - 1) if depth and chance.random() < 0.6 else label * 3 for label in labels}


def random_prune(chance: random.Random, tree: list[Any]) -> list[Any]:
    """Return a tree with some of its parts pruned, which keeps its hash."""
    if chance.random() < 0.15:
        return [4, hash_tree.digest(tree)]
    if tree[0] == 1:
        return [1, random_prune(chance, tree[1]), random_prune(chance, tree[2])]
    return [2, tree[1], random_prune(chance, tree[2])] if tree[0] == 2 else tree


def spell(result: Lookup) -> str:
    """Return a lookup's result in the other side's words."""
    if isinstance(result, Found):
        return f"Found {result.value.hex()}"
    return {Absent: "Absent", Unknown: "Unknown", Interior: "Error"}[type(result)]


def test_both_read_trees_alike(ask: Ask) -> None:
    """Random pruned trees have the same hash and give the same answer to every short path.

    No label is another one's prefix: @icp-sdk/core 6.1.0 takes `aa` for absent beside a pruned part that follows
    `a`, where the specification says that it is unknown.
    """
    chance = random.Random(11)  # noqa: S311 - samples, not secrets
    trees = [random_prune(chance, build_tree(random_labels(chance, 2))) for _ in range(TREES)]
    names = [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]
    paths = [[], *([name] for name in names), *([first, second] for first in names for second in names)]
    questions = [{"data": cbor.dumps(tree).hex(), "paths": [[label.hex() for label in path] for path in paths]} for tree in trees]
    for tree, theirs in zip(trees, ask(trees=questions)["trees"], strict=True):
        assert theirs["hash"] == hash_tree.digest(tree).hex()
        assert theirs["found"] == [spell(hash_tree.lookup(tree, path)) for path in paths]


def random_value(chance: random.Random, depth: int) -> Any:
    """Return a value that can be hashed."""
    kind = chance.randrange(5 if depth else 3)
    if kind == 0:
        return chance.randbytes(chance.randrange(20))
    if kind == 1:
        return chance.choice([0, 1, 127, 128, 624485, chance.getrandbits(64)])
    if kind == 2:
        return chance.choice(["", "call", "ä€😀", "x" * 50])
    if kind == 3:
        return [random_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {f"field {index}": random_value(chance, depth - 1) for index in range(chance.randrange(4))}


def spelled(item: Any) -> Any:
    """Return a value as the driver reads it."""
    if isinstance(item, dict):
        return {name: spelled(inner) for name, inner in item.items()}
    if isinstance(item, list):
        return [spelled(inner) for inner in item]
    if isinstance(item, bytes):
        return f"b:{item.hex()}"
    return f"n:{item}" if isinstance(item, int) else f"s:{item}"


def test_both_compute_the_same_request_ids(ask: Ask) -> None:
    """Random requests, nested maps and lists included, have the same id."""
    chance = random.Random(13)  # noqa: S311 - samples, not secrets
    requests = [{f"name{index}": random_value(chance, 2) for index in range(1 + chance.randrange(6))} for _ in range(REQUESTS)]
    theirs = ask(requests=[spelled(request) for request in requests])["requests"]
    assert theirs == [request_id(request).hex() for request in requests]


@pytest.mark.parametrize(("scheme", "kind"), [("ed25519", Ed25519Identity), ("secp256k1", Secp256k1Identity)])
def test_both_derive_the_same_keys_and_accept_the_signatures(
    ask: Ask, scheme: str, kind: type[Ed25519Identity | Secp256k1Identity]
) -> None:
    """From one seed come one public key and one principal; their signatures and delegations verify here."""
    seed, message = bytes(range(1, 33)), b"message"
    identity = kind.from_seed(seed)
    question = {"scheme": scheme, "seed": seed.hex(), "message": message.hex()}
    session = Ed25519Identity.from_seed(b"\x05" * 32)
    wish = {
        "scheme": scheme,
        "seed": seed.hex(),
        "publicKey": session.public_key_der.hex(),
        "expiration": 1_900_000_000_000,
        "targets": [str(CANISTER)],
    }
    answers = ask(identities=[question], delegations=[wish])
    theirs = answers["identities"][0]
    assert theirs["principal"] == str(identity.principal)
    assert theirs["publicKey"] == identity.public_key_der.hex()
    verify_signature(identity.public_key_der, message, bytes.fromhex(theirs["signature"]))
    entry = answers["delegations"][0]["delegations"][0]
    link = SignedDelegation(
        public_key_der=bytes.fromhex(entry["delegation"]["pubkey"]),
        expiration_ns=int(entry["delegation"]["expiration"], 16),
        signature=bytes.fromhex(entry["signature"]),
        targets=(CANISTER,),
    )
    assert link.expiration_ns == 1_900_000_000_000 * 10**6
    verify_signature(identity.public_key_der, DELEGATION_SEPARATOR + hash_of_map(link.to_map()), link.signature)

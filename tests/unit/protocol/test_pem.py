"""PEM files: every form that openssl, dfx and icp-cli write."""

import base64
import json
from pathlib import Path

import pytest

from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import Ed25519Identity, KeyIdentity, Prime256v1Identity, Secp256k1Identity
from orchestrator.protocol.pbes2 import decrypt_pkcs8, encrypt_pkcs8
from orchestrator.protocol.pem import MAX_PEM_BYTES, identity_from_pem, identity_to_pem, is_encrypted

CASES = json.loads((Path(__file__).parents[2] / "cases" / "protocol" / "pem.json").read_text(encoding="utf-8"))
PASSWORD = CASES["password"]
FAST = 1 << 10
ED25519_HEADER = bytes.fromhex("020101300506032b657004220420")


def ed25519_pem(seed: bytes, rest: bytes) -> str:
    """Return a PKCS#8 version 2 file, which carries the public key."""
    body = ED25519_HEADER + seed + rest
    der = bytes([0x30, len(body)]) + body
    return f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("name", sorted(CASES["files"]))
def test_files_made_by_openssl_are_read(name: str) -> None:
    """Each file gives the principal that independent software computed from it."""
    case = CASES["files"][name]
    identity = identity_from_pem("\n".join(case["lines"]), PASSWORD)
    assert type(identity).__name__ == case["kind"]
    assert str(identity.principal) == case["principal"]


@pytest.mark.parametrize("tag", ["a123032100", "812100"])
def test_ed25519_files_with_the_public_key_are_read(tag: str) -> None:
    """Old dfx files (and correct version 2 files) carry the public key, and are read when it fits."""
    identity = Ed25519Identity.from_seed(b"\x07" * 32)
    public = identity.public_key_der[-32:]
    assert identity_from_pem(ed25519_pem(b"\x07" * 32, bytes.fromhex(tag) + public)) == identity
    with pytest.raises(IdentityError, match="contradicts"):
        identity_from_pem(ed25519_pem(b"\x08" * 32, bytes.fromhex(tag) + public))


@pytest.mark.parametrize("tag", ["a123032100", "812100"])
def test_encrypted_ed25519_files_with_the_public_key_are_read(tag: str) -> None:
    """icp-cli encrypts Ed25519 keys together with their public key."""
    identity = Ed25519Identity.from_seed(b"\x07" * 32)
    body = ED25519_HEADER + b"\x07" * 32 + bytes.fromhex(tag) + identity.public_key_der[-32:]
    sealed = encrypt_pkcs8(bytes([0x30, len(body)]) + body, b"secret words", cost=FAST)
    assert identity_from_pem(sealed, "secret words") == identity
    with pytest.raises(IdentityError) as caught:
        identity_from_pem(sealed, "other words")
    assert caught.value.slug == "identity/wrong-password"


@pytest.mark.parametrize(
    "identity",
    [Ed25519Identity.generate(), Secp256k1Identity.generate(), Prime256v1Identity.generate()],
    ids=["ed25519", "secp256k1", "p256"],
)
def test_what_is_written_is_read_again(identity: KeyIdentity) -> None:
    """A key survives being written, plain and encrypted; the encrypted text does not contain the plain one."""
    plain = identity_to_pem(identity)
    assert identity_from_pem(plain) == identity
    der = base64.b64decode("".join(plain.splitlines()[1:-1]))
    sealed = encrypt_pkcs8(der, "pässword".encode(), cost=FAST)
    assert is_encrypted(sealed)
    assert not is_encrypted(plain)
    assert identity_from_pem(sealed, "pässword") == identity
    with pytest.raises(IdentityError) as caught:
        identity_from_pem(sealed, "password")
    assert caught.value.slug == "identity/wrong-password"


def test_the_cost_that_icp_uses_is_read() -> None:
    """A file with scrypt's N of 2^17, as icp-cli writes it, opens."""
    identity = Secp256k1Identity.from_seed(b"\x05" * 32)
    assert identity_from_pem(identity_to_pem(identity, PASSWORD), PASSWORD.encode()) == identity


def test_an_encrypted_key_asks_for_its_password() -> None:
    """Without a password the error says what to give, by a slug that a prompt can wait for."""
    sealed = "\n".join(CASES["files"]["secp256k1-encrypted-scrypt"]["lines"])
    with pytest.raises(IdentityError) as caught:
        identity_from_pem(sealed)
    assert caught.value.slug == "identity/password-needed"
    assert "--identity-password-file" in str(caught.value.hint)


def test_damaged_encrypted_files_are_refused() -> None:
    """An encrypted file that is cut, changed or asks for endless memory gives no key and no other exception."""
    identity = Ed25519Identity.from_seed(b"\x07" * 32)
    body = ED25519_HEADER + b"\x07" * 32 + bytes.fromhex("812100") + identity.public_key_der[-32:]
    sealed = encrypt_pkcs8(bytes([0x30, len(body)]) + body, b"secret words", cost=FAST)
    der = base64.b64decode("".join(sealed.splitlines()[1:-1]))
    for offset in range(0, len(der), 3):
        spoiled = der[:offset] + bytes([der[offset] ^ 0x15]) + der[offset + 1 :]
        opened = decrypt_pkcs8(spoiled, b"secret words")
        assert opened is None or isinstance(opened, bytes)
        assert decrypt_pkcs8(der[:offset], b"secret words") is None
    greedy = der.replace(b"\x02\x02\x04\x00", b"\x02\x02\x7f\xff")
    assert greedy != der
    assert decrypt_pkcs8(greedy.replace(b"\x02\x01\x08", b"\x02\x01\x7f"), b"secret words") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        b"\xff\xfe",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
        ed25519_pem(b"\x01" * 31, b""),
        "-----BEGIN PRIVATE KEY-----\n" + "A" * MAX_PEM_BYTES,
        CASES["unsupported"],
    ],
)
def test_other_files_are_refused(text: str | bytes) -> None:
    """Certificates, damaged keys and foreign schemes raise `IdentityError` and nothing else."""
    with pytest.raises(IdentityError):
        identity_from_pem(text)

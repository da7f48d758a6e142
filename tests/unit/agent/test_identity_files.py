"""Writing identities: what is made here is what icp-cli expects, and nothing is lost on the way."""

import json
import stat
from pathlib import Path

import pytest
from filelock import FileLock

from orchestrator.agent.identities import load_identity
from orchestrator.agent.identity_files import ALGORITHMS, IdentityFiles
from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.protocol.pem import identity_from_pem

PASSWORD = "correct horse"


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_new_identity_is_listed_and_loads(tmp_path: Path, algorithm: str) -> None:
    """A new key is a private file, listed with icp-cli's fields beside `anonymous`."""
    identity = IdentityFiles(tmp_path).create("alice", algorithm=algorithm)
    assert load_identity("alice", tmp_path) == identity
    listed = json.loads((tmp_path / "identity" / "identity_list.json").read_text(encoding="utf-8"))
    entry = {"kind": "pem", "format": "plaintext", "algorithm": algorithm, "principal": str(identity.principal)}
    assert listed == {"v": 1, "identities": {"anonymous": {"kind": "anonymous"}, "alice": entry}}
    assert stat.S_IMODE((tmp_path / "identity" / "keys" / "alice.pem").stat().st_mode) == 0o600


def test_an_encrypted_identity_needs_its_password(tmp_path: Path) -> None:
    """With a password the file is encrypted; short passwords are refused."""
    files = IdentityFiles(tmp_path)
    identity = files.create("alice", password=PASSWORD)
    assert "ENCRYPTED" in (tmp_path / "identity" / "keys" / "alice.pem").read_text(encoding="utf-8")
    assert load_identity("alice", tmp_path, lambda _: PASSWORD) == identity
    assert identity_from_pem(files.export_pem("alice", PASSWORD)) == identity
    with pytest.raises(IdentityError, match="too short"):
        files.create("bob", password="short")


def test_names_are_kept_apart(tmp_path: Path) -> None:
    """A name that is taken, built in, or a path is refused, and nothing changes."""
    files = IdentityFiles(tmp_path)
    identity = files.create("alice")
    for name in ("alice", "anonymous", "../alice", "", "a/b", ".hidden"):
        with pytest.raises(IdentityError):
            files.create(name)
    with pytest.raises(IdentityError):
        files.create("bob", algorithm="rsa")
    assert load_identity("alice", tmp_path) == identity


def test_the_default_is_chosen(tmp_path: Path) -> None:
    """The default can be any identity that there is, `anonymous` included."""
    files = IdentityFiles(tmp_path)
    identity = files.create("alice")
    files.set_default("alice")
    assert load_identity(None, tmp_path) == identity
    files.set_default("anonymous")
    assert load_identity(None, tmp_path) != identity
    with pytest.raises(IdentityError):
        files.set_default("bob")


def test_deleting_and_renaming(tmp_path: Path) -> None:
    """A renamed default stays the default; the default cannot be deleted, others are with their files."""
    files = IdentityFiles(tmp_path)
    identity = files.create("alice")
    files.create("bob")
    files.set_default("alice")
    files.rename("alice", "carol")
    assert load_identity(None, tmp_path) == identity
    assert not (tmp_path / "identity" / "keys" / "alice.pem").exists()
    for wrong in ("carol", "alice", "anonymous"):
        with pytest.raises(IdentityError):
            files.delete(wrong)
    for new in ("bob", "anonymous", "../x"):
        with pytest.raises(IdentityError):
            files.rename("carol", new)
    files.delete("bob")
    assert not (tmp_path / "identity" / "keys" / "bob.pem").exists()
    with pytest.raises(IdentityError):
        load_identity("bob", tmp_path)


def test_other_identities_are_left_as_they_are(tmp_path: Path) -> None:
    """Fields of other identities that are not understood here survive every change."""
    folder = tmp_path / "identity"
    folder.mkdir()
    hsm = {"kind": "hsm", "principal": str(Ed25519Identity.generate().principal), "module": "/x.so", "slot": 0, "key-id": "01"}
    (folder / "identity_list.json").write_text(json.dumps({"v": 1, "identities": {"card": hsm}}), encoding="utf-8")
    IdentityFiles(tmp_path).create("alice")
    assert json.loads((folder / "identity_list.json").read_text(encoding="utf-8"))["identities"]["card"] == hsm
    with pytest.raises(IdentityError):
        IdentityFiles(tmp_path).export_pem("card")
    with pytest.raises(IdentityError):
        IdentityFiles(tmp_path).export_pem("anonymous")


def test_a_key_in_the_keyring_is_not_renamed(tmp_path: Path) -> None:
    """A name that the keyring knows is changed by icp-cli only."""
    folder = tmp_path / "identity"
    folder.mkdir()
    entry = {"kind": "keyring", "algorithm": "ed25519", "principal": str(Ed25519Identity.generate().principal)}
    (folder / "identity_list.json").write_text(json.dumps({"v": 1, "identities": {"ring": entry}}), encoding="utf-8")
    with pytest.raises(IdentityError) as caught:
        IdentityFiles(tmp_path).rename("ring", "other")
    assert "icp identity rename" in str(caught.value.hint)


def test_the_lock_is_icp_clis_own(tmp_path: Path) -> None:
    """While another program holds the lock file nothing is written."""
    files = IdentityFiles(tmp_path, lock_timeout_seconds=0.01)
    files.create("alice")
    with FileLock(tmp_path / "identity" / ".lock", is_singleton=False), pytest.raises(IdentityError) as caught:
        files.add("bob", Ed25519Identity.generate())
    assert caught.value.slug == "identity/locked"
    assert not (tmp_path / "identity" / "keys" / "bob.pem").exists()

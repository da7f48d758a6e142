"""icp-cli's identities: found, loaded, or refused by name."""

import json
import time
from pathlib import Path

import pytest

from orchestrator.agent.delegation_files import parse_chain
from orchestrator.agent.identities import IdentityStore, icp_data_directory, load_identity, load_identity_file
from orchestrator.core.principal import ANONYMOUS
from orchestrator.errors import IdentityError
from orchestrator.protocol.envelope import sign_delegation
from orchestrator.protocol.keys import (
    DelegatedIdentity,
    Ed25519Identity,
    KeyIdentity,
    Prime256v1Identity,
    Secp256k1Identity,
    SignedDelegation,
)
from orchestrator.protocol.pem import identity_to_pem

ALICE = Secp256k1Identity.from_seed(b"\x01" * 32)
BOB = Ed25519Identity.from_seed(b"\x02" * 32)
SEALED = "\n".join(
    json.loads((Path(__file__).parents[2] / "cases" / "protocol" / "pem.json").read_text(encoding="utf-8"))["files"][
        "ed25519-encrypted-scrypt"
    ]["lines"]
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory with identities of every kind."""
    folder = tmp_path / "identity"
    (folder / "keys").mkdir(parents=True)
    pem = {"kind": "pem", "format": "plaintext", "algorithm": "secp256k1", "principal": str(ALICE.principal)}
    entries = {
        "alice": pem,
        "bob": {**pem, "algorithm": "ed25519", "principal": str(BOB.principal)},
        "sealed": {"kind": "pem", "format": "pbes2", "algorithm": "ed25519"},
        "mallory": pem,
        "../escape": pem,
        **{
            kind: {"kind": kind, "principal": str(ALICE.principal)}
            for kind in ("keyring", "hsm", "web-auth", "pending-delegation", "quantum")
        },
    }
    (folder / "identity_list.json").write_text(json.dumps({"v": 1, "identities": entries}), encoding="utf-8")
    (folder / "identity_defaults.json").write_text(json.dumps({"v": 1, "default": "alice"}), encoding="utf-8")
    for name, identity in (("alice", ALICE), ("bob", BOB), ("mallory", BOB)):
        (folder / "keys" / f"{name}.pem").write_text(identity_to_pem(identity), encoding="utf-8")
    (folder / "keys" / "sealed.pem").write_text(SEALED, encoding="utf-8")
    (tmp_path / "escape.pem").write_text(identity_to_pem(ALICE), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("name", "expected"), [(None, ALICE), ("alice", ALICE), ("bob", BOB)])
def test_plain_keys_are_loaded(data: Path, name: str | None, expected: KeyIdentity) -> None:
    """An identity is loaded by name; without a name the default one."""
    assert load_identity(name, data) == expected


def test_anonymous_needs_no_file(tmp_path: Path) -> None:
    """`anonymous` is built in, and the default of an empty folder."""
    assert load_identity("anonymous", tmp_path).principal == ANONYMOUS
    assert load_identity(None, tmp_path).principal == ANONYMOUS


def test_an_encrypted_key_asks_for_its_password(data: Path) -> None:
    """The password is asked by the identity's name, once, and for encrypted keys only."""
    asked: list[str] = []

    def password(name: str) -> str:
        asked.append(name)
        return "correct horse"

    assert isinstance(load_identity("sealed", data, password), Ed25519Identity)
    assert load_identity("alice", data, password) == ALICE
    assert asked == ["sealed"]
    with pytest.raises(IdentityError) as caught:
        load_identity("sealed", data)
    assert caught.value.slug == "identity/password-needed"
    with pytest.raises(IdentityError) as caught:
        load_identity("sealed", data, lambda _: "wrong")
    assert caught.value.slug == "identity/wrong-password"


@pytest.mark.parametrize("kind", ["hsm", "web-auth", "pending-delegation", "quantum"])
def test_other_kinds_are_refused_by_name(data: Path, kind: str) -> None:
    """What cannot sign here is refused by its name, with the reason and a way out."""
    with pytest.raises(IdentityError) as caught:
        load_identity(kind, data)
    assert caught.value.slug == "identity/unsupported-kind"
    assert f"`{kind}`" in caught.value.summary
    assert "identity new" in str(caught.value.hint)


def test_a_key_in_the_keyring_is_loaded(data: Path) -> None:
    """An identity whose key icp-cli keeps in the keyring is asked for there, by its name."""
    secrets = {"keyring": identity_to_pem(ALICE)}
    assert load_identity("keyring", data, keyring=secrets.__getitem__) == ALICE
    with pytest.raises(IdentityError) as caught:
        load_identity("keyring", data, keyring=lambda _: identity_to_pem(BOB))
    assert caught.value.slug == "identity/mismatch"


@pytest.mark.parametrize("storage", [{"kind": "pem", "format": "plaintext"}, {"kind": "keyring"}])
def test_a_delegated_session_is_loaded(data: Path, storage: dict[str, str]) -> None:
    """A session signs for the one who delegated to it; its chain and its key are found where icp-cli keeps them."""
    session, expiration = Prime256v1Identity.from_seed(b"\x03" * 32), time.time_ns() + 3600 * 10**9
    link = sign_delegation(ALICE, session.public_key_der, expiration_ns=expiration, targets=[BOB.principal])
    write_delegation(data, "session", storage, link)
    (data / "identity" / "keys" / "session.pem").write_text(identity_to_pem(session), encoding="utf-8")
    identity = load_identity("session", data, keyring={"delegation:session": identity_to_pem(session)}.__getitem__)
    assert identity == DelegatedIdentity(public_key_der=ALICE.public_key_der, session=session, delegations=(link,))
    assert identity.principal == ALICE.principal


def write_delegation(data: Path, name: str, storage: dict[str, str], link: SignedDelegation) -> None:
    """Add a delegated identity as icp-cli writes it."""
    path = data / "identity" / "identity_list.json"
    listed = json.loads(path.read_text(encoding="utf-8"))
    listed["identities"][name] = {"kind": "delegation", "algorithm": "prime256v1", "principal": str(ALICE.principal), "storage": storage}
    path.write_text(json.dumps(listed), encoding="utf-8")
    targets = None if link.targets is None else [target.raw.hex() for target in link.targets]
    delegation = {"pubkey": link.public_key_der.hex(), "expiration": f"{link.expiration_ns:x}", "targets": targets}
    chain = {"publicKey": ALICE.public_key_der.hex(), "delegations": [{"signature": link.signature.hex(), "delegation": delegation}]}
    (data / "identity" / "delegations").mkdir(exist_ok=True)
    (data / "identity" / "delegations" / f"{name}.json").write_text(json.dumps(chain), encoding="utf-8")


def test_a_delegation_that_ends_or_does_not_fit_is_refused(data: Path) -> None:
    """An expired chain and a chain for another key are refused with their own slugs."""
    session = Prime256v1Identity.from_seed(b"\x03" * 32)
    (data / "identity" / "keys" / "session.pem").write_text(identity_to_pem(session), encoding="utf-8")
    storage = {"kind": "pem", "format": "plaintext"}
    write_delegation(data, "session", storage, sign_delegation(ALICE, session.public_key_der, expiration_ns=time.time_ns() + 10**9))
    with pytest.raises(IdentityError) as caught:
        load_identity("session", data)
    assert caught.value.slug == "identity/delegation-expired"
    write_delegation(data, "session", storage, sign_delegation(ALICE, BOB.public_key_der, expiration_ns=1 << 62))
    with pytest.raises(IdentityError) as caught:
        load_identity("session", data)
    assert caught.value.slug == "identity/mismatch"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"publicKey": "zz", "delegations": []}', '{"publicKey": "", "delegations": [{"delegation": 5}]}']
)
def test_malformed_chains_are_refused(text: str) -> None:
    """A chain that is not what icp-cli writes raises `IdentityError`."""
    with pytest.raises(IdentityError):
        parse_chain(text)


def test_an_unknown_name_lists_the_known_ones(data: Path) -> None:
    """A misspelt name is answered with the names that there are."""
    with pytest.raises(IdentityError) as caught:
        load_identity("alise", data)
    assert caught.value.slug == "identity/unknown"
    assert "alice" in str(caught.value.detail)
    assert "--identity" in str(caught.value.hint)


def test_a_swapped_key_is_noticed(data: Path) -> None:
    """A key file of somebody else is not used under the name of the identity."""
    with pytest.raises(IdentityError) as caught:
        load_identity("mallory", data)
    assert caught.value.slug == "identity/mismatch"


def test_a_name_cannot_leave_the_folder(data: Path) -> None:
    """A name that is a path is refused."""
    with pytest.raises(IdentityError):
        load_identity("../escape", data)


def test_records_are_listed(data: Path) -> None:
    """All identities are listed, `anonymous` first, the default marked, the usable ones known."""
    records = IdentityStore(data).load_records()
    assert records[0].name == "anonymous"
    assert [record.name for record in records if record.is_default] == ["alice"]
    assert {record.name for record in records if record.usable} == {
        "anonymous",
        "alice",
        "bob",
        "sealed",
        "mallory",
        "keyring",
        "../escape",
    }
    assert next(record for record in records if record.name == "bob").principal == BOB.principal


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("identity_list.json", "{"),
        ("identity_list.json", "[]"),
        ("identity_list.json", '{"v": 2, "identities": {}}'),
        ("identity_list.json", '{"v": 1, "identities": []}'),
        ("identity_list.json", '{"v": 1, "identities": {"a": {}}}'),
        ("identity_list.json", '{"v": 1, "identities": {"a": {"kind": "pem", "principal": "nonsense"}}}'),
        ("identity_list.json", "[" * 100_000),
        ("identity_defaults.json", '{"v": 1, "default": 5}'),
        ("identity_defaults.json", '{"v": 9, "default": "a"}'),
    ],
)
def test_damaged_files_are_named(data: Path, file: str, text: str) -> None:
    """A file that cannot be understood is named in the error; nothing is guessed."""
    (data / "identity" / file).write_text(text, encoding="utf-8")
    with pytest.raises(IdentityError) as caught:
        load_identity(None, data)
    assert caught.value.slug == "identity/store"
    assert file in caught.value.summary


def test_a_pem_file_is_loaded_by_path(tmp_path: Path) -> None:
    """A key file anywhere is loaded by its path; one that is not there is named."""
    path = tmp_path / "key.pem"
    path.write_text(identity_to_pem(BOB), encoding="utf-8")
    assert load_identity_file(path) == BOB
    path.write_text(SEALED, encoding="utf-8")
    assert isinstance(load_identity_file(path, lambda name: {"key": "correct horse"}[name]), Ed25519Identity)
    with pytest.raises(IdentityError) as caught:
        load_identity_file(tmp_path / "missing.pem")
    assert "missing.pem" in caught.value.summary


def test_the_data_directory_follows_the_platform() -> None:
    """`ICP_HOME` wins; otherwise it is where the platform keeps an application's data."""
    home = Path("/home/u")
    assert icp_data_directory({"ICP_HOME": "/x"}, home, "linux") == Path("/x")
    assert icp_data_directory({}, home, "linux") == home / ".local/share/icp-cli"
    assert icp_data_directory({"XDG_DATA_HOME": "/data"}, home, "linux") == Path("/data/icp-cli")
    assert icp_data_directory({"XDG_DATA_HOME": "relative"}, home, "linux") == home / ".local/share/icp-cli"
    assert icp_data_directory({}, home, "darwin") == home / "Library/Application Support/org.dfinity.icp-cli"
    assert icp_data_directory({"APPDATA": "/roaming"}, home, "win32") == Path("/roaming/dfinity/icp-cli/data")

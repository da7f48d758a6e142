"""icp-cli's identities: found, loaded, or refused by name."""

import json
from pathlib import Path

import pytest

from orchestrator.agent.identities import IdentityStore, icp_data_directory, load_identity, load_identity_file
from orchestrator.core.principal import ANONYMOUS
from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import Ed25519Identity, KeyIdentity, Secp256k1Identity
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
        **{kind: {"kind": kind, "principal": str(ALICE.principal)} for kind in ("keyring", "hsm", "web-auth", "delegation", "quantum")},
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


@pytest.mark.parametrize("kind", ["keyring", "hsm", "web-auth", "delegation", "quantum"])
def test_other_kinds_are_refused_by_name(data: Path, kind: str) -> None:
    """What cannot sign here is refused by its name, with the reason and a way out."""
    with pytest.raises(IdentityError) as caught:
        load_identity(kind, data)
    assert caught.value.slug == "identity/unsupported-kind"
    assert f"`{kind}`" in caught.value.summary
    assert "--storage plaintext" in str(caught.value.hint)


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
    assert {record.name for record in records if record.usable} == {"anonymous", "alice", "bob", "sealed", "mallory", "../escape"}
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

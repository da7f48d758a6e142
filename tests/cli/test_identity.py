"""`orchestrator identity`, in a home of its own."""

import json
from pathlib import Path

from tests.support.command import Command


def test_fresh_home_has_the_anonymous_identity(orchestrator: Command) -> None:
    """Without any identity the anonymous one is the default."""
    assert orchestrator("identity", "list").stdout == "* anonymous  2vxsx-fae\n"
    assert orchestrator("identity", "default").stdout == "anonymous\n"
    assert orchestrator("identity", "principal").stdout == "2vxsx-fae\n"


def test_new_identity_is_listed_and_can_be_the_default(orchestrator: Command) -> None:
    """A new identity's principal is on stdout; it is listed, and once it is the default it is the one that is used."""
    made = orchestrator("identity", "new", "alice")
    chosen = orchestrator("identity", "default", "alice")
    listed = json.loads(orchestrator("identity", "list", "--json").stdout)

    principal = made.stdout.strip()
    assert made.stderr == "Made identity `alice`; its key is not encrypted; whoever reads the file is this identity\n"
    assert (chosen.exit_code, chosen.stdout) == (0, "")
    assert listed == {
        "schema": 1,
        "default_identity": "alice",
        "identities": [{"name": "anonymous", "principal": "2vxsx-fae"}, {"name": "alice", "principal": principal}],
    }
    assert orchestrator("identity", "principal").stdout == made.stdout


def test_answers_as_json(orchestrator: Command) -> None:
    """With `--json` a principal comes with its identity's name, and the default identity in an object."""
    made = json.loads(orchestrator("identity", "new", "alice", "--json").stdout)

    assert (made["schema"], made["name"]) == (1, "alice")
    assert json.loads(orchestrator("identity", "principal", "--identity", "alice", "--json").stdout) == made
    assert json.loads(orchestrator("identity", "principal", "--json").stdout) == {
        "schema": 1,
        "name": "anonymous",
        "principal": "2vxsx-fae",
    }
    assert json.loads(orchestrator("identity", "default", "alice", "--json").stdout) == {"schema": 1, "default_identity": "alice"}
    assert json.loads(orchestrator("identity", "default", "--json").stdout) == {"schema": 1, "default_identity": "alice"}


def test_encrypted_identity_needs_its_password(orchestrator: Command, tmp_path: Path) -> None:
    """An encrypted key opens with the password file, and not without."""
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    made = orchestrator("identity", "new", "bob", "--storage-password-file", str(password))

    opened = orchestrator("identity", "principal", "--identity", "bob", "--identity-password-file", str(password))
    closed = orchestrator("identity", "principal", "--identity", "bob")

    assert opened.stdout == made.stdout
    assert (closed.exit_code, closed.stdout) == (1, "")
    assert closed.stderr.startswith("error[identity/password-needed]")


def test_name_is_taken_once(orchestrator: Command) -> None:
    """A name that exists is refused, and its key stays."""
    first = orchestrator("identity", "new", "carol")
    second = orchestrator("identity", "new", "carol")

    assert (second.exit_code, second.stdout) == (1, "")
    assert second.stderr.startswith("error[identity/")
    assert orchestrator("identity", "principal", "--identity", "carol").stdout == first.stdout

"""The operating system's keyring, asked by the system's own tools."""

import os
from pathlib import Path

import pytest

from orchestrator.agent.keyring import system_keyring
from orchestrator.errors import IdentityError

PEM = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"


def install(folder: Path, name: str, script: str) -> dict[str, str]:
    """Put a tool of this name on a search path of its own, and return the environment that finds it."""
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.defpath}"}


def test_the_stand_in_folder_is_read(tmp_path: Path) -> None:
    """icp-cli's stand-in for the keyring is understood, with its way to spell names."""
    (tmp_path / "default_icp-cli_delegation_my_session.mockcred").write_text(PEM, encoding="utf-8")
    keyring = system_keyring({"ICP_CLI_KEYRING_MOCK_DIR": str(tmp_path)})
    assert keyring("delegation:my-session") == PEM
    with pytest.raises(IdentityError) as caught:
        keyring("alice")
    assert caught.value.slug == "identity/keyring"


@pytest.mark.parametrize(
    ("platform", "tool", "words"),
    [
        ("linux", "secret-tool", "lookup service icp-cli username alice"),
        ("darwin", "security", "find-generic-password -s icp-cli -a alice -w"),
    ],
)
def test_the_systems_tool_is_asked(tmp_path: Path, platform: str, tool: str, words: str) -> None:
    """The tool gets service and name; its output is the secret."""
    environ = install(tmp_path, tool, f'[ "$*" = "{words}" ] || exit 1\nprintf "%s\\n" "{PEM}"')
    assert system_keyring(environ, platform)("alice") == PEM
    with pytest.raises(IdentityError) as caught:
        system_keyring(environ, platform)("bob")
    assert "icp identity export bob" in str(caught.value.hint)


def test_hexadecimal_output_is_undone(tmp_path: Path) -> None:
    """`security` prints a secret with line ends as hexadecimal digits."""
    environ = install(tmp_path, "security", f"echo {PEM.encode().hex()}")
    assert system_keyring(environ, "darwin")("alice") == PEM


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_a_missing_keyring_is_explained(tmp_path: Path, platform: str) -> None:
    """Without the tool, or on a platform without one, the error says how to move the key into a file."""
    with pytest.raises(IdentityError) as caught:
        system_keyring({"PATH": str(tmp_path)}, platform)("alice")
    assert caught.value.slug == "identity/keyring"
    assert "--storage plaintext" in str(caught.value.hint)

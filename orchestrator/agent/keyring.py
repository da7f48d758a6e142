"""Secrets in the operating system's keyring, where icp-cli keeps most keys, read by the system's own tools.

Linux: `secret-tool` (libsecret); macOS: `security`. An entry is the text of a PEM file under the service `icp-cli`.
`ICP_CLI_KEYRING_MOCK_DIR` names a folder that stands for the keyring, as it does for icp-cli's tests.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from orchestrator.errors import IdentityError

__all__ = ["KEYRING_TIMEOUT_SECONDS", "MOCK_DIRECTORY_VARIABLE", "KeyringReader", "system_keyring"]

KEYRING_TIMEOUT_SECONDS = 120.0
"""How long the system may take, which asks the user to unlock the keyring."""
MOCK_DIRECTORY_VARIABLE = "ICP_CLI_KEYRING_MOCK_DIR"

KeyringReader: TypeAlias = Callable[[str], str]
"""Returns the secret of a user name; raises `IdentityError` if there is none or the keyring cannot be asked."""

_SERVICE = "icp-cli"
_NOT_ALPHANUMERIC = re.compile(r"[\W_]")
_HEX_LINES = re.compile(r"(?:[0-9a-fA-F]{2})+")


def system_keyring(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> KeyringReader:
    """Return a reader of this machine's keyring."""
    variables = os.environ if environ is None else environ
    mock = variables.get(MOCK_DIRECTORY_VARIABLE)

    def read(user: str) -> str:
        if mock:
            return _read_mock(Path(mock), user)
        return _ask_system(user, platform, variables)

    return read


def _read_mock(directory: Path, user: str) -> str:
    path = directory / f"default_{_SERVICE}_{_NOT_ALPHANUMERIC.sub('_', user)}.mockcred"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _missing(user, f"{path}: {error.strerror}") from error


def _ask_system(user: str, platform: str, environ: Mapping[str, str]) -> str:
    commands = {
        "linux": ["secret-tool", "lookup", "service", _SERVICE, "username", user],
        "darwin": ["security", "find-generic-password", "-s", _SERVICE, "-a", user, "-w"],
    }
    command = commands.get(platform)
    if command is None:
        raise _missing(user, f"reading the keyring is not supported on {platform}")
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=KEYRING_TIMEOUT_SECONDS, env=dict(environ))
    except FileNotFoundError as error:
        raise _missing(user, f"`{command[0]}` is not installed; on Debian and Ubuntu it is in the package libsecret-tools") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _missing(user, f"`{command[0]}` did not answer: {type(error).__name__}") from error
    secret = done.stdout.decode("utf-8", errors="replace").strip()
    if done.returncode != 0 or not secret:
        raise _missing(user, f"`{command[0]}` has no entry `{user}` of the service `{_SERVICE}`")
    return _unwrap(secret)


def _unwrap(secret: str) -> str:
    """Return the text of a secret: `security` prints those with line ends as hexadecimal digits."""
    if _HEX_LINES.fullmatch(secret):
        return bytes.fromhex(secret).decode("utf-8", errors="replace")
    return secret


def _missing(user: str, reason: str) -> IdentityError:
    return IdentityError(
        f"the key `{user}` cannot be read from the operating system's keyring",
        slug="identity/keyring",
        detail=reason,
        hint=(
            f"copy the key into a file: `icp identity export {user} > key.pem`, "
            f"then `icp identity import {user}-file --from-pem key.pem --storage plaintext`; choose it with `--identity {user}-file`"
        ),
    )

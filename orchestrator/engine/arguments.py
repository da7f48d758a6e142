"""Install arguments: from what the manifest says to the bytes that the canister gets."""

from collections.abc import Mapping

from orchestrator import candid
from orchestrator.core.project import Arguments, Canister
from orchestrator.core.secret_lines import hide_quotes
from orchestrator.errors import CandidError, DeployError

__all__ = ["CANDID_SERVICE", "EMPTY_ARGUMENTS", "describe_fault", "encode_arguments", "install_arguments"]

CANDID_SERVICE = "candid:service"
EMPTY_ARGUMENTS = b"DIDL\0\0"


def install_arguments(canister: Canister, metadata: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    """Return the arguments of an install and of an upgrade; the former also serves upgrades when there are no others.

    Candid text is typed by the module's `candid:service` section when it has one, else its types are inferred.
    """
    first = encode_arguments(canister.init_args, metadata.get(CANDID_SERVICE), canister=canister.name)
    if canister.upgrade_args is None:
        return first, first
    return first, encode_arguments(canister.upgrade_args, metadata.get(CANDID_SERVICE), canister=canister.name)


def encode_arguments(arguments: Arguments | None, service: bytes | None, *, canister: str) -> bytes:
    """Encode arguments; `service` is the module's interface as .did text. Raises `DeployError` with the place."""
    if arguments is None:
        return EMPTY_ARGUMENTS
    content = arguments.content
    if isinstance(content, bytes):
        return content
    try:
        if arguments.format == "hex":
            return bytes.fromhex(content)
        return _encode_text(content, service)
    except ValueError as error:
        raise _unusable(arguments, canister, f"not hex: {error}") from error
    except CandidError as error:
        raise _unusable(arguments, canister, describe_fault(error, content)) from error


def describe_fault(error: CandidError, content: str) -> str:
    """Return what is wrong with Candid text, and where, without what it holds."""
    place = f" (line {error.span.line}, column {error.span.column} of the text)" if error.span is not None else ""
    said = error.summary if error.detail is None else f"{error.summary}: {error.detail}"
    return f"{hide_quotes(said, content)}{place}"


def _encode_text(text: str, service: bytes | None) -> bytes:
    types = None
    if service is not None:
        try:
            types = candid.parse_interface(service.decode()).init_arguments or None
        except (CandidError, UnicodeDecodeError):
            # The section is the module author's; a broken one must not stop a deploy that can do without.
            types = None
    return candid.parse_arguments(text, types)


def _unusable(arguments: Arguments, canister: str, detail: str) -> DeployError:
    return DeployError(
        f"the arguments of canister `{canister}` cannot be encoded", slug="deploy/arguments", detail=detail, span=arguments.span
    )

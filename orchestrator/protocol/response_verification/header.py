"""The `IC-Certificate` header.

Source: the HTTP gateway protocol specification, section "The Certificate Header".
"""

import base64
import binascii
import re
from dataclasses import dataclass

from orchestrator.errors import ProtocolError
from orchestrator.protocol import cbor, hash_tree
from orchestrator.protocol.hash_tree import Tree
from orchestrator.protocol.response_verification.failures import failure

__all__ = ["CertificateHeader", "parse_certificate_header"]

MAX_HEADER_CHARACTERS = 256 * 1024
"""The longest header that is read, in characters: no browser takes more, and reading it keeps others waiting for a fifth of a second."""
_VERSION = re.compile(r"[0-9]{1,3}")
_FIELD = re.compile(r"(?P<name>[^=]+)=:?(?P<value>[^:]+):?")
_OLDEST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateHeader:
    """What the header says; nothing of it is verified. `expression_path` is None where the field is absent."""

    certificate: bytes
    tree: Tree
    version: int
    expression_path: tuple[str, ...] | None


def parse_certificate_header(value: str) -> CertificateHeader:
    """Parse the header's value; of a field that is there twice the first one counts. Raises `CertificateError`."""
    if len(value) > MAX_HEADER_CHARACTERS:
        raise _malformed(f"it has more than {MAX_HEADER_CHARACTERS} characters")
    fields: dict[str, str] = {}
    for part in value.split(","):
        match = _FIELD.fullmatch(part.strip())
        if match:
            fields.setdefault(match["name"], match["value"])
    for name in ("certificate", "tree"):
        if name not in fields:
            raise _malformed(f"it has no field `{name}`")
    return CertificateHeader(
        certificate=_decode_base64(fields["certificate"], "certificate"),
        tree=_read_tree(_decode_base64(fields["tree"], "tree")),
        version=_read_version(fields.get("version")),
        expression_path=_read_path(_decode_base64(fields["expr_path"], "expr_path")) if "expr_path" in fields else None,
    )


def _malformed(reason: str) -> Exception:
    return failure("header", f"the header `IC-Certificate` is malformed: {reason}")


def _decode_base64(text: str, name: str) -> bytes:
    """Decode with or without padding, as other readers of this header do."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(f"field `{name}` is not base64") from error


def _read_tree(data: bytes) -> Tree:
    try:
        tree = cbor.loads(data)
    except ProtocolError as error:
        raise _malformed("field `tree` is not CBOR") from error
    if not isinstance(tree, list):
        raise _malformed("field `tree` is not a hash tree")
    try:
        hash_tree.check_well_formed(tree)
    except ProtocolError as error:
        raise _malformed(f"field `tree` is not a hash tree: {error.detail or error.summary}") from error
    return tree


def _read_version(text: str | None) -> int:
    if text is None:
        return _OLDEST_VERSION
    if not _VERSION.fullmatch(text):
        raise _malformed("field `version` is not a number")
    return int(text)


def _read_path(data: bytes) -> tuple[str, ...]:
    try:
        path = cbor.loads(data)
    except ProtocolError as error:
        raise _malformed("field `expr_path` is not CBOR") from error
    if not isinstance(path, list) or not all(isinstance(segment, str) for segment in path):
        raise _malformed("field `expr_path` is not a list of texts")
    return tuple(path)

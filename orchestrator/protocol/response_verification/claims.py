"""What a response says about its own certification: the two headers, read."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.protocol.response_verification.expression import Expression, parse_expression
from orchestrator.protocol.response_verification.failures import failure
from orchestrator.protocol.response_verification.header import CertificateHeader, parse_certificate_header

__all__ = ["CERTIFICATE_HEADER", "EXPRESSION_HEADER", "Claim", "read_claim"]

CERTIFICATE_HEADER = "ic-certificate"
EXPRESSION_HEADER = "ic-certificateexpression"
_VERSIONS = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A response's certificate, and in version 2 the expression that says what it covers with its text."""

    header: CertificateHeader
    expression: Expression | None = None
    expression_text: str = ""

    @property
    def version(self) -> int:
        """1 or 2."""
        return self.header.version


def read_claim(headers: Sequence[tuple[str, str]]) -> Claim:
    """Read the headers of a response, whose names may be in any case. Raises `CertificateError`."""
    named = {name.lower(): value for name, value in headers}
    if CERTIFICATE_HEADER not in named:
        raise failure("uncertified", "the response has no header `IC-Certificate`")
    header = parse_certificate_header(named[CERTIFICATE_HEADER])
    if header.version not in _VERSIONS:
        raise failure("version", f"it is certified by version {header.version}; known are 1 and 2")
    if header.version == 1:
        return Claim(header=header)
    text = named.get(EXPRESSION_HEADER)
    if text is None:
        raise failure("uncertified", "the response has no header `IC-CertificateExpression`")
    if header.expression_path is None:
        raise failure("header", "the header `IC-Certificate` has no field `expr_path`")
    return Claim(header=header, expression=parse_expression(text), expression_text=text)

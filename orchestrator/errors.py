"""Every error that a user can cause, as one tree, and what an error says.

    OrchestratorError                exit 1   anything this package raises on purpose
    ├── UsageError                   exit 2   the command line contradicts itself
    ├── DocumentError                         YAML or JSON5 text that cannot be read
    ├── ManifestError                         the project's files do not describe a project
    ├── RecipeError                           a recipe that cannot be found or rendered
    ├── CandidError
    │   ├── CandidSyntaxError                 a .did file or a text value does not parse
    │   ├── CandidEncodeError                 a value does not fit its type
    │   └── CandidDecodeError                 bytes that are not the expected message
    ├── ProtocolError
    │   ├── CertificateError                  a certificate that does not verify
    │   ├── SignatureError                    a signature that does not verify
    │   └── IdentityError                     a key or an identity that cannot be used
    ├── AgentError
    │   ├── TransportError                    the network did not answer as HTTP
    │   ├── RejectError                       the network answered: rejected
    │   └── OutcomeUnknownError      exit 6   sent, and nothing tells whether it took effect
    ├── NetworkError                          a network cannot be started, found or used
    ├── ReplicaError                          the embedded network refuses to start
    ├── BuildError                            a build step failed
    ├── SandboxError
    │   ├── PluginRefusedError                a plugin step that is never started
    │   ├── PluginTrapError                   the plugin trapped
    │   ├── PluginLimitError                  the plugin reached one of its limits
    │   └── PluginFailedError                 the plugin returned an error
    ├── DeployError                           a step of a plan failed
    ├── ConsentError                          something needed a yes and did not get one
    ├── StoreError                            a file of ours that cannot be read or written
    │   └── LockHeldError            exit 5   another run holds the lock
    ├── InterruptedRunError          exit 130 stopped by the user
    └── BugError                     exit 70  what nobody foresaw; only the command line's edge makes one

An error is one summary that never changes with the data's size, a stable slug, the place, and a hint
with the command or the edit that helps. Rendering is `orchestrator.ui`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import ClassVar, Literal

__all__ = [
    "AgentError",
    "BugError",
    "BuildError",
    "CandidDecodeError",
    "CandidEncodeError",
    "CandidError",
    "CandidSyntaxError",
    "CertificateError",
    "ConsentError",
    "DeployError",
    "Diagnostic",
    "DocumentError",
    "ExitCode",
    "IdentityError",
    "InterruptedRunError",
    "LockHeldError",
    "ManifestError",
    "NetworkError",
    "OrchestratorError",
    "OutcomeUnknownError",
    "PluginFailedError",
    "PluginLimitError",
    "PluginRefusedError",
    "PluginTrapError",
    "ProtocolError",
    "RecipeError",
    "RejectError",
    "ReplicaError",
    "SandboxError",
    "Severity",
    "SignatureError",
    "Span",
    "StoreError",
    "TransportError",
    "UsageError",
]

Severity = Literal["error", "warning"]


class ExitCode(IntEnum):
    """What the process answers; scripts rely on these numbers."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3
    PAUSED = 4
    LOCKED = 5
    UNKNOWN = 6
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A place in a text file: where an error points.

    `line` and `column` count from 1, columns in code points; `length` is how many code points the
    caret underlines (at least 1); `text` is the whole line without its line end. `lines` are those of the whole file
    where they are known, for the lines around; they may hold secrets, and are shown by `ui` only.
    """

    path: Path
    line: int
    column: int
    length: int = 1
    text: str = ""
    lines: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing that is wrong (or odd, for a warning), ready to be rendered.

    `slug` is stable (`manifest/unknown-key`); `summary` is one sentence without a full stop; `detail`
    says why; `related` are further places, each with a note; `hint` is the command or edit that helps.
    """

    slug: str
    summary: str
    severity: Severity = "error"
    detail: str | None = None
    span: Span | None = None
    related: tuple[tuple[Span, str], ...] = ()
    hint: str | None = None


class OrchestratorError(Exception):
    """The root of the tree: whatever this package raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    default_slug: ClassVar[str] = "orchestrator/failed"

    def __init__(
        self,
        summary: str,
        *,
        slug: str | None = None,
        detail: str | None = None,
        span: Span | None = None,
        related: tuple[tuple[Span, str], ...] = (),
        hint: str | None = None,
        diagnostics: Sequence[Diagnostic] = (),
    ) -> None:
        """Take one problem, or many in `diagnostics` (then `summary` heads the list)."""
        super().__init__(summary)
        self.summary = summary
        self.slug = slug or self.default_slug
        self.detail = detail
        self.span = span
        self.hint = hint
        self.diagnostics = tuple(diagnostics) or (
            Diagnostic(slug=self.slug, summary=summary, detail=detail, span=span, related=related, hint=hint),
        )


class UsageError(OrchestratorError):
    """Raised when options or arguments contradict each other."""

    exit_code = ExitCode.USAGE
    default_slug = "usage/invalid"


class DocumentError(OrchestratorError):
    """Raised when YAML or JSON5 text cannot be read as one document."""

    default_slug = "document/invalid"


class ManifestError(OrchestratorError):
    """Raised with all problems of a project's files at once."""

    default_slug = "manifest/invalid"


class RecipeError(OrchestratorError):
    """Raised when a recipe cannot be found, verified or rendered."""

    default_slug = "recipe/invalid"


class CandidError(OrchestratorError):
    """The root of what the Candid codec and parsers raise."""

    default_slug = "candid/invalid"


class CandidSyntaxError(CandidError):
    """Raised when a .did file or a text value does not parse."""

    default_slug = "candid/syntax"


class CandidEncodeError(CandidError):
    """Raised when a value does not fit the type it is encoded with."""

    default_slug = "candid/encode"


class CandidDecodeError(CandidError):
    """Raised when bytes are not a message of the expected types."""

    default_slug = "candid/decode"


class ProtocolError(OrchestratorError):
    """The root of what the wire protocol's checks raise."""

    default_slug = "protocol/invalid"


class CertificateError(ProtocolError):
    """Raised when a certificate does not verify, or proves something else."""

    default_slug = "protocol/certificate"


class SignatureError(ProtocolError):
    """Raised when a request's or a reply's signature does not verify."""

    default_slug = "protocol/signature"


class IdentityError(ProtocolError):
    """Raised when a key or an identity cannot be read or used."""

    default_slug = "identity/unusable"


class AgentError(OrchestratorError):
    """The root of what talking to a network raises."""

    default_slug = "agent/failed"


class TransportError(AgentError):
    """Raised when the network does not answer, or answers with an HTTP error."""

    default_slug = "agent/transport"


class RejectError(AgentError):
    """Raised when the network rejects a call.

    `reject_code` is the specification's number (1 SysFatal, 2 SysTransient, 3 DestinationInvalid,
    4 CanisterReject, 5 CanisterError, 6 SysUnknown); `error_code` the `IC0…` text, if given; `canister` the name of
    the canister that the call was made for, where its message may have the id alone.
    """

    default_slug = "agent/rejected"

    def __init__(
        self, message: str, *, reject_code: int, error_code: str | None = None, hint: str | None = None, canister: str | None = None
    ) -> None:
        """Keep the reject's code, text and error code."""
        label = f"IC reject code {reject_code}" + (f", {error_code}" if error_code else "")
        about = f"canister `{canister}`: " if canister is not None else ""
        super().__init__(f"{about}the network rejected the call: {message}", detail=label, hint=hint)
        self.message = message
        self.reject_code = reject_code
        self.error_code = error_code


class OutcomeUnknownError(AgentError):
    """Raised when a mutating call was sent and its effect cannot be established.

    `request_id` is the call's id; it cannot start to take effect after `expiry_ns` (nanoseconds since 1970).
    `certified_time_ns` is the last certified time at which the network did not know the call, if any.
    """

    exit_code = ExitCode.UNKNOWN
    default_slug = "agent/outcome-unknown"
    request_id: bytes = b""
    expiry_ns: int = 0
    certified_time_ns: int | None = None


class NetworkError(OrchestratorError):
    """Raised when a network cannot be started, found or used."""

    default_slug = "network/unusable"


class ReplicaError(OrchestratorError):
    """Raised when the embedded network refuses to start or to load its state."""

    default_slug = "replica/failed"


class BuildError(OrchestratorError):
    """Raised when a build step fails or produces no module."""

    default_slug = "build/failed"


class SandboxError(OrchestratorError):
    """The root of what running a sync plugin raises."""

    default_slug = "plugin/failed"


class PluginRefusedError(SandboxError):
    """Raised when a plugin step is refused before anything of it runs."""

    default_slug = "plugin/refused"


class PluginTrapError(SandboxError):
    """Raised when the plugin trapped or exited."""

    default_slug = "plugin/trap"


class PluginLimitError(SandboxError):
    """Raised when the plugin reached its compute, time or memory limit."""

    default_slug = "plugin/limit"


class PluginFailedError(SandboxError):
    """Raised when the plugin returned an error of its own."""

    default_slug = "plugin/err"


class DeployError(OrchestratorError):
    """Raised when a step of a plan fails; the journal tells what was done before."""

    default_slug = "deploy/failed"


class ConsentError(OrchestratorError):
    """Raised when a change needs consent and there is none; nothing was sent."""

    default_slug = "deploy/consent"


class StoreError(OrchestratorError):
    """Raised when a file of ours cannot be read or written."""

    default_slug = "store/failed"


class LockHeldError(StoreError):
    """Raised when another run holds the environment's lock."""

    exit_code = ExitCode.LOCKED
    default_slug = "store/locked"


class InterruptedRunError(OrchestratorError):
    """Raised when the user stopped the run; what was in flight is in the journal."""

    exit_code = ExitCode.INTERRUPTED
    default_slug = "run/interrupted"


class BugError(OrchestratorError):
    """Stands for an exception that is no `OrchestratorError`: a mistake of ours."""

    exit_code = ExitCode.BUG
    default_slug = "orchestrator/bug"

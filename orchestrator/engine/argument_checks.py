"""Install arguments, looked at before there is a module: whether they are what their format says."""

from collections.abc import Iterator

from orchestrator.core.project import Arguments, Canister
from orchestrator.engine.arguments import describe_fault
from orchestrator.errors import CandidError, CandidSyntaxError, Diagnostic

__all__ = ["check_arguments"]


def check_arguments(canister: Canister) -> Iterator[Diagnostic]:
    """Yield what no interface could make right in a canister's arguments; what they hold is not repeated."""
    for key, arguments in (("init_args", canister.init_args), ("upgrade_args", canister.upgrade_args)):
        if arguments is None or isinstance(arguments.content, bytes):
            continue
        fault = _fault_of_hex(arguments.content) if arguments.format == "hex" else _fault_of_candid(arguments.content)
        if fault is not None:
            yield Diagnostic(
                slug=f"manifest/invalid-{arguments.format}",
                summary=f"`{key}` of canister `{canister.name}` is not {_NAMES[arguments.format]}",
                detail=fault,
                span=arguments.span,
                hint=_hint(arguments),
            )


_NAMES = {"hex": "hexadecimal", "candid": "Candid text"}


def _fault_of_hex(text: str) -> str | None:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        digits = "".join(text.split())
        return "it has a character that is no hex digit" if len(digits) % 2 == 0 else f"it has {len(digits)} digits; two make a byte"
    return None if not data or data.startswith(b"DIDL") else "encoded arguments begin with `4449444c`"


def _fault_of_candid(text: str) -> str | None:
    """Return where the text stops being Candid; whether its values fit their types is for the module's interface to say."""
    from orchestrator import candid

    try:
        candid.parse_arguments(text)
    except CandidSyntaxError as error:
        return describe_fault(error, text)
    except CandidError:
        return None
    return None


def _hint(arguments: Arguments) -> str:
    if arguments.format == "hex":
        return "write the output of `didc encode`, or Candid text with `format: candid`"
    text = arguments.content if isinstance(arguments.content, str) else ""
    if not text.lstrip().startswith("("):
        return 'put the values in parentheses: `"(42)"`, `(record { owner = principal "aaaaa-aa" })`'
    return 'check brackets, commas and quotes; a text is `"…"`, a record `record { name = value }`'

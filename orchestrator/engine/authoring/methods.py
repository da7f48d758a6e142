"""The methods of the canister that is not there, as its author's `.did` file tells them."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.errors import CandidError, UsageError

if TYPE_CHECKING:
    from orchestrator.candid.types import Function

__all__ = ["Methods", "argument_problem", "check_replies", "load_methods"]

Methods: TypeAlias = "Mapping[str, Function]"
"""Method types by name; a canister may have more methods than these."""


def load_methods(directory: Path, path: Path | None) -> Methods:
    """Load the methods of a `.did` file, relative to `directory`, none without one; raises `UsageError`."""
    if path is None:
        return {}
    from orchestrator.candid import load_interface_file

    try:
        service = load_interface_file(directory / path).service
        methods: Methods = {} if service is None else service.methods
    except CandidError as error:
        raise UsageError(f"the interface `{path}` cannot be used: {error.summary}", slug="usage/candid", detail=error.detail) from error
    if service is None:
        raise UsageError(f"the interface `{path}` has no service", slug="usage/candid", hint="add `service : { … }` with the methods")
    return methods


def check_replies(replies: Iterable[str], methods: Methods, path: Path | None, *, others: bool) -> None:
    """Refuse replies of methods that the `.did` file does not have; raises `UsageError`.

    Nothing is known without a file, or when `others`, canisters with methods of their own, are answered for as well.
    """
    if path is None or others:
        return
    for name in replies:
        if name not in methods:
            similar = get_close_matches(name, methods, n=1)
            raise UsageError(
                f"there is a reply of `{name}`, which is no method of the interface `{path}`",
                slug="usage/reply",
                hint=f"did you mean `{similar[0]}`?" if similar else "name one of its methods, or add the method to the interface",
            )


def argument_problem(methods: Methods, method: str, arg: bytes) -> str | None:
    """Say why an argument is not what its method takes; `None` when it is, or when nobody knows."""
    from orchestrator.candid import decode

    function = methods.get(method)
    if function is None:
        return None
    try:
        decode(arg, function.arguments)
    except CandidError as error:
        return error.summary
    return None

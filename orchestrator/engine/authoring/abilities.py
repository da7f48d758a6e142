"""What a plugin may do, in words, from what it imports; the sandbox decides, this only tells."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from orchestrator.sandbox.reports import Ability

__all__ = ["describe_abilities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What is said of a plugin that imports one of these, and of one that does not (`None` says nothing)."""

    name: str
    imports: tuple[str, ...]
    granted: bool
    text: str
    otherwise: str | None = None


_RULES: Final = (
    _Rule(
        name="canister-call",
        imports=("canister-call",),
        granted=True,
        text="call methods of the canister that it syncs",
        otherwise="call a canister: it does not import `canister-call`",
    ),
    _Rule(
        name="canister-call-batch",
        imports=("canister-call-batch",),
        granted=True,
        text="make many calls at once, which arrive in any order",
    ),
    _Rule(
        name="other-canisters",
        imports=("icp:sync-plugin@0.2",),
        granted=True,
        text="call the canisters that its step lists under `canisters`",
    ),
    _Rule(
        name="sections",
        imports=("canister-metadata-section",),
        granted=True,
        text="read custom sections of the modules of these canisters",
    ),
    _Rule(
        name="options",
        imports=("options",),
        granted=True,
        text="read the options that the command line passes on",
    ),
    _Rule(
        name="directories",
        imports=("wasi:filesystem/preopens",),
        granted=True,
        text="read the directories that its step declares under `dirs`",
        otherwise="read directories: it does not import a file system; what its step declares under `files` it is given as text",
    ),
    _Rule(
        name="output",
        imports=("wasi:cli/stdout", "wasi:cli/stderr"),
        granted=True,
        text="write lines to stdout and stderr",
        otherwise="write lines: it does not import stdout and stderr",
    ),
    _Rule(name="clocks", imports=("wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock"), granted=True, text="read clocks"),
    _Rule(
        name="random",
        imports=("wasi:random/random", "wasi:random/insecure", "wasi:random/insecure-seed"),
        granted=True,
        text="get random bytes",
    ),
    _Rule(name="exit", imports=("wasi:cli/exit",), granted=True, text="exit, which fails its step whatever the status"),
    _Rule(
        name="environment",
        imports=("wasi:cli/environment",),
        granted=False,
        text="see arguments or environment variables, although it imports them",
    ),
    _Rule(name="input", imports=("wasi:cli/stdin",), granted=False, text="read standard input, although it imports it: it is empty"),
    _Rule(
        name="sockets",
        imports=(
            "wasi:sockets/instance-network",
            "wasi:sockets/ip-name-lookup",
            "wasi:sockets/network",
            "wasi:sockets/tcp",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/udp",
            "wasi:sockets/udp-create-socket",
        ),
        granted=False,
        text="reach a network, although it imports sockets: every attempt fails",
    ),
)


def describe_abilities(imports: Iterable[str]) -> tuple[Ability, ...]:
    """Say what a component with these imports may do, and what of its imports leads nowhere."""
    listed = tuple(imports)
    names = {name.partition("@")[0] for name in listed}
    if any(name.startswith("icp:sync-plugin/types@0.2") for name in listed):
        names.add("icp:sync-plugin@0.2")
    return tuple(
        Ability(name=rule.name, granted=rule.granted and here, text=text)
        for rule in _RULES
        for here in [not names.isdisjoint(rule.imports)]
        if (text := rule.text if here else rule.otherwise) is not None
    )

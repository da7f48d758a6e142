"""Random spellings of amounts: what is one here is one for icp-cli 1.5.0, and the reverse.

Only how an amount is written is shown by either, so that its value is not compared here.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.core.units import UnitError, parse_cycles, parse_duration, parse_memory
from tests.conformance.manifests.tools import Case, Tools, top
from tests.support.official_icp import icp_binary

pytestmark = [pytest.mark.npm, pytest.mark.slow]
SPELLINGS = 600
REFUSED = 25
"""A refused value is tried alone: it refuses its project."""
DIGITS = "0123456789"
KINDS: dict[str, tuple[Callable[[str], int], tuple[str, ...]]] = {
    "reserved_cycles_limit": (parse_cycles, ("", "k", "m", "b", "t", "K", "T", "kk", "kb", "s")),
    "wasm_memory_limit": (parse_memory, ("", "kb", "KiB", "mb", "MiB", "gb", "GIB", "k", "b", "tib")),
    "freezing_threshold": (parse_duration, ("", "s", "m", "h", "d", "w", "S", "W", "ms", "y", "min")),
}
INSERTED = ("_", "_", "__", " ", ".", "+", "-", "e", "\t", "\xa0")
AROUND = (" ", "_", "+", "-", ".", "\n", "\x0b", "\x1c", "\x85", "\u2028", "\u3000", "\u200b")
EXPONENTS = ("0", "00", "1", "03", "-3", "+9", "12", "-12", "19", "20", "28", "-30", "39", "100")
"""None of millions: icp-cli calculates for minutes then."""


def _digits(chance: random.Random, *counts: int) -> str:
    return "".join(chance.choice(DIGITS) for _ in range(chance.choice(counts)))


def _number(chance: random.Random) -> str:
    whole = _digits(chance, 1, 1, 2, 3, 5, 9, 19, 20, 21, 38, 39)
    match chance.randrange(8):
        case 0 | 1 | 2:
            return whole
        case 3 | 4 | 5:
            return f"{whole[:4]}.{_digits(chance, 0, 1, 1, 2, 3, 6, 12, 13, 25)}"
        case 6:
            return f".{_digits(chance, 0, 1, 3, 12)}"
        case _:
            return f"{chance.choice((whole[:3], f'{whole[:2]}.{whole[:3]}'))}{chance.choice('eE')}{chance.choice(EXPONENTS)}"


def _spelling(chance: random.Random, suffixes: tuple[str, ...]) -> str:
    text = _number(chance) + chance.choice(("", "", "", " ", "_", "  ")) + chance.choice(suffixes)
    at = chance.randrange(len(text) + 1)
    match chance.randrange(6):
        case 0 | 1:
            return text
        case 2 | 3 if "e" not in text.lower():
            return text[:at] + chance.choice(INSERTED) + text[at:]
        case 4:
            return chance.choice(AROUND) + text
        case _:
            return text + chance.choice(AROUND)


def _is_amount(text: str, parse: Callable[[str], int]) -> bool:
    try:
        parse(text)
    except UnitError:
        return False
    return True


def _project(key: str, texts: list[str]) -> Case:
    """Return a project of canisters with one spelling each; as JSON, which both read as YAML."""
    steps = {"steps": [{"type": "script", "command": "x"}]}
    canisters = [{"name": f"c{index}", "build": steps, "settings": {key: text}} for index, text in enumerate(texts)]
    nowhere = [{"name": name, "canisters": ["c0"]} for name in ("local", "ic")]
    return top(json.dumps({"canisters": canisters, "environments": nowhere}))


@pytest.mark.parametrize("key", KINDS)
def test_spellings_of_amounts(key: str, npm_modules: Path, tmp_path: Path) -> None:
    """All that we take is taken, half a hundred in one project, and a sample of what we refuse is refused."""
    tools, (parse, suffixes) = Tools(binary=icp_binary(npm_modules), directory=tmp_path), KINDS[key]
    chance = random.Random(key)  # noqa: S311  no secret
    texts = list(dict.fromkeys(_spelling(chance, suffixes) for _ in range(SPELLINGS)))
    taken = [text for text in texts if _is_amount(text, parse)]
    refused = [text for text in texts if not _is_amount(text, parse)]

    assert len(taken) > SPELLINGS // 10
    for start in range(0, len(taken), 50):
        outcome = tools.compare(_project(key, taken[start : start + 50]), f"taken-{start}")
        assert (outcome.verdict, outcome.loads) == ("same", True), outcome.talk[:3000]
    for index, text in enumerate(chance.sample(refused, REFUSED)):
        outcome = tools.compare(_project(key, [text]), f"refused-{index}")
        assert (outcome.verdict, outcome.loads) == ("same", False), f"{text!r} {outcome.talk[:1000]}"

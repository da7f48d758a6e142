"""Our codec against the JavaScript one that web pages use."""

from pathlib import Path

import pytest

from orchestrator.candid import decode, encode
from tests.support.candid_generator import CandidGenerator
from tests.support.candid_oracle import ask, javascript_type


@pytest.mark.npm
def test_values_survive_the_way_through_javascript(npm_modules: Path) -> None:
    """What JavaScript decodes from our bytes and encodes again gives the same values here."""
    cases = []
    for seed in range(500):
        generator = CandidGenerator(seed, references=False)
        types = [generator.type() for _ in range(generator.random.randint(1, 3))]
        values = [generator.value(type_) for type_ in types]
        cases.append((types, values, encode(types, values)))
    questions = [{"ask": "reencode", "types": list(map(javascript_type, types)), "input": data.hex()} for types, _, data in cases]

    for (types, values, _), answer in zip(cases, ask(npm_modules, questions), strict=True):
        assert answer.error is None
        assert repr(decode(bytes.fromhex(answer.ok), types)) == repr(values)

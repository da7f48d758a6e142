"""The state's file format: whatever goes in comes out, and nothing goes in that would not."""

from dataclasses import dataclass

import pytest

from orchestrator.errors import ReplicaError
from orchestrator.replica.rejects import Reason, Rejection, explicit_reject, reject, trapped
from orchestrator.replica.storage import codec


@pytest.mark.parametrize(
    "rejection",
    [reject(Reason.DEADLINE), trapped(b"\x01", "unreachable", "IC0502"), explicit_reject("no")],
    ids=["system", "trap", "explicit"],
)
def test_every_kind_of_reject_comes_back(rejection: Rejection) -> None:
    """A network whose canisters failed can be started again."""
    assert codec.load_part(codec.dump_part(rejection)) == rejection


@dataclass(frozen=True)
class Unknown:
    """A class that the format does not list."""

    number: int = 1


def test_what_could_not_be_read_again_is_not_written() -> None:
    """The mistake shows when the state is saved, while the last good state is still there."""
    with pytest.raises(ReplicaError, match="cannot be saved") as raised:
        codec.dump_part([Unknown()])
    assert "Unknown" in (raised.value.detail or "")


def test_a_changed_bit_is_noticed() -> None:
    """Whatever bit of a file is another one, it is refused."""
    whole = codec.dump({"number": 7, "text": "state"})
    for place in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ReplicaError):
            codec.load(bytes(damaged))

"""Where the compute limit comes from."""

import pytest

from orchestrator.errors import UsageError
from orchestrator.sandbox.limits import DEFAULT_COMPUTE_SECONDS, compute_limit

OURS = "ORCHESTRATOR_PLUGIN_COMPUTE_LIMIT_SECS"
ICP = "ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS"


@pytest.mark.parametrize(
    ("flag", "environment", "step", "expected"),
    [
        (None, {}, None, DEFAULT_COMPUTE_SECONDS),
        (None, {}, 5.0, 5.0),
        (None, {ICP: "7"}, 5.0, 7.0),
        (None, {ICP: "7", OURS: "8"}, 5.0, 8.0),
        (0.5, {ICP: "nonsense", OURS: "8"}, 5.0, 0.5),
        (None, {OURS: "8", ICP: "nonsense"}, None, 8.0),
        (None, {ICP: " +09\n"}, None, 9.0),
        (None, {ICP: "18446744073709551615"}, None, float(2**64 - 1)),
    ],
)
def test_precedence(flag: float | None, environment: dict[str, str], step: float | None, expected: float) -> None:
    """Flag, our variable, icp's variable, the step, the default; what does not count is not read."""
    assert compute_limit(flag=flag, environment=environment, step=step) == expected


@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "1e3", "60s", "٣", "1_000", "18446744073709551616", "\udcff"])
@pytest.mark.parametrize("variable", [OURS, ICP])
def test_bad_values(variable: str, value: str) -> None:
    """A variable that is no positive 64-bit integer is refused in icp's words, naming it."""
    with pytest.raises(UsageError) as caught:
        compute_limit(flag=None, environment={variable: value}, step=None)

    assert caught.value.summary.startswith(f"invalid {variable} value '")
    assert caught.value.summary.endswith("': expected a positive integer number of seconds")


def test_bad_flag() -> None:
    """A limit of nothing would let no plugin run."""
    with pytest.raises(UsageError, match="0 seconds"):
        compute_limit(flag=0, environment={}, step=None)

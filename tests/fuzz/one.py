"""Fuzz one target in this process: python -m tests.fuzz.one TARGET SECONDS FOLDER.

With atheris, inputs are bred by what they reach (its native part needs a wheel for this Python); without, they are
changed at random. Memory and the time of one input are bounded either way; what breaks is written to FOLDER.
"""

import contextlib
import hashlib
import importlib.util
import io
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.fuzz.corpus import dictionary, found, seeds

__all__ = ["MAX_INPUT_BYTES", "MEMORY_BYTES", "SECONDS_OF_AN_INPUT", "main"]

MEMORY_BYTES = 2 * 1024**3
"""What a target's process may take."""
SECONDS_OF_AN_INPUT = 10
"""An input that takes longer counts as a hang."""
MAX_INPUT_BYTES = 16 * 1024


def main() -> None:
    """Fuzz the target that the arguments name."""
    name, seconds, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [*seeds(name), *(path.read_bytes() for path in found(name))]
    if importlib.util.find_spec("atheris") is not None:
        _with_atheris(name, seconds, folder, inputs)
    else:
        _at_random(name, seconds, folder, inputs)


def _with_atheris(name: str, seconds: float, folder: Path, inputs: list[bytes]) -> None:
    import atheris  # only with the extra `fuzz`

    with contextlib.redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["orchestrator"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS
    corpus = folder / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    words = folder / f"{name}.words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in dictionary(name)), encoding="utf-8")
    options = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-timeout={SECONDS_OF_AN_INPUT}",
        f"-rss_limit_mb={MEMORY_BYTES // 1024**2}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-artifact_prefix={folder}/{name}-",
        *([f"-dict={words}"] if dictionary(name) else []),
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


def _at_random(name: str, seconds: float, folder: Path, inputs: list[bytes]) -> None:
    from tests.fuzz.targets import TARGETS

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    choose = random.Random(name)  # noqa: S311  the same inputs every time
    words = [word.encode() for word in dictionary(name)]
    end = time.monotonic() + seconds
    count = 0
    for data in _bred(choose, inputs, words):
        try:
            with _time_limit(SECONDS_OF_AN_INPUT):
                TARGETS[name](data)
        except Exception:
            path = folder / f"{name}-crash-{hashlib.sha256(data).hexdigest()[:16]}"
            path.write_bytes(data)
            raise
        count += 1
        if time.monotonic() >= end:
            break
    print(f"{name}: {count} inputs")


def _bred(choose: random.Random, inputs: list[bytes], words: list[bytes]) -> Iterator[bytes]:
    yield from inputs
    while True:
        data = bytearray(choose.choice(inputs)[:MAX_INPUT_BYTES])
        for _ in range(choose.randint(1, 6)):
            _change(choose, data, inputs, words)
        yield bytes(data)


def _change(choose: random.Random, data: bytearray, inputs: list[bytes], words: list[bytes]) -> None:
    start = choose.randint(0, len(data))
    end = min(len(data), start + choose.randint(0, 8))
    changes: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: bytes(data[start:end]) * choose.randint(2, 20),
        lambda: choose.randbytes(choose.randint(1, 3)),
        lambda: choose.choice(words or [b" "]),
        lambda: choose.choice(inputs)[:64],
    ]
    data[start:end] = choose.choice(changes)()


@contextlib.contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def ring(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"an input took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    main()

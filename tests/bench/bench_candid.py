"""Candid at the speed of memory: a blob of one megabyte, and a list of records."""

from collections.abc import Iterator
from pathlib import Path

from ic.candid import Types
from ic.candid import encode as ic_encode

from orchestrator.candid import decode, encode, types
from tests.bench.measuring import MEGABYTE, Row, median_seconds, milliseconds

TIMES = 20
RECORDS = 5_000


def rows(_: Path) -> Iterator[Row]:
    """Measure encoding and decoding, beside ic-py's encoder."""
    blob = bytes(range(256)) * (MEGABYTE // 256)
    blob_types = [types.Vec(types.NAT8)]
    message = encode(blob_types, [blob])
    peer = median_seconds(lambda: ic_encode([{"type": Types.Vec(Types.Nat8), "value": list(blob)}]), times=2)
    yield Row(
        what="Candid: encode a blob of 1 MB",
        value=milliseconds(median_seconds(lambda: encode(blob_types, [blob]), times=TIMES)),
        peer=f"ic-py: {milliseconds(peer)}",
    )
    yield Row(what="Candid: decode a blob of 1 MB", value=milliseconds(median_seconds(lambda: decode(message, blob_types), times=TIMES)))

    record = types.record({"id": types.NAT64, "name": types.TEXT, "amount": types.NAT, "note": types.Opt(types.TEXT)})
    values = [{"id": number, "name": f"name {number}", "amount": number * 10**12, "note": None} for number in range(RECORDS)]
    list_types = [types.Vec(record)]
    encoded = encode(list_types, [values])
    for what, seconds in (
        ("encode", median_seconds(lambda: encode(list_types, [values]), times=5)),
        ("decode", median_seconds(lambda: decode(encoded, list_types), times=5)),
    ):
        yield Row(what=f"Candid: {what} {RECORDS} records of four fields", value=milliseconds(seconds))

"""Small JSON requests to a program on this machine, without a client library."""

import http.client
import json
from collections.abc import Mapping

import anyio.to_thread

__all__ = ["JsonAnswer", "request_json"]

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_ADDRESS = "127.0.0.1"
JsonAnswer = Mapping[str, object]


async def request_json(
    port: int, method: str, path: str, content: Mapping[str, object] | None = None, *, seconds: float
) -> tuple[int, JsonAnswer]:
    """Send one request to a port of this machine; return the status and the object in the answer (empty for none).

    Raises `OSError` when there is no answer, `ValueError` when it is no JSON object.
    """
    return await anyio.to_thread.run_sync(_exchange, port, method, path, content, seconds, abandon_on_cancel=True)


def _exchange(port: int, method: str, path: str, content: Mapping[str, object] | None, seconds: float) -> tuple[int, JsonAnswer]:
    connection = http.client.HTTPConnection(_ADDRESS, port, timeout=seconds)
    try:
        body = None if content is None else json.dumps(content)
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, body=body, headers=headers)
        with connection.getresponse() as response:
            data = response.read(MAX_ANSWER_BYTES)
            status = response.status
    except http.client.HTTPException as error:
        raise OSError(f"the answer is no HTTP: {error!r}") from error
    finally:
        connection.close()
    value = json.loads(data) if data.strip() else {}
    if not isinstance(value, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004  # it is about the value of a message
    return status, value

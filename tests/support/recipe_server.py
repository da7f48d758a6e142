"""A server of recipes and modules, by path, which may change what it serves at any time.

with recipe_server({"/a.hbs": b"..."}) as server:
    server.files["/a.hbs"] = b"other"
    assert server.asked == []
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["RecipeServer", "recipe_server"]


class RecipeServer(ThreadingHTTPServer):
    """Answers 200 with what is in `files` (by path and query), else 404; `asked` are the paths, in order."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        """Listen on a port that the system chooses."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Return the server's address, without a slash at its end."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: RecipeServer

    def do_GET(self) -> None:
        """Answer one request."""
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def recipe_server(files: dict[str, bytes]) -> Iterator[RecipeServer]:
    """Serve files until the end of the block."""
    with RecipeServer(files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

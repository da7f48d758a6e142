"""A real Chromium without a window, driven over its own debugging pipe.

    with running_browser(tmp_path) as browser:
        page = browser.open("http://…")
        page.evaluate("document.title")

Source: the Chrome DevTools Protocol; messages on the pipe are JSON that ends with a zero byte.
"""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Browser", "Page", "find_browser", "running_browser"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIMIT_SECONDS = 60.0
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_COMMANDS_IN, _EVENTS_OUT = 3, 4
_WHEN = (
    "new Promise((resolve) => { const look = () => { const found = CONDITION; found ? resolve(found) : setTimeout(look, 10); }; look(); })"
)


@dataclass(slots=True)
class Browser:
    """A browser process, and what it said that nobody has asked for yet."""

    write_end: int
    read_end: int
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    unread: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def send(self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self.numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters or {}}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.read_end], [], [], LIMIT_SECONDS)
            assert ready, "the browser does not answer"
            data = os.read(self.read_end, 1 << 16)
            assert data, "the browser has ended"
            self.unread += data
        message, _, self.unread = self.unread.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, url: str, *, width: int = 1000, height: int = 800, dark: bool = False) -> "Page":
        """Open an address in a new tab and wait until it has loaded with all its parts."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable", session=session)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", size, session)
        scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
        self.send("Emulation.setEmulatedMedia", scheme, session)
        self.send("Page.navigate", {"url": url}, session)
        page.wait("location.href !== 'about:blank' && document.readyState === 'complete'")
        return page


@dataclass(frozen=True, slots=True)
class Page:
    """One tab."""

    browser: Browser
    session: str

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, awaited when it is a promise."""
        parameters = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self.browser.send("Runtime.evaluate", parameters, self.session)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> Any:
        """Wait until an expression is true in the page, and return it; a navigation meanwhile starts the wait again."""
        for _ in range(10):
            try:
                return self.evaluate(_WHEN.replace("CONDITION", condition))
            except AssertionError as error:
                if "navigat" not in str(error) and "context" not in str(error):
                    raise
        raise AssertionError(f"the page never came to: {condition}")

    def text(self) -> str:
        """Return what can be read on the page."""
        return str(self.evaluate("document.body.innerText"))

    def complaints(self) -> list[str]:
        """Return what the browser logged about this page: failed loads, blocked scripts, exceptions."""
        self.evaluate("0")
        kinds = {"Log.entryAdded", "Runtime.exceptionThrown"}
        own = [event for event in self.browser.events if event.get("sessionId") == self.session and event["method"] in kinds]
        return [json.dumps(event["params"]) for event in own]

    def screenshot(self, file: Path) -> None:
        """Write what the page looks like, as PNG."""
        data = self.browser.send("Page.captureScreenshot", {"format": "png"}, self.session)["data"]
        file.write_bytes(base64.b64decode(data))


def find_browser() -> str:
    """Return the path of the browser, or skip the test with the reason."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    return program


@contextlib.contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Run Chromium with a profile of its own for the length of a `with` block; without one the test is skipped."""
    program = find_browser()
    (commands_in, commands_out), (events_in, events_out) = os.pipe(), os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    actions = [
        *((os.POSIX_SPAWN_DUP2, nothing, number) for number in (0, 1, 2)),
        (os.POSIX_SPAWN_DUP2, commands_in, _COMMANDS_IN),
        (os.POSIX_SPAWN_DUP2, events_out, _EVENTS_OUT),
    ]
    arguments = [program, *_OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    process = os.posix_spawn(program, arguments, os.environ, file_actions=actions, setpgroup=0)
    for end in (commands_in, events_out, nothing):
        os.close(end)
    try:
        yield Browser(commands_out, events_in)
    finally:
        os.close(commands_out)
        os.close(events_in)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)

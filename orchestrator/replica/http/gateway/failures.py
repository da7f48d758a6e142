"""What ends a request early: a page's words, raised."""

from dataclasses import dataclass

__all__ = ["GatewayError", "Link", "NoPagesError"]


@dataclass(frozen=True, slots=True)
class Link:
    """An address, and the words before it."""

    words: str
    url: str


class GatewayError(Exception):
    """Ends a request with a page in plain words."""

    def __init__(self, status: int, title: str, text: str, *, links: tuple[Link, ...] = ()) -> None:
        """Take the HTTP status, what happened in a few words, why, and where to go from here."""
        super().__init__(f"{title}: {text}")
        self.status, self.title, self.text, self.links = status, title, text, links


class NoPagesError(GatewayError):
    """Raised when a canister has no method for web pages; its other methods can be called all the same."""

"""Where the bytes of a download go, under a lower limit."""

from dataclasses import dataclass

from orchestrator.errors import StoreError
from orchestrator.store.download import Target

__all__ = ["CappedTarget", "too_large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CappedTarget:
    """Another target that refuses (`download/too-large`) to become larger than `most_bytes`; `url` as it may be shown."""

    target: Target
    most_bytes: int
    url: str

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return self.target.size

    @property
    def validator(self) -> str | None:
        """Return the version that they are of."""
        return self.target.validator

    def restart(self, validator: str | None) -> None:
        """Forget what is there."""
        self.target.restart(validator)

    def resume(self) -> None:
        """Keep what is there."""
        self.target.resume()

    def write(self, chunk: bytes) -> None:
        """Take more bytes, if they are few enough."""
        if self.target.size + len(chunk) > self.most_bytes:
            raise too_large(self.url, self.most_bytes)
        self.target.write(chunk)


def too_large(url: str, most_bytes: int) -> StoreError:
    """Return the error of a download that is larger than it may be."""
    return StoreError(
        f"`{url}` cannot be downloaded", slug="download/too-large", detail=f"it is larger than {most_bytes} bytes", hint="check the URL"
    )

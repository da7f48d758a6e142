"""Where networks are reached."""

import pytest

from orchestrator.network.addresses import is_local, render_url, to_reach


@pytest.mark.parametrize(
    ("bind", "url", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", True),
        ("0.0.0.0", "http://127.0.0.1:8000", True),  # noqa: S104  # compared with, not bound
        ("::", "http://[::1]:8000", True),
        ("::1", "http://[::1]:8000", True),
        ("192.0.2.1", "http://192.0.2.1:8000", False),
        ("2001:db8::1", "http://[2001:db8::1]:8000", False),
    ],
)
def test_address_is_reached_as_it_can_be(bind: str, url: str, *, local: bool) -> None:
    """Nobody can connect to the address that stands for all; IPv6 addresses need brackets."""
    assert render_url(to_reach(bind), 8000) == url
    assert is_local(bind) is local

"""What a running network's descriptor says about reaching it."""

import pytest

from orchestrator.core.project import ManagedNetwork
from orchestrator.network.descriptor import Descriptor


def describe(bind: str) -> Descriptor:
    """Return the descriptor of a network that listens on an address."""
    return Descriptor(
        network="local", project="/p", pid=1, birth="b", bind=bind, port=8000, root_key="00", instance_id="i", control_token="t"
    )


@pytest.mark.parametrize(
    ("bind", "api", "gateway"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", "http://localhost:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000", "http://localhost:8000"),  # noqa: S104  compared with, not bound to
        ("::1", "http://[::1]:8000", "http://localhost:8000"),
        ("::", "http://[::1]:8000", "http://localhost:8000"),
        ("192.168.1.2", "http://192.168.1.2:8000", "http://192.168.1.2:8000"),
    ],
)
def test_a_network_is_reached_where_it_listens(bind: str, api: str, gateway: str) -> None:
    """The API's address is one that the network listens on, of the same family; browsers get a name where there is one."""
    access = describe(bind).access(ManagedNetwork(name="local", bind=bind))

    assert (access.api_url, access.gateway_url) == (api, gateway)


def test_the_first_domain_is_printed() -> None:
    """A domain of the manifest stands in the gateway's URL."""
    assert describe("192.168.1.2").access(ManagedNetwork(name="local", domains=("a.test", "b.test"))).gateway_url == "http://a.test:8000"


@pytest.mark.parametrize(
    ("bind", "port", "same"),
    [("::1", 8000, True), ("::1", 0, True), ("::1", 8001, False), ("127.0.0.1", 8000, False)],
)
def test_whether_it_listens_where_the_project_wants_it(bind: str, port: int, *, same: bool) -> None:
    """Address and port have to agree, where 0 agrees with every port; an IPv6 address is written in brackets."""
    described = describe("::1")

    assert described.listens_as(ManagedNetwork(name="local", bind=bind, port=port)) is same
    assert described.listens_on == "[::1]:8000"

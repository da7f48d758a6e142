"""The packaged interfaces: what others rely on is there."""

import pytest

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal

ME = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai")


def method(interface: str, name: str) -> T.Function:
    """Return a method of a packaged interface."""
    service = load_interface(interface).service
    assert service is not None
    return service.methods[name]


def test_interfaces_are_parsed_once() -> None:
    """`load_interface` gives the same object every time."""
    assert load_interface("management") is load_interface("management")
    with pytest.raises(FileNotFoundError):
        load_interface("nothing")


@pytest.mark.parametrize(
    "name",
    [
        "create_canister",
        "provisional_create_canister_with_cycles",
        "provisional_top_up_canister",
        "install_chunked_code",
        "fetch_canister_logs",
    ],
)
def test_management_methods(name: str) -> None:
    """The methods that a deployment needs exist and take one record."""
    (argument,) = method("management", name).arguments

    assert isinstance(T.resolve(argument), T.Record)


def test_settings_can_be_given_in_part() -> None:
    """A dict with the settings that matter is enough; all others are absent."""
    types = method("management", "update_settings").arguments

    (read,) = decode(encode(types, [{"canister_id": ME, "settings": {"controllers": [ME], "log_memory_limit": 4096}}]), types)

    assert isinstance(read, dict)
    assert read["settings"]["controllers"] == [ME]
    assert read["settings"]["log_memory_limit"] == 4096
    assert read["settings"]["compute_allocation"] is None
    assert read["sender_canister_version"] is None


def test_status_has_what_current_clients_require() -> None:
    """The reply of `canister_status` carries the fields that icp 1.5.0 does not do without, and not as opts."""
    (status,) = method("management", "canister_status").results
    assert isinstance(status, T.Record)
    fields = {field.label: field.type for field in status.fields}
    settings, metrics = fields["settings"], fields["memory_metrics"]
    assert isinstance(settings, T.Record)
    assert isinstance(metrics, T.Record)
    there = {field.label: field.type for field in (*settings.fields, *metrics.fields)}

    assert {there[name] for name in ("log_memory_limit", "log_memory_store_size")} == {T.NAT}
    assert isinstance(there["snapshot_visibility"], T.Variant)
    assert isinstance(there["status_visibility"], T.Variant)


def test_proxy() -> None:
    """The proxy takes a call with cycles and answers with a reply or one of three errors."""
    proxy = method("proxy", "proxy")
    reply = encode(proxy.results, [Variant("Err", Variant("InsufficientCycles", {"available": 1, "required": 2}))])

    assert decode(encode(proxy.arguments, [{"canister_id": ME, "method": "f", "args": b"DIDL", "cycles": 0}])) != []
    assert decode(reply, proxy.results) == [Variant("Err", Variant("InsufficientCycles", {"available": 1, "required": 2}))]

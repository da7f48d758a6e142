"""Addresses, registries and lock files, whatever somebody writes."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.project import RecipeReference
from orchestrator.core.registries import describe_name_defect, describe_template_defect, recipe_url
from orchestrator.errors import RecipeError
from orchestrator.recipes import RegistryRecipe, RemoteRecipe, is_remote, parse_address
from orchestrator.store.lock_file import LockFile, PinKind, Pins, pin_name

ADDRESSES = st.text(max_size=60) | st.from_regex(
    r"https?://([a-z:]{1,9}@)?[a-z.]{1,9}/[a-z/]{0,9}(\?[a-z=&]{0,12})?(#[a-z]{0,3})?", fullmatch=True
)
HASHES = st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)
KINDS = st.sampled_from(("recipes", "plugins", "modules"))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
VERSIONS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,12}", fullmatch=True)
TEMPLATES = st.text(max_size=40) | st.from_regex(r"https://[a-z{}./?#=:@-]{0,30}", fullmatch=True)


@settings(max_examples=8)  # each writes a file to the disk, twice
@given(st.lists(st.tuples(KINDS, ADDRESSES, HASHES), max_size=8))
def test_what_is_pinned_is_found(entries: list[tuple[PinKind, str, str]]) -> None:
    """Whatever is written is read back, the last pin of an address counting; writing it again changes no byte."""
    with tempfile.TemporaryDirectory() as directory:
        file = LockFile(path=Path(directory) / "orchestrator.lock", guard=Path(directory) / "guard")
        pins = Pins()
        for kind, address, sha256 in entries:
            pins = pins.with_pin(kind, address, sha256)
        file.replace(pins, was=Pins())
        assert file.load() == pins
        text = file.path.read_bytes() if entries else b""
        file.replace(pins, was=pins)
        assert (file.path.read_bytes() if entries else b"") == text
        last = {(kind, pin_name(address)): sha256.lower() for kind, address, sha256 in entries}
        assert all(pins.of(kind)[name] == sha256 for (kind, name), sha256 in last.items())


@given(TEMPLATES, NAMES, VERSIONS)
def test_no_name_leads_to_another_server(template: str, name: str, version: str) -> None:
    """For every template that is accepted, names and versions choose nothing but the part of the URL behind the host."""
    if describe_template_defect(template) is not None or describe_name_defect(name) is not None:
        return
    url = recipe_url(template, name, version)
    host = template.split("/", 3)[2]
    assert url.startswith(("https://", "http://"))
    assert url.split("/", 3)[2] == host
    assert "{" not in url


@given(st.text(max_size=40) | st.from_regex(r"(@|\./|file://|https?://)?[a-z@/.:%?-]{0,20}", fullmatch=True))
def test_any_address_is_read_or_refused(text: str) -> None:
    """What is no address is an error with a form to write; what leads to another machine is known before it is read."""
    read: object = None
    slug = None
    try:
        read = parse_address(RecipeReference(address=text))
    except RecipeError as error:
        slug = error.slug
    assert (read is None) is (slug in {"recipe/invalid-address", "recipe/missing-version"})
    assert isinstance(read, RemoteRecipe | RegistryRecipe) <= is_remote(text)

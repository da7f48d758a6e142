"""What canisters of a workspace are called."""

from pathlib import Path

from orchestrator.core.workspace import MAX_FRIENDLY_NAMES, Dependency, Member, friendly_names, key_of, project_of, resolve_name


def member(key: str, own: str, **dependencies: str) -> Member:
    """Return a project with one canister; the dependencies' canisters are called like their projects."""
    return Member(
        key=key,
        directory=Path("/x"),
        dependencies=tuple(Dependency(alias=alias, project=project) for alias, project in dependencies.items()),
        bindings={own: key_of(key, own)} | {f"{alias}:c": f"{project}:c" for alias, project in dependencies.items()},
    )


DIAMOND = (member("", "app", lib="../lib", mid="../mid"), member("../lib", "c"), member("../mid", "c", thelib="../lib"))


def test_keys() -> None:
    """A canister's key says which project it is of; directories may have colons."""
    assert key_of("", "app") == "app"
    assert key_of("../a:b", "c") == "../a:b:c"
    assert [project_of(key) for key in ("app", "../lib:c", "../a:b:c")] == ["", "../lib", "../a:b"]


def test_friendly_names() -> None:
    """A project that is reached on several ways gives several names, shortest first; the innermost alias comes first."""
    assert friendly_names(DIAMOND) == {"app": ("app",), "../lib:c": ("c.lib", "c.thelib.mid"), "../mid:c": ("c.mid",)}
    assert friendly_names(()) == {}


def test_friendly_names_are_bounded() -> None:
    """Diamonds on diamonds have more ways than anybody can count."""
    chain = [member(str(index) if index else "", "c", a=str(index + 1), b=str(index + 1)) for index in range(40)]
    names = friendly_names((*chain, member("40", "c")))
    assert len(names) == 41
    assert max(map(len, names.values())) == MAX_FRIENDLY_NAMES


def test_what_a_user_types() -> None:
    """Keys come first, then what the project calls canisters in whose directory the user is."""
    keys = {"app", "../lib:c", "../mid:c"}
    assert [resolve_name(name, keys, DIAMOND, "") for name in ("app", "lib:c", "../lib:c", "c")] == ["app", "../lib:c", "../lib:c", "c"]
    assert [resolve_name(name, keys, DIAMOND, "../mid") for name in ("c", "thelib:c", "lib:c")] == ["../mid:c", "../lib:c", "lib:c"]
    assert resolve_name("c", {*keys, "c"}, DIAMOND, "../mid") == "c"
    assert resolve_name("c", keys, (), "") == "c"

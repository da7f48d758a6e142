"""What the scripts of the bundled recipes do, with stand-ins for compilers: no value is ever read as shell."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.project import PrebuiltStep
from orchestrator.engine.modules import load_metadata
from tests.support.recipe_scripts import EMPTY_MODULE, RECORDER, Workshop

ARTIFACT = '{"reason":"compiler-artifact","target":{"kind":["cdylib"]},"filenames":["%s"],"fresh":false}'
MOC = f'{RECORDER}for last in "$@"; do :; done\nprintf "\\0asm\\1\\0\\0\\0" > "$last"\n'
LINES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn"), exclude_characters="\ufffe\uffff"), min_size=1)
HOSTILE = [
    "'",
    "$(touch hacked)",
    "`touch hacked`",
    "; touch hacked",
    '"',
    "\\",
    "a b",
    "-x",
    "--",
    "#",
    "{{x}}",
    "'\\''",
    "é'",
    "\t'\t",
    "*",
]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Make a folder with an empty module."""
    made = Workshop(tmp_path)
    (made.directory / "empty.wasm").write_bytes(EMPTY_MODULE)
    return made


def add_cargo(workshop: Workshop, *modules: str) -> None:
    """Make a cargo that builds nothing, and tells that it made modules of these names."""
    messages = "\n".join(f"printf '%s\\n' '{ARTIFACT % module}'" for module in modules)
    workshop.tool("cargo", f"{RECORDER}{messages}\n")


SIZES = {"empty": 0, "one byte": 127 - 15, "two bytes": 128 - 15, "many": 20_000}


@pytest.mark.parametrize("name", SIZES)
def test_metadata_is_added_without_a_tool(name: str, workshop: Workshop) -> None:
    """A section of any size follows what the module has; its name says who may read it."""
    value = "x" * SIZES[name]
    metadata = [{"name": "a", "value": value}, {"name": "b c", "value": "ü", "visibility": "public"}]
    built = workshop.build("prebuilt", path="empty.wasm", metadata=metadata)
    assert (built.status, built.stderr) == (0, "")
    assert built.module.startswith(EMPTY_MODULE)
    assert b"icp:private a" in built.module
    assert b"icp:public b c" in built.module
    assert load_metadata(built.module) == {"a": value.encode(), "b c": "ü".encode()}


def test_the_interface_is_public(workshop: Workshop) -> None:
    """A `.did` file becomes the public section that tools look for, byte for byte."""
    interface = b"service : {\n  f : () -> (text) query;\n}\n"
    (workshop.directory / "it's.did").write_bytes(interface)
    built = workshop.build("prebuilt", path="empty.wasm", candid="it's.did")
    assert (built.status, load_metadata(built.module)) == (0, {"candid:service": interface})
    assert b"icp:public candid:service" in built.module


def test_an_interface_that_is_not_there(workshop: Workshop) -> None:
    """The build stops with the file's name."""
    built = workshop.build("prebuilt", path="empty.wasm", candid="$HOME.did")
    assert built.status == 1
    assert "the interface '$HOME.did' (`candid`) is not there" in built.stderr


def test_metadata_that_is_there_needs_the_tool(workshop: Workshop) -> None:
    """A section is never added twice: ic-wasm replaces it, and the build says so where that is missing."""
    metadata = [{"name": "a", "value": "1", "visibility": "public"}]
    first = workshop.build("prebuilt", path="empty.wasm", metadata=metadata)
    (workshop.directory / "again.wasm").write_bytes(first.module)
    again = workshop.build("prebuilt", path="again.wasm", metadata=[{"name": "a", "value": "2"}])
    assert again.status == 1
    assert "ic-wasm is not installed, and replacing metadata that the module has already needs it: npm install" in again.stderr
    workshop.tool("ic-wasm", RECORDER)
    again = workshop.build("prebuilt", path="again.wasm", metadata=[{"name": "a", "value": "2"}])
    assert (again.status, again.module) == (0, first.module)
    output = str(workshop.directory.parent / "out.wasm")
    assert workshop.words("ic-wasm") == [
        output,
        "-o",
        output,
        "metadata",
        "a",
        "-f",
        f"{output}.value",
        "-v",
        "private",
        "--keep-name-section",
    ]


def test_names_that_begin_alike(workshop: Workshop) -> None:
    """`version` is not there because `version2` is, nor because a value has that name in it."""
    metadata = [{"name": name, "value": "icp:private ver"} for name in ("version2", "version", "ver")]
    built = workshop.build("prebuilt", path="empty.wasm", metadata=metadata)
    assert (built.status, built.stderr) == (0, "")
    assert list(load_metadata(built.module)) == ["version2", "version", "ver"]


@pytest.mark.parametrize("name", ["-", "--help", "-x.did"])
def test_files_that_are_called_like_options(name: str, workshop: Workshop) -> None:
    """A file is read whatever its name is, and a source reaches the compiler as a path."""
    (workshop.directory / name).write_bytes(b"service : {}")
    built = workshop.build("prebuilt", path="empty.wasm", candid=name)
    assert (built.status, load_metadata(built.module)) == (0, {"candid:service": b"service : {}"})
    workshop.tool("moc", MOC)
    workshop.build("motoko", main=name, compiler="moc")
    assert workshop.words("moc")[-3] == f"./{name}"


def test_shrinking_needs_the_tool(workshop: Workshop) -> None:
    """`shrink` without ic-wasm says what to install; with it the module goes through it, and metadata is added after."""
    built = workshop.build("prebuilt", path="empty.wasm", shrink=True)
    assert built.status == 1
    assert "ic-wasm is not installed, and `shrink` needs it: npm install -g @icp-sdk/ic-wasm" in built.stderr
    workshop.tool("ic-wasm", f'{RECORDER}printf x >> "$3"\n')
    built = workshop.build("prebuilt", path="empty.wasm", shrink=True, metadata=[{"name": "a", "value": ""}])
    assert built.module.startswith(EMPTY_MODULE + b"x\0")
    assert workshop.words("ic-wasm")[3:] == ["shrink", "--keep-name-section"]


def test_compressed_modules(workshop: Workshop) -> None:
    """A gzipped module is unpacked to get metadata; `compress` gives the same bytes whenever it runs."""
    (workshop.directory / "packed.wasm.gz").write_bytes(gzip.compress(EMPTY_MODULE, mtime=5))
    metadata = [{"name": "a", "value": "1"}]
    plain = workshop.build("prebuilt", path="packed.wasm.gz", metadata=metadata)
    assert plain.module.startswith(EMPTY_MODULE)
    packed = workshop.build("prebuilt", path="packed.wasm.gz", metadata=metadata, compress=True)
    assert gzip.decompress(packed.module) == plain.module
    assert packed.module[3:8] == bytes(5)  # no name of a file, and no time
    untouched = workshop.build("prebuilt", path="packed.wasm.gz")
    assert untouched.module == (workshop.directory / "packed.wasm.gz").read_bytes()


def check_words_of_cargo(values: list[str], workshop: Workshop) -> None:
    """Build with these values as package, profile, features and path, and look at the words that cargo got."""
    values = [*HOSTILE, *values]
    add_cargo(workshop, str(workshop.directory / "empty.wasm"))
    for package in (values[0], values[-1]):
        built = workshop.build(
            "rust",
            package=package,
            profile=values[-1],
            manifest=values[1],
            features=values,
            locked=True,
            no_default_features=True,
            extract_candid=False,
        )
        assert (built.status, built.stderr, built.module) == (0, "", EMPTY_MODULE)
        assert workshop.words("cargo") == [
            *("build", "--target", "wasm32-unknown-unknown", "--message-format", "json-render-diagnostics"),
            *(f"--package={package}", f"--profile={values[-1]}", f"--manifest-path={values[1]}"),
            *(f"--features={value}" for value in values),
            *("--no-default-features", "--locked"),
        ]


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values=st.lists(LINES, min_size=1, max_size=30))
def test_any_line_reaches_cargo_as_it_is(values: list[str], workshop: Workshop) -> None:
    """Packages, profiles, features and paths arrive in cargo's words, whatever is in them."""
    check_words_of_cargo(values, workshop)
    assert not (workshop.directory / "hacked").exists()


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values=st.lists(LINES, min_size=1, max_size=60))
def test_any_line_of_many_reaches_cargo_as_it_is(values: list[str], workshop: Workshop) -> None:
    """The same for thousands of lines."""
    check_words_of_cargo(values, workshop)
    assert not (workshop.directory / "hacked").exists()


def check_metadata(values: list[str], workshop: Workshop) -> None:
    """Build with these values as names, values and paths, and look at the module and the steps."""
    built = workshop.build(
        "prebuilt", path="empty.wasm", metadata=[{"name": f"{index} {value}", "value": value} for index, value in enumerate(values)]
    )
    assert (built.status, built.stderr) == (0, "")
    assert load_metadata(built.module) == {f"{index} {value}": value.encode() for index, value in enumerate(values)}
    for value in values:
        (step,) = workshop.steps("prebuilt", path=value)
        assert isinstance(step, PrebuiltStep)
        assert str(step.path) == str(workshop.directory / value)


def test_any_line_becomes_metadata_as_it_is(workshop: Workshop) -> None:
    """Names, values and paths of the steps are those of the configuration, whatever is in them."""
    check_metadata(HOSTILE, workshop)
    assert not (workshop.directory / "hacked").exists()


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values=st.lists(LINES, max_size=10, unique=True))
def test_any_line_of_many_becomes_metadata_as_it_is(values: list[str], workshop: Workshop) -> None:
    """The same for hundreds of lines."""
    check_metadata(values, workshop)
    assert not (workshop.directory / "hacked").exists()


def test_cargo_that_is_not_there(tmp_path: Path) -> None:
    """The build says where cargo comes from."""
    built = Workshop(tmp_path, path="/nowhere").build("rust", package="counter")
    assert built.status == 1
    assert "cargo is not installed: https://rustup.rs has it" in built.stderr


def test_a_compiler_without_the_target(workshop: Workshop) -> None:
    """A build that fails where the target is missing says how to get it; where it is there, cargo's own words stand."""
    workshop.tool("cargo", "echo 'cannot find core' >&2; exit 101\n")
    workshop.tool("rustc", f"echo '{workshop.directory}'\n")
    built = workshop.build("rust", package="counter")
    assert built.status == 1
    assert built.stderr.splitlines() == [
        "cannot find core",
        "the compiler has no target for canisters: rustup target add wasm32-unknown-unknown",
    ]
    (workshop.directory / "lib" / "rustlib" / "wasm32-unknown-unknown").mkdir(parents=True)
    built = workshop.build("rust", package="counter")
    assert built.stderr.splitlines() == ["cannot find core", "cargo could not build the package 'counter'"]


def test_packages_that_make_no_module_or_several(workshop: Workshop) -> None:
    """One module is taken, the library's where there are several; otherwise the build says what it found."""
    add_cargo(workshop, "libcounter.rlib")
    built = workshop.build("rust", package="counter", extract_candid=False)
    assert built.status == 1
    assert 'its Cargo.toml needs [lib] with crate-type = ["cdylib"]' in built.stderr
    add_cargo(workshop, "a.wasm", "b.wasm")
    built = workshop.build("rust", package="counter", extract_candid=False)
    assert built.stderr == "the package 'counter' makes more than one module:\na.wasm\nb.wasm\n"
    shutil.copy(workshop.directory / "empty.wasm", workshop.directory / "my_app.wasm")
    add_cargo(workshop, "bin/my-app.wasm", str(workshop.directory / "my_app.wasm"))
    built = workshop.build("rust", package="my-app", extract_candid=False)
    assert (built.status, built.stderr, built.module) == (0, "", EMPTY_MODULE)


@pytest.mark.parametrize("folder", ["a]b", 'say "a"', "a\\b", "a', b", " é [1]"])
def test_a_module_is_found_in_any_folder(folder: str, workshop: Workshop) -> None:
    """Names that JSON or a pattern would take apart are paths all the same, beside other files of the same artifact."""
    (workshop.directory / folder).mkdir()
    files = [str(workshop.directory / folder / name) for name in ("lib.rlib", "counter.wasm", "lib.d")]
    shutil.copy(workshop.directory / "empty.wasm", files[1])
    artifact = {"reason": "compiler-artifact", "features": ["x"], "filenames": files, "executable": None, "fresh": False}
    (workshop.directory / "messages").write_text(json.dumps(artifact, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    workshop.tool("cargo", "cat messages\n")
    built = workshop.build("rust", package="counter", extract_candid=False)
    assert (built.status, built.stderr, built.module) == (0, "", EMPTY_MODULE)


def test_the_interface_is_read_from_the_module(workshop: Workshop) -> None:
    """candid-extractor's output becomes the interface; a file that is given is taken instead, and nothing is extracted."""
    add_cargo(workshop, str(workshop.directory / "empty.wasm"))
    built = workshop.build("rust", package="counter")
    assert built.status == 1
    assert "candid-extractor is not installed: `cargo install candid-extractor`, or give the interface as `candid`" in built.stderr
    workshop.tool("candid-extractor", "echo 'service : {}'\n")
    built = workshop.build("rust", package="counter")
    assert load_metadata(built.module) == {"candid:service": b"service : {}\n"}
    (workshop.directory / "counter.did").write_bytes(b"service : { f : () -> () }")
    built = workshop.build("rust", package="counter", candid="counter.did")
    assert load_metadata(built.module) == {"candid:service": b"service : { f : () -> () }"}
    workshop.tool("candid-extractor", "exit 1\n")
    built = workshop.build("rust", package="counter")
    assert built.status == 1
    assert "the module tells no interface: end its lib.rs with `ic_cdk::export_candid!();`" in built.stderr


def test_moc_on_the_path(workshop: Workshop) -> None:
    """Without mops.toml and the package of npm, `moc` compiles; its options are words of their own, hostile or not."""
    (workshop.directory / "it's.mo").write_text("actor {}", encoding="utf-8")
    workshop.tool("node", "exit 1\n")
    workshop.tool("moc", MOC)
    built = workshop.build("motoko", main="it's.mo", args=HOSTILE)
    assert (built.status, built.stderr, built.module) == (0, "", EMPTY_MODULE)
    metadata = ["--public-metadata", "candid:service", "--public-metadata", "candid:args"]
    assert workshop.words("moc") == [*metadata, *HOSTILE, "it's.mo", "-o", str(workshop.directory.parent / "out.wasm")]
    assert not (workshop.directory / "hacked").exists()


def test_mops_where_the_project_has_it(workshop: Workshop) -> None:
    """With mops.toml, mops brings the compiler and the libraries; without mops the build says how to get it."""
    (workshop.directory / "main.mo").write_text("actor {}", encoding="utf-8")
    (workshop.directory / "mops.toml").write_text("", encoding="utf-8")
    workshop.tool("moc", MOC)
    built = workshop.build("motoko", main="main.mo")
    assert built.stderr == "mops is not installed: npm install -g ic-mops\n"
    compiler = workshop.directory.parent / "tools" / "moc"
    workshop.tool(
        "mops", f"if [ $1 = toolchain ]; then echo '{compiler}'; else printf '%s\\n' '--package core x/*' '--package base y'; fi\n"
    )
    built = workshop.build("motoko", main="main.mo", args=["-v"])
    assert (built.status, built.stderr) == (0, "")
    assert workshop.words("moc")[4:-3] == ["--package", "core", "x/*", "--package", "base", "y", "-v"]


def test_a_project_without_a_compiler(workshop: Workshop) -> None:
    """The build names the three ways to get one, and the source that is missing before that."""
    workshop.tool("node", "exit 1\n")
    assert "the source 'main.mo' (`main`) is not there" in workshop.build("motoko", main="main.mo").stderr
    (workshop.directory / "main.mo").write_text("actor {}", encoding="utf-8")
    built = workshop.build("motoko", main="main.mo")
    assert built.status == 1
    assert "there is no Motoko compiler: `npm install motoko` in the project brings one" in built.stderr

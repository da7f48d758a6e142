"""The files of a new plugin's project, in memory: templates that ship with this package, filled in.

`templates/plugin` has one folder for each language and `common` for all. A file that ends in `.hbs` is a template in
the language of recipes, all others are copied. `gitignore` gets its dot here, the test gets the plugin's name,
`NOTES.md` goes into the README, and the interface's text comes from `wit`.
"""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.core.plugin_project import Language, Toolchain
from orchestrator.engine.authoring.new_files import ProjectFile

__all__ = ["make_files", "template_directory", "toolchain_of"]

_PACKAGE: Final = Path(__file__).resolve().parent.parent.parent
_TEMPLATE_SUFFIX: Final = ".hbs"
_NOTES: Final = "NOTES.md"
_RENAMED: Final = MappingProxyType({"gitignore": ".gitignore"})
_TEST: Final = "test_plugin.py"
_SCRIPT_SUFFIX: Final = ".sh"
_PLAIN_INTERFACE: Final = "icp-sync-plugin-0.1.0"
_EXTENDED_INTERFACE: Final = "orchestrator-sync-plugin-0.1.0"


_FROM_PYPI: Final = "Python 3.10 or newer; the script gets {} from PyPI"
_TOOLCHAINS: Final[dict[Language, Toolchain]] = {
    "python": Toolchain(title="Python", needs=_FROM_PYPI.format("componentize-py"), build="./build.sh"),
    "javascript": Toolchain(title="JavaScript", needs="Node.js 20 or newer; npm gets componentize-qjs", build="npm run build"),
    "zig": Toolchain(title="Zig", needs=_FROM_PYPI.format("the Zig compiler"), build="./build.sh"),
    "c": Toolchain(title="C", needs=_FROM_PYPI.format("the Zig compiler, which compiles C,"), build="./build.sh"),
    "rust": Toolchain(
        title="Rust",
        needs="Rust 1.82 or newer with `rustup target add wasm32-wasip2`; cargo gets wit-bindgen",
        build="cargo build --release --target wasm32-wasip2",
        component="target/wasm32-wasip2/release/plugin.wasm",
    ),
}


def toolchain_of(language: Language) -> Toolchain:
    """Return what builds plugins in a language."""
    return _TOOLCHAINS[language]


def template_directory(package: Path = _PACKAGE) -> Path:
    """Find the templates of the package in `package`: packaged with a wheel, the source tree's `templates/` otherwise."""
    for candidate in (package / "data" / "templates", package.parent / "templates"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the templates are missing from the installation at {package}")


def make_files(language: Language, *, name: str, extended: bool) -> tuple[ProjectFile, ...]:
    """Return all files of a new project, sorted by path; `name` is a name that packages may have."""
    root = template_directory() / "plugin"
    toolchain = toolchain_of(language)
    test = f"test_{name.replace('-', '_')}.py"  # pytest takes no two files of the same name
    renamed = {**_RENAMED, _TEST: test}
    data = {
        "name": name,
        "test": test,
        "extended": extended,
        "title": toolchain.title,
        "needs": toolchain.needs,
        "build": toolchain.build,
        "component": toolchain.component,
    }
    files = _interface_files(language, extended=extended)
    notes = _render(root / language / f"{_NOTES}{_TEMPLATE_SUFFIX}", data)
    for folder in (root / "common", root / language):
        for path in folder.rglob("*"):
            target = path.relative_to(folder).as_posix()
            if path.is_dir() or target.startswith(_NOTES) or "__pycache__" in target:
                continue
            if path.suffix == _TEMPLATE_SUFFIX:
                files[target.removesuffix(_TEMPLATE_SUFFIX)] = _render(path, {**data, "notes": notes.decode()})
            else:
                files[renamed.get(target, target)] = path.read_bytes()
    return tuple(ProjectFile(path=path, data=files[path], executable=path.endswith(_SCRIPT_SUFFIX)) for path in sorted(files))


def _render(path: Path, data: dict[str, object]) -> bytes:
    from orchestrator.recipes import parse_template, render_template

    return render_template(parse_template(path.read_text(encoding="utf-8"), path), data).text.encode()


def _interface_files(language: Language, *, extended: bool) -> dict[str, bytes]:
    """Return the texts of the interfaces. JavaScript has a world of its own, whose dependencies these are."""
    from orchestrator.sandbox.interface import wit_directory

    wit = wit_directory()
    plain, extension = wit / _PLAIN_INTERFACE, wit / _EXTENDED_INTERFACE
    folders = {"wit": extension if extended else plain}
    if extended:
        folders[f"wit/deps/{_PLAIN_INTERFACE}"] = plain
    if language == "javascript":
        folders = {f"wit/deps/{_PLAIN_INTERFACE}": plain} | ({f"wit/deps/{_EXTENDED_INTERFACE}": extension} if extended else {})
    return {f"{target}/{path.name}": path.read_bytes() for target, folder in folders.items() for path in folder.glob("*.wit")}

"""Two tools and one project: what each of them makes of the same files, and where that differs."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from orchestrator.documents.scalars import resolve_plain
from tests.support.command import Command
from tests.support.official_icp import OfficialIcp

__all__ = ["BUILD", "Case", "Outcome", "Tools", "one_canister", "one_network", "top"]

BUILD = "build: {steps: [{type: script, command: x}]}"
_LINK = "-> "
_OWN_KEYS = frozenset(
    [
        "launcher",
        "name",
        "proxy",
        "timeout",
        "compute",
        "memory",
        "max_cycles",
        "run",
        "inputs",
        "depends_on",
        "labels",
        "health",
        "controllers_exact",
        "identity",
        "protected",
        "approvers",
        "rollout",
    ]
)
"""Keys of this tool's own: where they are set they are shown, beside what icp-cli shows."""
Verdict = Literal["same", "shown differently", "only icp loads it", "only we load it"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A project: its files by path, and where in it the tools are run.

    A path that ends with `/` is an empty folder, a text that starts with `-> ` where a link leads. `home` are files of the
    home folder, in which icp-cli's own are at the top, and this tool's in `own`.
    """

    files: Mapping[str, str | bytes]
    folder: str = "."
    home: Mapping[str, str | bytes] = field(default_factory=dict)

    def write(self, directory: Path, home: Path) -> None:
        """Write the files, byte for byte."""
        _write(self.files, directory)
        _write(self.home, home)


def _write(files: Mapping[str, str | bytes], directory: Path) -> None:
    for name, content in files.items():
        path = directory / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith(_LINK):
            path.symlink_to(content.removeprefix(_LINK))
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def top(text: str, **files: str | bytes) -> Case:
    """Return a case of an `icp.yaml`, and files beside it (`__` in their names stands for `/`, `_dot_` for `.`)."""
    return Case(files={"icp.yaml": text, **{name.replace("__", "/").replace("_dot_", "."): content for name, content in files.items()}})


def one_canister(keys: str, **files: str | bytes) -> Case:
    """Return a case of one canister, `a`, that has these keys besides its build."""
    return top(f"canisters:\n- name: a\n  {BUILD}\n  {keys}\n", **files)


def one_network(keys: str) -> Case:
    """Return a case of one network, `n`."""
    return top(f"networks: [{{name: n, {keys}}}]\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the two answers compare; `places` are paths of values that differ, and `talk` what was said.

    `loads` tells whether both load the project.
    """

    verdict: Verdict
    loads: bool = False
    places: tuple[str, ...] = ()
    talk: str = ""


class _Shown(yaml.SafeLoader):
    """Reads what `project show` prints, scalars as YAML 1.2 has them; a tag is kept beside its value."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  as in the class above

    def construct_scalar(self, node: Any) -> Any:
        """Return the value of a scalar."""
        return resolve_plain(node.value) if node.style is None else node.value

    def construct_tagged(self, tag: str, node: yaml.Node) -> tuple[str, object]:
        """Return a tag and what it stands at."""
        if isinstance(node, yaml.MappingNode):
            return tag, self.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return tag, self.construct_sequence(node, deep=True)
        return tag, self.construct_scalar(node)


_Shown.add_constructor("tag:yaml.org,2002:str", _Shown.construct_scalar)
_Shown.add_multi_constructor("!", _Shown.construct_tagged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """icp-cli 1.5.0 and this tool, in a folder of their own."""

    binary: Path
    directory: Path

    def compare(self, case: Case, name: str = "project") -> Outcome:
        """Load a project with both."""
        directory = self.directory / name
        home = self.directory / "home"
        case.write(directory, home)
        folder = directory / case.folder
        official = OfficialIcp(binary=self.binary, home=home, folder=folder).try_run("project", "show")
        own = Command(
            directory=folder,
            environ={"ORCHESTRATOR_OFFLINE": "1", "HOME": str(home), "ORCHESTRATOR_HOME": str(home / "own"), "PATH": os.environ["PATH"]},
        )
        with contextlib.chdir(folder):
            done = own("project", "show")
        assert done.exit_code in {0, 1, 2}, done.stderr
        talk = f"icp: {official.stderr}\nours: {done.stderr}"
        if official.returncode or done.exit_code:
            verdict: Verdict = "only we load it" if not done.exit_code else "only icp loads it" if not official.returncode else "same"
            return Outcome(verdict=verdict, talk=talk)
        theirs, ours = (yaml.load(text, Loader=_Shown) for text in (official.stdout, done.stdout))  # noqa: S506  a safe loader
        places = tuple(dict.fromkeys(_differences(theirs, ours, "")))
        return Outcome(verdict="shown differently" if places else "same", loads=True, places=places, talk=talk)


def _differences(theirs: object, ours: object, path: str) -> Iterator[str]:
    """Yield the paths of what differs; the items of a list have one path."""
    match theirs, ours:
        case dict(), dict():
            for key in {**theirs, **ours}:
                where = f"{path}.{key}".lstrip(".")
                if key in theirs and key in ours:
                    yield from _differences(theirs[key], ours[key], where)
                elif key in theirs or key not in _OWN_KEYS:
                    yield where
        case ((list() | tuple()), (list() | tuple())) if len(theirs) == len(ours) and type(theirs) is type(ours):
            for left, right in zip(theirs, ours, strict=True):
                yield from _differences(left, right, path)
        case _ if theirs != ours or type(theirs) is not type(ours):
            yield path

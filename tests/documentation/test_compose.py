"""The Docker Compose files are what Docker Compose reads, and offer what the documentation says."""

import re
import shutil
import subprocess
from pathlib import Path

import compose_spec
import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "compose").glob("*.yaml"))
IDS = [path.stem for path in FILES]
_VARIABLE = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def with_defaults(path: Path) -> str:
    """Return a file's text with its variables at their defaults, as Docker Compose would read it."""
    return _VARIABLE.sub(r"\1", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_follow_the_specification(path: Path) -> None:
    """A validating parser of the Compose specification reads the file, and finds the one service."""
    compose = compose_spec.PyCompose.from_yaml(with_defaults(path))

    assert compose.service_names() == ["network"]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_services_are_reachable_from_this_machine_only(path: Path) -> None:
    """The network has a pinned image, is published on the loopback address, keeps its state, and tells its health."""
    service = yaml.safe_load(with_defaults(path))["services"]["network"]

    assert re.fullmatch(r"[\w./-]+:[\w.-]+", service["image"])
    assert not service["image"].endswith(":latest")
    assert service["ports"] == ["127.0.0.1:4943:4943"]
    assert service["volumes"]
    assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_page_names_every_file_and_variable(path: Path) -> None:
    """What can be set is documented where the files are."""
    page = (ROOT / "compose" / "README.md").read_text(encoding="utf-8")
    variables = set(re.findall(r"\$\{([A-Z_]+)", path.read_text(encoding="utf-8")))

    assert f"`{path.name}`" in page
    assert [name for name in variables if f"`{name}`" not in page] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_docker_compose_reads_the_files(path: Path) -> None:
    """Docker Compose itself accepts the file; it needs no daemon for that."""
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode != 0:
        pytest.skip("docker with its compose plugin is not installed")

    done = subprocess.run(["docker", "compose", "--file", str(path), "config", "--quiet"], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")

"""What goes wrong at the command line, whole outputs."""

import json
from pathlib import Path

import pytest

from tests.support.command import Command


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("deplyo", "error[usage/invalid]: no such command 'deplyo'. Did you mean 'deploy'?\n\nhint: run `orchestrator --help`\n"),
        (
            "network strat",
            "error[usage/invalid]: no such command 'strat'. Did you mean 'start'?\n\nhint: run `orchestrator network --help`\n",
        ),
        ("xyzzy", "error[usage/invalid]: no such command 'xyzzy'\n\nhint: run `orchestrator --help`\n"),
        ("deploy --mode no", None),
        ("deploy --jobs 0", None),
        ("canister call backend", None),
        ("network start a b", None),
        ("deploy -e nowhere", None),
        ("deploy nobody", None),
        ("network start nowhere", None),
        ("network start local -e staging", None),
        ("canister call backend greet ok --args-file x", None),
        ("canister call backend greet --args-format bin", None),
        ("canister call backend greet zz --args-format hex", None),
    ],
)
def test_wrong_command_line_is_exit_status_2(orchestrator: Command, arguments: str, expected: str | None) -> None:
    """What the command line says wrong is told with a hint, on stderr only, with exit status 2."""
    done = orchestrator(*arguments.split())

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error[usage/")
    assert "\nhint: " in done.stderr
    if expected is not None:
        assert done.stderr == expected


def test_no_project_here(tmp_path: Path) -> None:
    """Outside a project the message says where it looked and what to do."""
    empty = tmp_path / "empty"
    empty.mkdir()
    done = Command(directory=empty, environ={})("build")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "error[manifest/not-found]: there is no project here\n"
        f"  neither {empty} nor a directory above it holds icp.yaml\n"
        "\n"
        "hint: run this in a directory with icp.yaml, or name one with `--project DIR`\n"
    )


@pytest.mark.parametrize(("name", "why"), [("nowhere", "there is no such directory"), ("empty", "it holds no icp.yaml")])
def test_named_project_that_is_none(orchestrator: Command, project: Path, name: str, why: str) -> None:
    """`--project` with a folder that is not there, or holds no project, says which of both; none above it counts."""
    (project / "empty").mkdir()

    done = orchestrator("build", "--project", f"empty/../{name}")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error[usage/no-project]: `{project / name}` is not a project\n  {why}\n")


def test_named_manifest(orchestrator: Command, project: Path) -> None:
    """`--project DIR/icp.yaml` means the folder."""
    done = orchestrator("project", "validate", "--project", str(project / "icp.yaml"))

    assert done.exit_code == 0


def test_option_without_its_value(orchestrator: Command) -> None:
    """The hint is about the command that was typed."""
    assert "hint: run `orchestrator project schema --help`" in orchestrator("project", "schema", "-o").stderr
    assert "hint: run `orchestrator --help`" in orchestrator("--project").stderr


def test_log_of_a_named_project_is_written_short(orchestrator: Command, project: Path) -> None:
    """However the project was named, the log's path has no `..`, unless a link needs it to be resolved."""
    (project / "sub").mkdir()
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    (project / "link").symlink_to(elsewhere)

    plain = orchestrator("build", "--project", "sub/..")
    linked = orchestrator("build", "--project", "link/../project")

    assert f"\nlog: {project}/.orchestrator/" in plain.stderr
    assert f"\nlog: {project}/.orchestrator/" in linked.stderr


def test_plan_without_fields_names_the_file_and_the_field(orchestrator: Command, project: Path) -> None:
    """An object that is no plan is refused in words."""
    (project / "bad.json").write_text("{}")

    done = orchestrator("apply", "bad.json")

    assert done.stderr.startswith("error[deploy/plan-file]: `bad.json` is not a plan\n  `schema` is missing\n")


def test_manifest_problem_is_shown_with_its_line(orchestrator: Command, project: Path) -> None:
    """A mistake in icp.yaml shows the place, relative to where the command was typed."""
    (project / "icp.yaml").write_text("canisters:\n  - name: backend\n    biuld:\n      steps: []\n")

    done = orchestrator("build")

    assert (done.exit_code, done.stdout) == (1, "")
    assert " --> icp.yaml:3:5\n  |\n1 | canisters:\n2 |   - name: backend\n3 |     biuld:\n  |     ^^^^^\n" in done.stderr


def test_json_stream_of_a_failure_ends_as_documented(orchestrator: Command, project: Path) -> None:
    """With --json the error is an object, and the last object is `run-finished` with the exit code."""
    (project / "icp.yaml").write_text("canisters: 5\n")

    done = orchestrator("deploy", "--json")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["error", "run-finished"]
    assert lines[0]["diagnostics"][0]["place"]["path"] == str(project / "icp.yaml")
    assert (lines[1]["result"], lines[1]["exit_code"]) == ("failed", done.exit_code)


def test_failed_build_names_the_log(orchestrator: Command, project: Path) -> None:
    """A build that fails says why, and where the log of the run is; the log has the run's events."""
    done = orchestrator("build")

    (log,) = (project / ".orchestrator" / "cache" / "logs").glob("*-build-*.log")
    assert done.exit_code == 1
    assert "[backend] building\n[backend] build failed" in done.stderr
    assert done.stderr.endswith(f"\n\nlog: {log}\n")
    assert "event=build-failed canister=backend" in log.read_text()


def test_verbose_says_everything_once(orchestrator: Command, project: Path) -> None:
    """With -v an event is one line on stderr; the log's form of it is in the file only."""
    stderr = orchestrator("build", "-v").stderr

    (log,) = (project / ".orchestrator" / "cache" / "logs").glob("*-build-*.log")
    assert stderr.count("[backend] building\n") == 1
    assert "event=build-started" not in stderr
    assert "event=build-started canister=backend" in log.read_text()


@pytest.mark.parametrize(
    ("content", "code", "slug"),
    [(None, 2, "usage/invalid"), ("{", 1, "deploy/plan-file"), ("[]", 1, "deploy/"), ('{"schema": 99}', 1, "deploy/")],
)
def test_file_that_is_no_plan(orchestrator: Command, project: Path, content: str | None, code: int, slug: str) -> None:
    """A saved plan that cannot be read is refused with the command that makes one."""
    if content is not None:
        (project / "plan.json").write_text(content)

    done = orchestrator("apply", "plan.json")

    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error[{slug}")
    assert "orchestrator plan --json > plan.json" in done.stderr

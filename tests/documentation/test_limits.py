"""The limits that the documentation promises are the limits that hold."""

from pathlib import Path

import pytest

from orchestrator.agent import chunks, endpoints, identity_files, keyring, state, submission, transport
from orchestrator.candid import cursor, interface, interface_files, stream, subtype, table, value_syntax, walking
from orchestrator.cli import logs
from orchestrator.core import units
from orchestrator.core.workspace import MAX_FRIENDLY_NAMES
from orchestrator.documents import source, yaml_reader
from orchestrator.engine import adapter, modules, preparing, readiness, recipe_loading, recipe_locking, session, shell, slots
from orchestrator.engine.authoring import recipe_cases, recipe_lint, recipe_scenarios, recording_file, trace
from orchestrator.manifest import arguments, patterns, problems, workspace
from orchestrator.network import ping, seeding, settings
from orchestrator.network.dfx import runner as dfx
from orchestrator.network.docker import command as docker_command
from orchestrator.network.docker import runner as docker
from orchestrator.protocol import certificate, pem
from orchestrator.recipes import expressions, local, parser, render
from orchestrator.sandbox import cache, compiler, component, confinement, declared, host, limits, meter, private_contents, usage, worker
from orchestrator.store import download, lock_file, packages

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "limits.md"
KIB, MIB, GIB = 1024, 1024**2, 1024**3
SECOND_NS = 1_000_000_000
SAID = {
    "a manifest": f"{source.MAX_DOCUMENT_BYTES // MIB} MiB",
    "lists and maps inside each other": f"{yaml_reader.MAX_DEPTH} levels",
    "values and keys of a manifest": f"{yaml_reader.MAX_NODES:,}",
    "values and keys that the aliases of a manifest stand for": f"{yaml_reader.MAX_ALIASED_NODES:,}",
    "problems reported at once": f"{problems.MAX_PROBLEMS}",
    "a file of arguments or of a variable's value": f"{arguments.MAX_VALUE_FILE_BYTES // MIB} MiB",
    "an amount as text": f"{units._MAX_AMOUNT_LENGTH} characters",
    "projects of a workspace": f"{workspace.MAX_PROJECTS:,}",
    "files and folders that a pattern of canisters looks at": f"{patterns.MAX_LOOKED_AT:,}",
    "friendly addresses of one canister": f"{MAX_FRIENDLY_NAMES}",
    "a recipe's template": f"{parser.MAX_TEMPLATE_CHARACTERS:,} characters",
    "a recipe's template, as a file or a download": f"{local.MAX_TEMPLATE_BYTES // MIB} MiB",
    "a recipe's download as a whole, further attempts included": f"{recipe_loading.RECIPE_SECONDS:.0f} seconds",
    "`orchestrator.lock`": f"{lock_file.MAX_LOCK_FILE_BYTES // MIB} MiB",
    "attempts of `recipe lock` while other commands change the file": f"{recipe_locking.LOCK_ATTEMPTS}",
    "configurations that `recipe lint` tries": f"{recipe_scenarios.MAX_SCENARIOS}",
    "text that `recipe lint` renders and reads in all, each value counting for 100 characters more": f"{recipe_lint.MAX_TRIED_CHARACTERS:,} characters",
    "what a case of a recipe expects": f"{recipe_cases.MAX_EXPECTED_BYTES // MIB} MiB",
    "a recipe's output": f"{render.MAX_RENDERED_CHARACTERS:,} characters",
    "parts that rendering a recipe goes through": f"{render.MAX_RENDER_STEPS:,}",
    "blocks inside each other in a recipe": f"{parser.MAX_NESTING}",
    "sub-expressions inside each other in a recipe": f"{expressions.MAX_EXPRESSION_DEPTH}",
    "blocks and partials inside each other while a recipe is rendered": f"{render.MAX_RENDER_DEPTH}",
    "a canister's module, unpacked": f"{modules.MAX_MODULE_BYTES // MIB} MiB",
    "a download": f"{download.MAX_DOWNLOAD_BYTES // MIB} MiB",
    "redirections of a download": f"{download.MAX_REDIRECTS}",
    "wait for a download's connection": f"{download.CONNECT_SECONDS:.0f} seconds",
    "wait for a download's next bytes": f"{download.READ_SECONDS:.0f} seconds",
    "a download as a whole, further attempts included": f"{download.TOTAL_SECONDS:,.0f} seconds",
    "attempts of a download that bring nothing new": f"{download.ATTEMPTS}",
    "wait between two attempts that a server may ask for; one that asks for more is given up": f"{download.MAX_RETRY_AFTER_SECONDS:.0f} seconds",
    "wait for a download by another process": f"{packages.LOCK_SECONDS:,.0f} seconds",
    "all downloads that are kept; the longest unused go first": f"{packages.MAX_PACKAGES_BYTES // GIB} GiB",
    "a line of a script's output; a longer one is shown as several": f"{shell.MAX_LINE_BYTES:,} bytes",
    "wait for a script's output after its end": f"{shell.DRAIN_SECONDS:.0f} second",
    "canisters that are built, installed or synced by scripts at once, unless `--jobs` says": f"{session.DEFAULT_JOBS}",
    "sync plugins that compute at once, unless `--jobs` says": "one for each core",
    "sync plugins that are started, for each that may compute at once": f"{slots.MAX_PLUGINS_PER_SLOT}",
    "sync plugins that are read at once; those that are the same are kept once": f"{preparing.PLUGINS_READ_AT_ONCE}",
    "the component": f"{component.MAX_COMPONENT_BYTES // MIB} MiB |",
    "compiling it, once per machine": f"{host.COMPILE_SECONDS:.0f} seconds |",
    "the memory of compiling it": f"{compiler.MAX_COMPILER_BYTES // GIB} GiB |",
    "all compiled components that are kept; the longest unused go first": f"{cache.MAX_CACHE_BYTES // GIB} GiB |",
    "its own computing": f"{limits.DEFAULT_COMPUTE_SECONDS:.0f} seconds | `compute`, or an environment variable",
    "a plugin that neither computes nor calls nor writes is named, after": f"{limits.QUIET_SECONDS} seconds |",
    "a named pipe that it opens again and again": f"{meter.MAX_FREEINGS} times |",
    "the whole step, from the plugin's start; waiting until another plugin leaves it the processor (`--jobs`) does not count": "none | `timeout`",
    "its linear memories together": f"{limits.DEFAULT_MEMORY_BYTES // GIB} GiB | `memory`",
    "arguments and replies of a run with `plugin run` together": f"{trace.MAX_KEPT_BYTES // MIB} MiB |",
    "a recording that is replayed": f"{recording_file.MAX_RECORDING_BYTES // MIB} MiB |",
    "its stack": f"{limits.MAX_WASM_STACK_BYTES // KIB} KiB |",
    "its instances, memories, tables": f"{worker.MAX_INSTANCES}, {worker.MAX_MEMORIES}, {worker.MAX_TABLES} |",
    "entries of one of its tables": f"{worker.MAX_TABLE_ELEMENTS:,} |",
    "files that it has open at once": f"{confinement.MAX_DESCRIPTORS:,}, the worker's own among them |",
    "what the worker may take beside that, for bytes on their way": f"{usage.TIGHT_SLACK_BYTES // MIB} MiB |",
    "one of `files`": f"{declared.MAX_FILE_BYTES // MIB} MiB |",
    "entries of one of `dirs` that are looked at for secrets": f"{private_contents.SCAN_ENTRIES:,} |",
    "all of `files` together": f"{limits.MAX_FILES_CHARACTERS:,} characters |",
    "the argument of a canister call": f"{limits.MAX_ARGUMENT_BYTES // MIB} MiB |",
    "the reply to a canister call": f"{limits.MAX_REPLY_BYTES // MIB} MiB |",
    "its canister calls": f"{limits.DEFAULT_MAX_CALLS:,} |",
    "calls of a batch": f"{limits.MAX_BATCH_CALLS:,}, of which {limits.CALLS_AT_ONCE} are made at once |",
    "a batch": f"{limits.MAX_BATCH_BYTES // MIB} MiB |",
    "replies to a batch, after which no more of its calls are made": f"{limits.MAX_BATCH_REPLY_BYTES // MIB} MiB |",
    "a method's name": f"{limits.MAX_METHOD_BYTES:,} bytes |",
    "cycles that its calls attach together": "none | `max_cycles`",
    "what is kept of its stdout, and of its stderr": f"{limits.MAX_OUTPUT_BYTES // MIB} MiB |",
    "what is kept of the error that it returns": f"{limits.MAX_ERROR_BYTES // MIB} MiB |",
    "wait for a connection": f"{transport.CONNECT_TIMEOUT_SECONDS:.0f} seconds",
    "wait for the next bytes of an answer": f"{transport.READ_TIMEOUT_SECONDS:.0f} seconds",
    "connections to a network": f"{transport.MAX_CONNECTIONS}",
    "an answer": f"{transport.MAX_RESPONSE_BYTES // MIB} MiB",
    "attempts of a read": f"{endpoints.READ_ATTEMPTS}",
    "validity of a signed call": f"{state.INGRESS_EXPIRY_NS // (60 * SECOND_NS)} minutes",
    "wait for an update call that the network has accepted": f"{submission.PROCESSING_LIMIT_SECONDS:,.0f} seconds",
    "wait for certified time to pass a call's expiry": f"{submission.SETTLE_SECONDS:.0f} seconds",
    "how far a certificate's time may be from the clock": f"{certificate.MAX_CERTIFICATE_SKEW_NS // (60 * SECOND_NS)} minutes",
    "age of a subnet's delegation": f"{certificate.MAX_DELEGATION_AGE_NS // (24 * 3600 * SECOND_NS)} days",
    f"a module that is sent in one piece; a larger one goes in chunks of {chunks.CHUNK_BYTES // MIB} MiB": (
        f"{chunks.MAX_MESSAGE_BYTES // MIB} MiB"
    ),
    "cycles that a new canister is given on a connected network": f"{adapter.CREATION_CYCLES:,}",
    "wait for a connected network to route to a new canister": f"{readiness.READY_SECONDS:.0f} seconds",
    "values that a message unfolds to": f"{cursor.DECODING_QUOTA:,}, and {cursor.VALUES_PER_BYTE} for each of its bytes",
    "values inside each other": f"{walking.MAX_DEPTH:,} levels",
    "types that a message defines": f"{table.MAX_TYPE_TABLE_LENGTH:,}",
    "types and values inside each other in text": f"{stream.MAX_NESTING} levels",
    "a number in text": f"{value_syntax.MAX_NUMBER_DIGITS:,} digits, {value_syntax.MAX_HEX_DIGITS:,} hexadecimal ones",
    "pairs of types that a comparison comes across": f"{subtype.MAX_COMPARED_PAIRS:,}",
    "a `.did` file": f"{interface_files.MAX_FILE_BYTES // MIB} MiB",
    "files that a `.did` file imports": f"{interface.MAX_IMPORTS}",
    "wait for the embedded network to start": f"{settings.START_SECONDS:.0f} seconds",
    "wait for another network to start": f"{settings.PROGRAM_SECONDS:.0f} seconds",
    "wait for Docker to say what runs": f"{docker_command.LOOK_SECONDS:.0f} seconds",
    "fetching a network's image": f"{docker.PULL_SECONDS:,.0f} seconds",
    "wait for PocketIC to stop, before it is killed": f"{settings.PROGRAM_STOP_SECONDS:.0f} seconds",
    "wait for `dfx stop`": f"{dfx.DFX_STOP_SECONDS:.0f} seconds",
    "wait for a container to stop, before it is killed": f"{docker.STOP_SECONDS} seconds",
    "wait for `network ping --wait-healthy`": f"{ping.HEALTHY_SECONDS:.0f} seconds",
    "giving ICP and cycles to identities on PocketIC and in containers": f"{seeding.SEED_SECONDS:.0f} seconds",
    "wait for it to stop, before it is killed": f"{settings.STOP_SECONDS:.0f} seconds",
    "wait for it to answer": f"{settings.ANSWER_SECONDS:.0f} seconds",
    "a PEM file": f"{pem.MAX_PEM_BYTES // KIB} KiB",
    "password of a new encrypted identity": f"at least {identity_files.MIN_PASSWORD_CHARACTERS} characters",
    "wait for another tool's lock on the identities": f"{identity_files.LOCK_TIMEOUT_SECONDS:.0f} seconds",
    "wait for the system's keyring": f"{keyring.KEYRING_TIMEOUT_SECONDS:.0f} seconds",
    "log files that are kept": f"{logs.KEPT_LOGS}",
}


def rows(page: Path) -> list[str]:
    """Return the rows of a page's tables, their headings left out."""
    return [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and not line.startswith("| what |")]


@pytest.mark.parametrize("what", SAID)
def test_the_page_tells_the_limit_that_holds(what: str) -> None:
    """Every row of the tables has the number of the code."""
    assert f"| {what} | {SAID[what]} |" in rows(PAGE)


def test_the_page_tells_no_other_limits() -> None:
    """Each row of the tables is one that this file checks."""
    assert len(rows(PAGE)) == len(SAID)

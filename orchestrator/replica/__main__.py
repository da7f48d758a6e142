"""The command line of the network process: `python -m orchestrator.replica --state-dir DIR --status-file FILE ...`.

Exit status: 0 after a signal, 1 when it cannot start, 2 for wrong arguments, 3 when the port is taken,
4 when the address is not this machine's, 5 when the user may not listen on the port.
"""

import argparse
import gc
import logging
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.errors import OrchestratorError
from orchestrator.replica.log_file import LogHandler

if TYPE_CHECKING:
    from orchestrator.replica.daemon import DaemonOptions

__all__ = ["main"]

_FAILED = 1
_MAX_PORT = 65_535


def main(arguments: list[str] | None = None) -> int:
    """Run the network and return the exit status."""
    gc.disable()  # until all is loaded: there is nothing to collect, and looking for it takes a tenth of the start
    _leave_out_uvicorns_commands()
    from orchestrator.replica.daemon import ListenError, run_daemon

    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, handlers=[LogHandler(options.log_file)])
    try:
        run_daemon(options, time_source=time.time_ns)
    except ListenError as error:
        sys.stderr.write(f"{error.word}: {error}\n")
        return error.status
    except OrchestratorError as error:
        sys.stderr.write(f"{error.slug}: {error.summary}" + (f" ({error.detail})" if error.detail else "") + "\n")
        sys.stderr.write(f"hint: {error.hint}\n" if error.hint else "")
        return _FAILED
    return 0


def _leave_out_uvicorns_commands() -> None:
    """Keep `import uvicorn` from importing its command line, which nobody uses here and which takes as long as the server."""
    if "uvicorn" not in sys.modules:
        commands = ModuleType("uvicorn.main")
        vars(commands).update(Server=None, main=None, run=None)
        sys.modules["uvicorn.main"] = commands


def _parse(arguments: list[str] | None) -> "DaemonOptions":
    from orchestrator.replica.daemon import DaemonOptions

    parser = argparse.ArgumentParser(prog="python -m orchestrator.replica", description="Run an embedded local network.")
    parser.add_argument("--state-dir", type=Path, required=True, help="where the network's state is kept")
    parser.add_argument("--bind", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=_port, default=0, help="the port to listen on; 0 takes any free one")
    parser.add_argument("--status-file", type=Path, required=True, help="written when the network is ready")
    parser.add_argument("--artificial-delay-ms", type=int, default=0, help="how long an update call waits before it starts")
    parser.add_argument(
        "--account", type=_principal, action="append", default=[], help="a principal that gets ICP and cycles; may be repeated"
    )
    parser.add_argument("--log-file", type=Path, default=None, help="the file of standard error, to be changed when it is large")
    parser.add_argument("--project", default="", help="the project's folder, for messages")
    parser.add_argument("--network", default="", help="the network's name, for messages")
    options = parser.parse_args(arguments)
    return DaemonOptions(
        state_directory=options.state_dir,
        bind=options.bind,
        port=options.port,
        status_file=options.status_file,
        artificial_delay_milliseconds=options.artificial_delay_ms,
        accounts=tuple(options.account),
        log_file=options.log_file,
        project=options.project,
        network=options.network,
    )


def _principal(text: str) -> bytes:
    try:
        return Principal.from_text(text).raw
    except PrincipalError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_MAX_PORT}")
    return number


def _end(status: int) -> NoReturn:
    """End the process at once: taking apart what a long run left in memory takes seconds, and all is saved."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _end(main())

"""Stand-ins for the programs of PocketIC, with `fake_gateway` behind them.

    fake_pocket_ic.py launcher|server ARGUMENTS…

Written from the sources of dfinity/icp-cli-network-launcher 12.0.0 (commit c93143f) and of the PocketIC server 10.0.0
(dfinity/ic, commit 00b4dfc): the same options, the same files, the same requests and answers, the same end on a signal.
The launcher runs the gateway as a process of its own, as the real one does with PocketIC.

The environment variable `FAKE_POCKET_IC` chooses: `ready` (the default), `crash` (ends with a message), `old` (makes
instances without a gateway), `refuse` (makes none, with a message), `odd` (the launcher says nonsense), `names` (the launcher says that it routes
names of canisters), `hang`.
`FAKE_POCKET_IC_RECORD` is a file that gets the arguments, and the request, as JSON.
"""

import argparse
import base64
import http.server
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.support.fake_gateway import ENDING, Gateway

LAUNCHER_VERSION = "12.0.0"
SERVER_VERSION = "10.0.0"
APPLICATION_CANISTER = base64.b64encode(bytes.fromhex("ffffffffffe000010101")).decode()
APPLICATION_CANISTER_TEXT = "lqy7q-dh777-77777-aaaaq-cai"
_NEEDED_FOR_UI = frozenset({"cycles_minting", "icp_token", "nns_governance", "sns", "ii"})
_SUBNET_LISTS = ("system", "application", "verified_application")
_FEATURES = frozenset(
    {"registry", "cycles_minting", "icp_token", "cycles_token", "nns_governance", "sns", "ii", "nns_ui"}
    | {"bitcoin", "dogecoin", "canister_migration"}
)


def main() -> None:
    """Be the program that the first argument names."""
    kind, *words = sys.argv[1:]
    if "--version" in words:
        program, version = ("icp-cli-network-launcher", LAUNCHER_VERSION) if kind == "launcher" else ("pocket-ic-server", SERVER_VERSION)
        sys.stdout.write(f"{program} {version}\n")
        return
    _record({"kind": kind, "arguments": words})
    behaviour = os.environ.get("FAKE_POCKET_IC", "ready")
    if behaviour == "crash":
        sys.exit(f"fake {kind}: the state of subnet is incomplete")
    if behaviour == "hang":
        signal.pause()
    (_launcher if kind == "launcher" else _server)(words, behaviour)


def _launcher(words: list[str], behaviour: str) -> None:
    """Run a gateway, say that it is ready, and end it on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    for option in ("--interface-version", "--state-dir", "--bind", "--gateway-port", "--config-port", "--status-dir"):
        parser.add_argument(option)
    parser.add_argument("--artificial-delay-ms")
    for option in ("--subnet", "--bitcoind-addr", "--dogecoind-addr"):
        parser.add_argument(option, action="append", default=[])
    for option in ("--ii", "--nns", "--verbose"):
        parser.add_argument(option, action="store_true")
    options, unknown = parser.parse_known_args(words)
    if unknown and options.interface_version in {None, "1.0.0"}:
        sys.exit(f"error: unexpected argument '{unknown[0]}' found")
    if unknown:
        sys.stderr.write(f"Warning: Unknown launcher parameters: {unknown}\n")
    gateway = Gateway(Path(options.state_dir), options.bind or "127.0.0.1", int(options.gateway_port or 0))
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    said = {
        "v": "2" if behaviour == "odd" else "1",
        "instance_id": 0,
        "config_port": 1,
        "gateway_port": gateway.port,
        "root_key": gateway.root_key,
        "default_effective_canister_id": APPLICATION_CANISTER_TEXT,
        **({"supported_features": ["custom-domains"]} if behaviour == "names" else {}),
    }
    Path(options.status_dir, "status.json").write_text(json.dumps(said, separators=(",", ":")) + "\n", encoding="utf-8")
    sys.stderr.write(f"pocket-ic instance running with gateway port {gateway.port}\n")
    signal.sigwait(ENDING)
    gateway.end()


def _server(words: list[str], behaviour: str) -> None:
    """Serve the requests that make and delete an instance."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    for option in ("--ip-addr", "--log-levels", "--port-file", "--ttl"):
        parser.add_argument(option)
    options = parser.parse_args(words)
    with Path(options.port_file).open("x", encoding="ascii") as port_file:
        server = http.server.ThreadingHTTPServer((options.ip_addr or "127.0.0.1", int(options.port)), _Requests)
        port_file.write(f"{server.server_port}\n")
    _Requests.behaviour = behaviour
    for kind in ENDING:
        signal.signal(kind, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    for gateway in _Requests.gateways:
        gateway.end()
    Path(options.port_file).unlink()


class _Requests(http.server.BaseHTTPRequestHandler):
    """`POST /instances`, as the server answers it."""

    behaviour = "ready"
    gateways: list[Gateway] = []  # noqa: RUF012  # one server per process

    def do_POST(self) -> None:
        """Make an instance."""
        config = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _record({"request": config})
        complaint = "Failed to create instance" if self.behaviour == "refuse" else check_instance(config)
        if self.path != "/instances" or complaint is not None:
            self._answer(400, {"Error": {"message": complaint or "no such endpoint"}})
            return
        wanted = config["http_gateway_config"]
        gateway = Gateway(Path(config["state_dir"]), wanted["ip_addr"], wanted["port"] or 0)
        self.gateways.append(gateway)
        info = None if self.behaviour == "old" else {"instance_id": 0, "port": gateway.port}
        topology = {"subnet_configs": {}, "default_effective_canister_id": {"canister_id": APPLICATION_CANISTER}}
        self._answer(201, {"Created": {"instance_id": 0, "topology": topology, "http_gateway_info": info}})

    def _answer(self, status: int, content: Mapping[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet, as with `--log-levels error`."""


def check_instance(config: Mapping[str, object]) -> str | None:
    """Return what the server would dislike about a request: its types, and features that need others."""
    if config.get("incomplete_state") != "Enabled":
        return "unknown variant"
    return _check_subnets(config["subnet_config_set"]) or _check_features(config.get("icp_features") or {})


def _check_subnets(subnets: object) -> str | None:
    if not isinstance(subnets, dict) or not all(isinstance(subnets.get(key), list) for key in _SUBNET_LISTS):
        return "missing field in `subnet_config_set`"
    specs = [spec for value in subnets.values() for spec in (value if isinstance(value, list) else [value]) if spec is not None]
    known = {"state_config": "New", "instruction_config": "Production"}
    wrong = any({key: spec.get(key) for key in known} != known for spec in specs)
    return "no such subnet" if wrong else None


def _check_features(features: object) -> str | None:
    if not isinstance(features, dict) or not features.keys() <= _FEATURES or set(features.values()) - {"DefaultConfig"}:
        return "unknown feature"
    complete = "nns_ui" not in features or features.keys() >= _NEEDED_FOR_UI
    return None if complete else "The `nns_ui` feature needs others"


def _record(facts: Mapping[str, object]) -> None:
    path = os.environ.get("FAKE_POCKET_IC_RECORD")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()

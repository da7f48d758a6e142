"""Random projects: pieces of manifests put together by a seed, most of them valid, some slightly not."""

import random
from collections.abc import Callable, Sequence

from tests.conformance.manifests.tools import Case

__all__ = ["random_case"]

_NAMES = ("a", "b", "core", "web-app", "B", "x_1")
_VALID_VALUES = 2
_VALUES: dict[str, Sequence[str]] = {
    "compute_allocation": ("0", "5", "100", "0x10", "'5'", "-1", "1.5"),
    "memory_allocation": ("1gib", "5", '"1.5 mib"', "0", "1_000", "2GB", "1.5kib", "1tb", ""),
    "freezing_threshold": ("30d", "90", "2w", '"1_0 d"', "1.5d", "1y"),
    "reserved_cycles_limit": ("1t", '"1.5t"', "5", "1e3", '"2e3"', "0", "1.5"),
    "wasm_memory_limit": ("1gib", "null", "true"),
    "wasm_memory_threshold": ("0", "10mb"),
    "log_memory_limit": ("2kib", "null", "[]"),
    "log_visibility": ("public", "controllers", "{allowed_viewers: [aaaaa-aa, 2vxsx-fae]}", "{allowed_viewers: []}", "secret", "5"),
    "status_visibility": ("public", "{allowed_viewers: [aaaaa-aa]}"),
    "snapshot_visibility": ("controllers", "public", "everybody"),
    "environment_variables": ("{}", "{A: x, b-C: 'y z', D: yes}", "{A: {path: v.txt}}", "{A: {path: missing}}", "{A: 1}", "null"),
    "controllers": ("[]", "[2vxsx-fae, aaaaa-aa]", "[a]", "[aaaaa-aa, core]", "a", "[nobody]"),
    "unknown_setting": ("1", "{x: [y]}"),
}
"""The first two of each are valid."""
_ARGUMENTS = (*("'(42)'", '"  (1) "', "{value: '(2)'}", "{value: '4449444c', format: hex}", "{path: a.txt}", "{path: a.txt, format: hex}"),)
_BAD_ARGUMENTS = ("5", "{path: missing}", "{value: x, format: bin}", "{format: hex}", "{path: a.bin, format: bin}", "[x]", "{path: a.bin}")
_BUILD_STEPS = (
    *("{type: script, command: make}", "{type: script, commands: [a, 'b c', \"d\\n\"]}", "{type: pre-built, path: x/y.wasm}"),
    *("{type: pre-built, url: 'https://x.test/y.wasm'}", "{type: script, commands: []}", "{type: script, command: x, cwd: y}"),
)
_BAD_BUILD_STEPS = (
    "{type: script}",
    "{type: plugin, path: p}",
    "{type: pre-built}",
    "{command: x}",
    "make",
    "{type: script, command: [x]}",
)
_SYNC_STEPS = (
    *("{type: script, command: sync}", "{type: plugin, path: p.wasm}", "{type: plugin, path: p.wasm, dirs: [dist], files: [a.txt]}"),
    *("{type: plugin, path: ../p.wasm, dirs: {site: dist, all: [x, y]}, fields: {n: 1, f: 1.50, t: true, s: x}, canisters: [a]}",),
)
_BAD_SYNC_STEPS = (
    "{type: plugin}",
    "{type: assets, dir: x}",
    "{type: plugin, url: 'https://x.test/p'}",
    "{type: plugin, path: p, dirs: x}",
)
_NETWORKS = (
    *("mode: managed", "mode: managed, gateway: {port: 0}", "mode: managed, gateway: {port: 8010, domains: [x.test]}"),
    *(
        "mode: managed, gateway: {bind: 0.0.0.0}",
        "mode: managed, artificial-delay-ms: 5",
        "mode: managed, gateway: {bind: 10.0.0.1, port: 1}",
    ),
    *(
        "mode: connected, url: 'https://X.test', root-key: mainnet",
        "mode: connected, api-url: 'http://127.0.0.1:8000/api', root-key: fetch",
    ),
    "mode: connected, api-url: 'https://x.test:443', http-gateway-url: 'http://y.test:80', root-key: " + "ab" * 133,
    'mode: managed, image: i, port-mapping: ["0:4943"], rm-on-exit: true, mounts: ["./a:/b:ro"]',
    'mode: managed, image: i, port-mapping: ["8000:1", "127.0.0.1:80:90"], args: [x], environment: [K=V], user: u, shm-size: 5',
)
_BAD_NETWORKS = ("mode: connected, url: 'https://x.test'", "mode: local", "gateway: {port: 1}", "mode: managed, gateway: {port: 70000}")
_FILES: dict[str, str | bytes] = {
    "v.txt": " value\n",
    "a.txt": "(7)\n",
    "a.bin": b"DIDL\0\xff",
    "r.hbs": "build:\n  steps:\n    - type: script\n      command: make {{_.canister.name}} {{v}}{{#if s}} {{s}}{{/if}}\n{{#if s}}sync: {steps: []}\n{{/if}}",
    "c/canister.yaml": "name: c\nbuild: {steps: [{type: pre-built, path: c.wasm}]}\nsettings: {compute_allocation: 1}\n",
    "packages/d/canister.yaml": "name: d\nbuild: {steps: [{type: script, command: d}]}\ninit_args: {path: d.txt}\n",
    "packages/d/d.txt": "(record {})",
    "n.yaml": "name: filed\nmode: managed\n",
    "e.yaml": "name: filed\ncanisters: []\n",
}


class _Writer:
    """Chooses and writes; `flaws` is how often a choice is a bad one."""

    def __init__(self, seed: int, flaws: float) -> None:
        self._random = random.Random(seed)  # noqa: S311  the same projects every time
        self._flaws = flaws

    def one(self, good: Sequence[str], bad: Sequence[str] = ()) -> str:
        """Return one of the pieces."""
        return self._random.choice(bad if bad and self._random.random() < self._flaws else good)

    def maybe(self, chance: float) -> bool:
        """Tell whether to write something."""
        return self._random.random() < chance

    def some(self, make: Callable[[], str], most: int) -> list[str]:
        """Return some pieces."""
        return [make() for _ in range(self._random.randint(0, most))]

    def settings(self) -> str:
        """Return a map of settings, each valid as often as the flaws allow."""
        keys = self._random.sample(sorted(_VALUES), self._random.randint(0, 4))
        return "{" + ", ".join(f"{key}: {self.one(_VALUES[key][:_VALID_VALUES], _VALUES[key])}" for key in keys) + "}"

    def canister(self, name: str) -> str:
        """Return a canister."""
        steps = ", ".join([self.one(_BUILD_STEPS, _BAD_BUILD_STEPS), *self.some(lambda: self.one(_BUILD_STEPS), 1)])
        parts = [f"name: {name}"]
        if self.maybe(0.7):
            parts.append(f"build: {{steps: [{steps}]}}")
        else:
            address = self.one(("'file://r.hbs'",), ("'file://x.hbs'", "x y"))
            value, switch = self.one(("1", "x", "[a, b]", "1.50", "null")), self.one(("true", "text", "0"), ("null",))
            parts.append(f"recipe: {{type: {address}, configuration: {{v: {value}, s: {switch}}}}}")
        if self.maybe(0.4):
            parts.append(f"sync: {{steps: [{', '.join(self.some(lambda: self.one(_SYNC_STEPS, _BAD_SYNC_STEPS), 2))}]}}")
        if self.maybe(0.6):
            parts.append(f"settings: {self.settings()}")
        parts += [f"{key}: {self.one(_ARGUMENTS, _BAD_ARGUMENTS)}" for key in ("init_args", "upgrade_args") if self.maybe(0.3)]
        if self.maybe(self._flaws / 2):
            parts.append(self.one(["candid: x", "biuld: {}", "labelz: null", "5: x"]))
        self._random.shuffle(parts)
        return "{" + ", ".join(parts) + "}"

    def environment(self, name: str, canisters: Sequence[str], networks: Sequence[str]) -> str:
        """Return an environment."""
        known = [*canisters, *(["other"] if self.maybe(self._flaws) else [])]
        parts = [f"name: {name}"]
        if self.maybe(0.5):
            parts.append(f"network: {self.one(networks, ['nowhere'])}")
        if self.maybe(0.5):
            parts.append(f"canisters: [{', '.join(self._random.sample(known, self._random.randint(0, len(known))))}]")
        if canisters and self.maybe(0.6):
            parts.append(f"settings: {{{self.one(known)}: {self.settings()}}}")
        if canisters and self.maybe(0.4):
            parts.append(f"{self.one(['init_args', 'upgrade_args'])}: {{{self.one(known)}: {self.one(_ARGUMENTS, _BAD_ARGUMENTS)}}}")
        if self.maybe(0.1):
            parts.append("unknown: [x]")
        return "{" + ", ".join(parts) + "}"

    def project(self) -> str:
        """Return an `icp.yaml`."""
        names = self._random.sample(_NAMES, self._random.randint(0, 4))
        entries = [self.canister(name) for name in names]
        if self.maybe(0.3):
            entries.append(self.one(["c", "packages/*", "'*'"], ["missing", "'none/*'", "c/canister.yaml"]))
        networks = [f"n{number}" for number in range(self._random.randint(0, 2))]
        shown = [f"{{name: {name}, {self.one(_NETWORKS, _BAD_NETWORKS)}}}" for name in networks]
        if self.maybe(0.15):
            shown.append(
                self.one(["n.yaml", "{name: local, mode: managed, gateway: {port: 9}}"], ["missing.yaml", "{name: ic, mode: managed}"])
            )
        environments = [self.environment(f"e{number}", names, [*networks, "local", "ic"]) for number in range(self._random.randint(0, 2))]
        if self.maybe(0.15):
            environments.append(self.one(["e.yaml", "{name: local, canisters: []}", "{name: ic}"], ["{network: ic}"]))
        sections = [("canisters", entries), ("networks", shown), ("environments", environments)]
        self._random.shuffle(sections)
        return "".join(f"{title}:\n" + "".join(f"  - {entry}\n" for entry in found) for title, found in sections if found)


def random_case(seed: int, *, flaws: float) -> Case:
    """Return a project; `flaws` is the share of bad choices."""
    return Case(files={"icp.yaml": _Writer(seed, flaws).project(), **_FILES})

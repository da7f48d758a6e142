"""Every key of a manifest, and values of every kind for each."""

import re

from tests.conformance.manifests.scalars import AMOUNTS, SCALARS, SHOW_VALUE
from tests.conformance.manifests.tools import BUILD, Case, top

__all__ = ["SLOTS", "VALUES", "slot_cases"]

_HASH = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
_FILES: dict[str, str | bytes] = {"f.txt": "(1)", "c/canister.yaml": f"name: c\n{BUILD}\n", "r.hbs": f"{BUILD}\n", "v.hbs": SHOW_VALUE}
_MANAGED = "networks: [{name: n, mode: managed, KEY: VALUE}]"
_POCKET_IC = "networks: [{name: n, mode: managed, launcher: pocket-ic, KEY: VALUE}]"
_IMAGE = 'networks: [{name: n, mode: managed, image: i, port-mapping: ["1:2"], KEY: VALUE}]'
_CONNECTED = 'networks: [{name: n, mode: connected, url: "https://x.y", root-key: mainnet, KEY: VALUE}]'
_GATEWAY = "networks: [{name: n, mode: managed, gateway: {KEY: VALUE}}]"
_CANISTER = f"canisters: [{{name: a, {BUILD}, KEY: VALUE}}]"
_SETTING = f"canisters: [{{name: a, {BUILD}, settings: {{KEY: VALUE}}}}]"
_BUILD_STEP = "canisters: [{name: a, build: {steps: [{type: TYPE, KEY: VALUE}]}}]"
_SYNC_STEP = f"canisters: [{{name: a, {BUILD}, sync: {{steps: [{{type: TYPE, KEY: VALUE}}]}}}}]"
_PLUGIN = f"canisters: [{{name: a, {BUILD}, sync: {{steps: [{{type: plugin, path: p, KEY: VALUE}}]}}}}]"
_ENVIRONMENT = f"canisters: [{{name: a, {BUILD}}}]\nenvironments: [{{name: s, KEY: VALUE}}]"
_RECIPE = "canisters: [{name: a, recipe: {type: 'file://r.hbs', KEY: VALUE}}]"


def _each(template: str, keys: str, prefix: str) -> dict[str, str]:
    return {f"{prefix}.{key}": template.replace("KEY", key) for key in keys.split()}


SLOTS: dict[str, str] = {
    "document": "VALUE",
    **_each("KEY: VALUE", "canisters networks environments dependencies", "top"),
    **_each("KEY: [VALUE]", "canisters networks environments dependencies", "item"),
    **_each(_CANISTER, "sync settings init_args upgrade_args", "canister"),
    "canister.name": f"canisters: [{{name: VALUE, {BUILD}}}]",
    "canister.build": "canisters: [{name: a, build: VALUE}]",
    "canister.recipe": "canisters: [{name: a, recipe: VALUE}]",
    "canister.unknown": _CANISTER.replace("KEY", "candid"),
    "build.steps": "canisters: [{name: a, build: {steps: VALUE}}]",
    "build.step": "canisters: [{name: a, build: {steps: [VALUE]}}]",
    "build.unknown": "canisters: [{name: a, build: {steps: [{type: script, command: x}], stepz: VALUE}}]",
    "sync.steps": f"canisters: [{{name: a, {BUILD}, sync: {{steps: VALUE}}}}]",
    "sync.step": f"canisters: [{{name: a, {BUILD}, sync: {{steps: [VALUE]}}}}]",
    "step.type": "canisters: [{name: a, build: {steps: [{type: VALUE, command: x}]}}]",
    **_each(_BUILD_STEP.replace("TYPE", "script"), "command commands", "script"),
    "script.command+": "canisters: [{name: a, build: {steps: [{type: script, commands: [y], command: VALUE}]}}]",
    "script.commands+": "canisters: [{name: a, build: {steps: [{type: script, command: y, commands: VALUE}]}}]",
    "script.item": "canisters: [{name: a, build: {steps: [{type: script, commands: [VALUE]}]}}]",
    "script.unknown": "canisters: [{name: a, build: {steps: [{type: script, command: y, cmd: VALUE}]}}]",
    **_each(_BUILD_STEP.replace("TYPE", "pre-built"), "path url", "prebuilt"),
    "prebuilt.path+": "canisters: [{name: a, build: {steps: [{type: pre-built, url: 'https://x.y/z', path: VALUE}]}}]",
    "prebuilt.url+": "canisters: [{name: a, build: {steps: [{type: pre-built, path: p, url: VALUE}]}}]",
    "prebuilt.sha256": "canisters: [{name: a, build: {steps: [{type: pre-built, path: p, sha256: VALUE}]}}]",
    **_each(_SYNC_STEP.replace("TYPE", "plugin"), "path", "plugin"),
    "plugin.url": f"canisters: [{{name: a, {BUILD}, sync: {{steps: [{{type: plugin, sha256: {_HASH}, url: VALUE}}]}}}}]",
    **_each(_PLUGIN, "sha256 dirs files fields canisters", "plugin"),
    "plugin.dirs.item": _PLUGIN.replace("KEY: VALUE", "dirs: [VALUE]"),
    "plugin.dirs.entry": _PLUGIN.replace("KEY: VALUE", "dirs: {k: VALUE}"),
    "plugin.files.item": _PLUGIN.replace("KEY: VALUE", "files: [VALUE]"),
    "plugin.files.entry": _PLUGIN.replace("KEY: VALUE", "files: {k: VALUE}"),
    "plugin.fields.entry": _PLUGIN.replace("KEY: VALUE", "fields: {k: VALUE}"),
    "plugin.canisters.item": _PLUGIN.replace("KEY: VALUE", "canisters: [VALUE]"),
    **_each(
        _SETTING,
        "log_visibility snapshot_visibility status_visibility compute_allocation memory_allocation freezing_threshold "
        "reserved_cycles_limit wasm_memory_limit wasm_memory_threshold log_memory_limit environment_variables controllers unknown",
        "settings",
    ),
    "settings.log_visibility.allowed_viewers": _SETTING.replace("KEY: VALUE", "log_visibility: {allowed_viewers: VALUE}"),
    "settings.log_visibility.viewer": _SETTING.replace("KEY: VALUE", "log_visibility: {allowed_viewers: [VALUE]}"),
    "settings.status_visibility.viewer": _SETTING.replace("KEY: VALUE", "status_visibility: {allowed_viewers: [VALUE]}"),
    "settings.log_visibility.unknown": _SETTING.replace("KEY: VALUE", "log_visibility: {allowed_viewers: [], x: VALUE}"),
    "settings.variable": _SETTING.replace("KEY: VALUE", "environment_variables: {A: VALUE}"),
    "settings.variable.path": _SETTING.replace("KEY: VALUE", "environment_variables: {A: {path: VALUE}}"),
    "settings.variable.unknown": _SETTING.replace("KEY: VALUE", "environment_variables: {A: {path: f.txt, x: VALUE}}"),
    "settings.controller": _SETTING.replace("KEY: VALUE", "controllers: [VALUE]"),
    **_each(_CANISTER.replace("KEY: VALUE", "init_args: {KEY: VALUE}"), "path value", "arguments"),
    "arguments.format": _CANISTER.replace("KEY: VALUE", "init_args: {value: 'x', format: VALUE}"),
    "arguments.path.format": _CANISTER.replace("KEY: VALUE", "init_args: {path: f.txt, format: VALUE}"),
    "arguments.path+": _CANISTER.replace("KEY: VALUE", "init_args: {value: x, path: VALUE}"),
    "arguments.value+": _CANISTER.replace("KEY: VALUE", "init_args: {path: f.txt, value: VALUE}"),
    "arguments.unknown": _CANISTER.replace("KEY: VALUE", "init_args: {value: x, formt: VALUE}"),
    **_each(_RECIPE, "sha256 configuration unknown", "recipe"),
    "recipe.value": "canisters: [{name: a, recipe: {type: 'file://v.hbs', configuration: {v: VALUE}}}]",
    "recipe.type": "canisters: [{name: a, recipe: {type: VALUE}}]",
    "recipe.+sync": "canisters: [{name: a, recipe: {type: 'file://r.hbs'}, sync: VALUE}]",
    **_each(_ENVIRONMENT, "network canisters settings init_args upgrade_args unknown", "environment"),
    "environment.name": "environments: [{name: VALUE}]",
    "environment.canister": _ENVIRONMENT.replace("KEY: VALUE", "canisters: [VALUE]"),
    "environment.settings.entry": _ENVIRONMENT.replace("KEY: VALUE", "settings: {a: VALUE}"),
    "environment.settings.other": _ENVIRONMENT.replace("KEY: VALUE", "settings: {other: VALUE}"),
    "environment.init_args.entry": _ENVIRONMENT.replace("KEY: VALUE", "init_args: {a: VALUE}"),
    "network.name": "networks: [{name: VALUE, mode: managed}]",
    "network.mode": "networks: [{name: n, mode: VALUE, url: 'https://x.y', root-key: mainnet}]",
    **_each(_MANAGED, "gateway artificial-delay-ms port-mapping args unknown", "managed"),
    **_each(_POCKET_IC, "ii nns subnets bitcoind-addr dogecoind-addr version", "pocket-ic"),
    "pocket-ic.subnet": _POCKET_IC.replace("KEY: VALUE", "subnets: [VALUE]"),
    "pocket-ic.address": _POCKET_IC.replace("KEY: VALUE", "bitcoind-addr: [VALUE]"),
    **_each(_MANAGED, "ii nns subnets bitcoind-addr dogecoind-addr version", "embedded"),
    **_each(_GATEWAY, "bind port domains unknown", "gateway"),
    "gateway.domain": _GATEWAY.replace("KEY: VALUE", "domains: [VALUE]"),
    **_each(
        _IMAGE,
        "rm-on-exit args cmd command entrypoint environment volumes platform user shm-size status-dir mounts extra-hosts gateway unknown",
        "image",
    ),
    "image.image": 'networks: [{name: n, mode: managed, port-mapping: ["1:2"], image: VALUE}]',
    "image.port-mapping": "networks: [{name: n, mode: managed, image: i, port-mapping: VALUE}]",
    "image.port": "networks: [{name: n, mode: managed, image: i, port-mapping: [VALUE]}]",
    "image.mount": _IMAGE.replace("KEY: VALUE", "mounts: [VALUE]"),
    **_each(_CONNECTED, "api-url http-gateway-url unknown", "connected"),
    "connected.url": "networks: [{name: n, mode: connected, root-key: mainnet, url: VALUE}]",
    "connected.only-api-url": "networks: [{name: n, mode: connected, root-key: mainnet, api-url: VALUE}]",
    "connected.only-gateway": "networks: [{name: n, mode: connected, root-key: mainnet, http-gateway-url: VALUE}]",
    "connected.root-key": "networks: [{name: n, mode: connected, url: 'https://x.y', root-key: VALUE}]",
}
"""A key's name, and a manifest in which its value is missing."""

VALUES: dict[str, tuple[str, ...]] = {
    "": ("", "null", '""', "text", "5", "-1", "1.5", "true", "[]", "{}", "[5]", "{k: v}", "[null]", '["a", "b"]'),
    "settings.*_visibility": (
        "public",
        "controllers",
        "Public",
        "{allowed_viewers: []}",
        "{allowed_viewers: null}",
        "{allowed_viewer: []}",
    ),
    "*viewer|settings.controller": ("aaaaa-aa", "AAAAA-AA", "2vxsx-fae", "2vxsxfae", '" aaaaa-aa"', "a", "b"),
    "*allocation|*limit|*threshold": (
        *("5kib", '"5 KiB"', "1_000", "1.5t", '"1.5t"', '"1.5kib"', "30d", '"30 d"', "18446744073709551615", "18446744073709551616"),
        *("340282366920938463463374607431768211455", "340282366920938463463374607431768211456", '"-0"', '"1e3"', "0x10", "101"),
    ),
    "canister.name": ("A_b-9", "ä", "a.b", "a:b", "~", "null", '"~"', "x" * 1_000, "😀", '"a\\n"', "../a"),
    "network.name|environment.name": ("local", "ic", "A_b-9", "ä", "a.b", "a:b", "a/b", '" "', "x" * 1_000, "😀"),
    "item.*": (
        "c",
        "c/canister.yaml",
        "f.txt",
        "'*'",
        "'c*'",
        "'{c,d}'",
        "'[c]'",
        "'**'",
        "./c",
        "c/",
        "/",
        ".",
        "..",
        "{name: a}",
        "'c?'",
    ),
    "*.steps": ("[{type: script, command: x}]", "[{type: Script, command: x}]", "{type: script, command: x}"),
    "*.step": ("{type: script}", "{type: script, command: x}", "{type: zip}", "{command: x}", "{type: assets, dir: d}", "{type: plugin}"),
    "step.type": ("script", "pre-built", "plugin", "zip", "prebuilt"),
    "recipe.value": SCALARS,
    "settings.memory_allocation|settings.reserved_cycles_limit|settings.compute_allocation|settings.freezing_threshold": AMOUNTS,
    "settings.variable|canister.name|script.command": AMOUNTS,
    "*.build|*.sync|*+sync": ("{steps: []}", "{steps: [{type: script, command: x}]}", "{steps: null}", "{step: []}"),
    "*.path|*.path+|*.unknown": ("f.txt", "./f.txt", "missing", "/etc/hostname", "c", "../f.txt"),
    "*url*|*gateway": (
        *("'https://x.y'", "'HTTPS://X.Y/'", "'http://127.0.0.1:8000'", "'ftp://x.y'", "x.y", "'https://'", "'https://x.y/a/'", "'http:x'"),
        *(
            "'https://x.y:443'",
            "'https://u:p@x.y?q#f'",
            "'https://x y'",
            "'https://x.y:99999'",
            "'file:///x'",
            "localhost:8000",
            "'https://x.y//'",
        ),
    ),
    "*root-key": ("mainnet", "fetch", "Mainnet", "abcd", "ab" * 133, "AB" * 133, "0x" + "ab" * 132, "zz" * 133, "ab" * 132),
    "*sha256": (_HASH, _HASH.upper(), "aa", "00", f'"{_HASH} "', f'"sha256:{_HASH}"'),
    "*version": ("12.0.0", '"12.0.0"', "v12.0.0", "vv1", "latest", '"12"', "12.0"),
    "*subnet": ("application", "system", "verified-application", "bitcoin", "fiduciary", "nns", "sns", "Application", "cloud-engine"),
    "*bind": ("127.0.0.1", "0.0.0.0", '"::1"', '"::"', "localhost", "10.0.0.1", "256.0.0.1", '"fe80::1%eth0"', '"[::1]"', "127.1"),  # noqa: S104  texts
    "*port": ("0", "80", "65535", "65536", '"80"', "80.0", "0x50", "Random"),
    "*.port": ("0:1", '"0:1"', '"127.0.0.1:80:90"', '"80"', '"80:90/tcp"', '"80-81:90-91"', '"70000:1"', '":80"', '"a:b"', "22:22"),
    "*mount": ("a:/b", '"a:/b:ro"', '"a:/b:rw"', '"a:/b:xx"', '"a"', '"a:b"', '":/b"', '"C:/a:/b"'),
    "*format": ("candid", "hex", "bin", "idl", "Candid"),
    "*.address|*addr": ("127.0.0.1:1", "localhost:1", "localhost", "'[::1]:1'", "'::1'", "a:99999", "['127.0.0.1:18444']"),
    "*domains|*domain": ("localhost", "[localhost]", "[foo.test, foo.test]", "[a, localhost]", "'*.x'", "a b"),
    "recipe.type": (
        *(
            "'file://r.hbs'",
            "'file://'",
            "'file://missing.hbs'",
            "'@dfinity/rust'",
            "'@dfinity'",
            "'@/x@y'",
            "'@foo/bar'",
            "'file://./r.hbs'",
        ),
        *("'FILE://r.hbs'", "'https:'", "''", "unknown-recipe"),
    ),
    "*.configuration": ("{a: null}", "{a: {b: [1]}}", "{1: 2}", "{_: 5}"),
    "plugin.f*.entry|plugin.d*.entry": (
        "[a, b]",
        "[]",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1e300",
        ".inf",
    ),
    "environment.*": ("local", "ic", "[a]", "[a, a]", "[b]", "{a: null}", "{a: {}}", "{a: '(1)'}", "{b: '(1)'}", "{b: {}}"),
    "document": ("a: 1\nb", "canisters:", "- x", "'x'", "--- {}", "{}\n---\n", "{}\n...", "# x", "\n\n", "%YAML 1.2\n---\n{}", "!!map {}"),
    "image.*": ("", "null", '""', "text", "5", "true", "[]", "[a, b]", "[5]", "{k: v}"),
}
"""Values by the slots that they are for: patterns of names, `""` for all but those of images."""


def _matches(pattern: str, slot: str) -> bool:
    return (not pattern and not slot.startswith("image.")) or any(
        re.fullmatch(re.escape(each).replace(r"\*", ".*"), slot) for each in pattern.split("|")
    )


def slot_cases(slot: str) -> dict[str, Case]:
    """Return the cases of a slot by value."""
    values = dict.fromkeys(value for pattern, found in VALUES.items() if _matches(pattern, slot) for value in found)
    files = {name.replace("/", "__").replace(".", "_dot_"): content for name, content in _FILES.items()}
    return {value: top(f"{SLOTS[slot].replace('VALUE', value)}\n", **files) for value in values}

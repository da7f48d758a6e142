"""Manifests that icp-cli 1.5.0 accepts or refuses are accepted or refused here, with the same meaning."""

from pathlib import Path

import pytest

from orchestrator.core.networks import Container, Features
from orchestrator.core.project import Arguments, Canister, ConnectedNetwork, ManagedNetwork, PrebuiltStep, Project, ScriptStep, Settings
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_project

BUILD = "build: {steps: [{type: script, command: x}]}"
PRINCIPAL = "rrkah-fqaaa-aaaaa-aaaaq-cai"


def load(directory: Path, text: str, **files: str) -> Project:
    """Load a manifest beside files (`__` in a name stands for `/`, `_dot_` for `.`)."""
    (directory / "icp.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        path = directory / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return load_project(directory)


def one_canister(directory: Path, keys: str, **files: str) -> Canister:
    """Load a manifest with canister `a` that has these keys besides its build."""
    return load(directory, f"canisters:\n  - name: a\n    {BUILD}\n    {keys}\n", **files).canisters[0]


@pytest.mark.parametrize("text", ["", "# nothing\n", "canisters: []\nnetworks: []\nenvironments: []\ndependencies: []\n"])
def test_an_empty_manifest_is_a_project(tmp_path: Path, text: str) -> None:
    """Without canisters there are still the networks and environments `local` and `ic`."""
    project = load(tmp_path, text)
    assert project.canisters == ()
    assert list(project.networks) == list(project.environments) == ["local", "ic"]
    assert project.networks["local"] == ManagedNetwork(name="local", port=8000, domains=())
    assert project.networks["ic"] == ConnectedNetwork(
        name="ic", api_url="https://icp-api.io", gateway_url="https://icp.net", root_key="mainnet"
    )


REFUSED = {
    "A2 unknown top-level key": ("canisterz: []", "unknown-key"),
    "A3 no name": (f"canisters: [{{{BUILD}}}]", "missing-name"),
    "A4 name is a number": (f"canisters: [{{name: 12, {BUILD}}}]", "wrong-type"),
    "A6 name with a space": (f"canisters: [{{name: a b, {BUILD}}}]", "invalid-name"),
    "A7 recipe and build": (f"canisters: [{{name: a, recipe: {{type: x}}, {BUILD}}}]", "build-and-recipe"),
    "A9 neither recipe nor build": ("canisters: [{name: a}]", "no-build"),
    "A10 unknown canister key": (f"canisters: [{{name: a, candid: x, {BUILD}}}]", "unknown-key"),
    "A11 no steps": ("canisters: [{name: a, build: {steps: []}}]", "no-build-steps"),
    "A12 unknown step": ("canisters: [{name: a, build: {steps: [{type: zip}]}}]", "unknown-step"),
    "A13 assets step": (f"canisters: [{{name: a, {BUILD}, sync: {{steps: [{{type: assets}}]}}}}]", "unknown-step"),
    "A14 unpinned plugin": (
        f"canisters: [{{name: a, {BUILD}, sync: {{steps: [{{type: plugin, url: 'https://x.y'}}]}}}}]",
        "unpinned-plugin",
    ),
    "A15 no location": ("canisters: [{name: a, build: {steps: [{type: pre-built}]}}]", "missing-key"),
    "A18 unknown suffix": (f"canisters: [{{name: a, {BUILD}, settings: {{memory_allocation: 1zb}}}}]", "invalid-amount"),
    "A19 fractional bytes": (f"canisters: [{{name: a, {BUILD}, settings: {{memory_allocation: 1.3kib}}}}]", "invalid-amount"),
    "A20 float": (f"canisters: [{{name: a, {BUILD}, settings: {{wasm_memory_limit: 1e3}}}}]", "wrong-type"),
    "A21 unknown unit": (f"canisters: [{{name: a, {BUILD}, settings: {{freezing_threshold: 1y}}}}]", "invalid-amount"),
    "A22 float cycles": (f"canisters: [{{name: a, {BUILD}, settings: {{reserved_cycles_limit: 1.5}}}}]", "wrong-type"),
    "A23 negative": (f"canisters: [{{name: a, {BUILD}, settings: {{compute_allocation: -1}}}}]", "out-of-range"),
    "A24 log visibility": (f"canisters: [{{name: a, {BUILD}, settings: {{log_visibility: foo}}}}]", "unknown-variant"),
    "A25 variable": (f"canisters: [{{name: a, {BUILD}, settings: {{environment_variables: {{A: 1}}}}}}]", "wrong-type"),
    "A26 variable file": (
        f"canisters: [{{name: a, {BUILD}, settings: {{environment_variables: {{A: {{path: no}}}}}}}}]",
        "unreadable-file",
    ),
    "A28 controller": (f"canisters: [{{name: a, {BUILD}, settings: {{controllers: [zzz]}}}}]", "unknown-controller"),
    "A29 twins": (f"canisters: [{{name: a, {BUILD}}}, {{name: a, {BUILD}}}]", "duplicate-name"),
    "A30 no such directory": ("canisters: [nope]", "missing-file"),
    "A30 path of the file": ("canisters: [sub/canister.yaml]", "missing-file"),
    "A32 network file": ("networks: [n.yaml]", "missing-file"),
    "A33 reserved network": ("networks: [{name: ic, mode: managed}]", "reserved-name"),
    "A34 no root key": ("networks: [{name: n, mode: connected, url: 'https://x.y'}]", "missing-key"),
    "A34 short root key": ("networks: [{name: n, mode: connected, url: 'https://x.y', root-key: abcd}]", "invalid-root-key"),
    "A35 mode": ("networks: [{name: n, mode: foo}]", "unknown-variant"),
    "A39 network of an environment": ("environments: [{name: s, network: zz}]", "unknown-network"),
    "A39 canister of an environment": ("environments: [{name: s, canisters: [b]}]", "unknown-canister"),
    "A50 inline bytes": (f"canisters: [{{name: a, {BUILD}, init_args: {{value: xx, format: bin}}}}]", "binary-value"),
    "A51 null canisters": ("canisters: null", "wrong-type"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_icp_refuses_is_refused(tmp_path: Path, name: str) -> None:
    """A manifest that icp-cli refuses is refused for the same reason, and for that one only."""
    text, slug = REFUSED[name]
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, text)
    assert [diagnostic.slug for diagnostic in caught.value.diagnostics] == [f"manifest/{slug}"]


@pytest.mark.parametrize("text", ["canisters: []\ncanisters: []\n", "canisters: []\n---\ncanisters: []\n"])
def test_documents_that_icp_refuses(tmp_path: Path, text: str) -> None:
    """A51: equal keys and a second document are refused."""
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, text)
    assert caught.value.slug.startswith("document/")


def test_a_word_of_yaml_1_1_is_a_name(tmp_path: Path) -> None:
    """A5: `yes` is text."""
    assert load(tmp_path, f"canisters: [{{name: yes, {BUILD}}}]").canisters[0].name == "yes"


def test_recipe_with_own_sync_steps(tmp_path: Path) -> None:
    """A8: since 1.5 a canister with a recipe may have sync steps of its own."""
    text = (
        "canisters: [{name: a, recipe: {type: ./r.hbs, configuration: {x: 1.50, l: [yes]}}, sync: {steps: [{type: script, command: y}]}}]"
    )
    canister = load(tmp_path, text).canisters[0]
    assert canister.recipe is not None
    assert canister.recipe.address == "./r.hbs"
    assert canister.recipe.configuration == {"x": 1.5, "l": ["yes"]}
    assert [step.commands for step in canister.sync if isinstance(step, ScriptStep)] == [("y",)]


@pytest.mark.parametrize(
    ("keys", "commands"), [("command: x, commands: [y]", ("x",)), ("commands: []", ()), ("commands: [a, b]", ("a", "b"))]
)
def test_script_commands(tmp_path: Path, keys: str, commands: tuple[str, ...]) -> None:
    """A16, A17: `command` wins over `commands`, which may be empty."""
    (step,) = load(tmp_path, f"canisters: [{{name: a, build: {{steps: [{{type: script, {keys}}}]}}}}]").canisters[0].build
    assert isinstance(step, ScriptStep)
    assert step.commands == commands


def test_prebuilt_path_wins_over_url(tmp_path: Path) -> None:
    """A pre-built step with both uses its path, relative to the canister's directory."""
    text = "canisters: [{name: a, build: {steps: [{type: pre-built, path: w/a.wasm, url: 'https://x.y/a.wasm'}]}}]"
    (step,) = load(tmp_path, text).canisters[0].build
    assert isinstance(step, PrebuiltStep)
    assert (step.path, step.url) == (tmp_path / "w" / "a.wasm", None)


def test_amounts(tmp_path: Path) -> None:
    """A22, A23: amounts take suffixes, underscores and quotes; compute allocation has no range here."""
    keys = (
        'settings: {reserved_cycles_limit: "1.5t", compute_allocation: 500, memory_allocation: 1_5 gib, '
        'freezing_threshold: 30D, wasm_memory_limit: 1024, wasm_memory_threshold: ".5kib", log_memory_limit: 4KB}'
    )
    assert one_canister(tmp_path, keys).settings == Settings(
        reserved_cycles_limit=1_500_000_000_000,
        compute_allocation=500,
        memory_allocation=15 * 2**30,
        freezing_threshold=30 * 86_400,
        wasm_memory_limit=1024,
        wasm_memory_threshold=512,
        log_memory_limit=4000,
    )


def test_variables(tmp_path: Path) -> None:
    """A25, A27: `yes` is text; a file's value is trimmed."""
    canister = one_canister(tmp_path, "settings: {environment_variables: {A: yes, B: {path: b.txt}}}", b_dot_txt=" val \n\n")
    assert canister.settings.environment_variables == {"A": "yes", "B": "val"}


def test_controllers_are_principals_or_canisters(tmp_path: Path) -> None:
    """Controllers may name the canisters of the project and any principal."""
    assert one_canister(tmp_path, f"settings: {{controllers: [a, {PRINCIPAL}]}}").settings.controllers == ("a", PRINCIPAL)


def test_log_visibility_with_viewers(tmp_path: Path) -> None:
    """Allowed viewers are principals."""
    settings = one_canister(tmp_path, f"settings: {{log_visibility: {{allowed_viewers: [{PRINCIPAL}]}}}}").settings
    assert isinstance(settings.log_visibility, tuple)
    assert [str(viewer) for viewer in settings.log_visibility] == [PRINCIPAL]


def test_canister_directories_and_globs(tmp_path: Path) -> None:
    """A31: directories with a manifest, in the order of the alphabet for a glob; a glob may match nothing."""
    project = load(
        tmp_path,
        'canisters: ["canisters/*", sub, "nothing/*"]',
        canisters__y__canister_dot_yaml=f"name: y\n{BUILD}",
        canisters__x__canister_dot_yaml="name: x\nbuild: {steps: [{type: pre-built, path: x.wasm}]}",
        canisters__z__other_dot_yaml="",
        sub__canister_dot_yaml=f"name: s\n{BUILD}",
    )
    assert [canister.name for canister in project.canisters] == ["x", "y", "s"]
    assert project.canisters[0].directory == tmp_path / "canisters" / "x"
    step = project.canisters[0].build[0]
    assert isinstance(step, PrebuiltStep)
    assert step.path == tmp_path / "canisters" / "x" / "x.wasm"


def test_managed_network(tmp_path: Path) -> None:
    """A36, A37: port 0 asks for a free port; `localhost` comes first where the gateway listens here."""
    text = """
networks:
  - {name: local, mode: managed, gateway: {port: 8010}}
  - {name: free, mode: managed, artificial-delay-ms: 5, gateway: {port: 0, bind: 0.0.0.0, domains: [foo.test]}}
  - {name: far, mode: managed, gateway: {bind: 192.168.1.2, domains: [foo.test]}}
"""
    networks = load(tmp_path, text).networks
    assert networks["local"] == ManagedNetwork(name="local", port=8010, domains=("localhost",), span=networks["local"].span)
    assert networks["free"] == ManagedNetwork(
        name="free", bind="0.0.0.0", port=0, domains=("localhost", "foo.test"), artificial_delay_ms=5, span=networks["free"].span  # noqa: S104  read, not bound
    )  # fmt: skip
    far = networks["far"]
    assert isinstance(far, ManagedNetwork)
    assert far.domains == ("foo.test",)


@pytest.mark.parametrize(
    ("keys", "api", "gateway"),
    [
        ("url: 'https://x.y/'", "https://x.y", "https://x.y"),
        ("api-url: 'https://x.y'", "https://x.y", None),
        ("api-url: 'https://x.y', http-gateway-url: 'http://g'", "https://x.y", "http://g"),
    ],
)
def test_connected_network(tmp_path: Path, keys: str, api: str, gateway: str | None) -> None:
    """`url` plays both roles; `api-url` only its own."""
    network = load(tmp_path, f"networks: [{{name: n, mode: connected, {keys}, root-key: {'ab' * 133}}}]").networks["n"]
    assert network == ConnectedNetwork(name="n", api_url=api, gateway_url=gateway, root_key=b"\xab" * 133, span=network.span)


def test_other_launchers_take_their_keys(tmp_path: Path) -> None:
    """Keys of PocketIC networks are read where PocketIC is the launcher; a version loses its `v`."""
    keys = "ii: true, nns: false, subnets: [application, sns], bitcoind-addr: ['127.0.0.1:18444', 'btc:1'], version: v12.0.0"
    network = load(tmp_path, f"networks: [{{name: n, mode: managed, launcher: pocket-ic, {keys}}}]").networks["n"]
    assert isinstance(network, ManagedNetwork)
    assert network.launcher == "pocket-ic"
    assert network.features == Features(
        ii=True, subnets=("application", "sns"), bitcoind_addresses=("127.0.0.1:18444", "btc:1"), version="12.0.0"
    )


def test_dfx_keeps_its_own_port(tmp_path: Path) -> None:
    """Without a port in the manifest dfx decides about it; with one, the manifest does."""
    text = "networks: [{name: a, mode: managed, launcher: dfx, nns: true}, {name: b, mode: managed, launcher: dfx, gateway: {port: 4943}}]"
    networks = load(tmp_path, text).networks
    assert [(type(networks[name]), getattr(networks[name], "port", None)) for name in ("a", "b")] == [
        (ManagedNetwork, 0),
        (ManagedNetwork, 4943),
    ]


def test_network_from_an_image(tmp_path: Path) -> None:
    """Every key that icp-cli has for containers is read; `image` makes Docker the launcher."""
    text = """
networks:
  - name: n
    mode: managed
    image: ghcr.io/dfinity/icp-cli-network-launcher
    port-mapping: ["0.0.0.0:9000:4943", "0:4942"]
    rm-on-exit: true
    command: [--ii]
    entrypoint: [/bin/network, --quiet]
    environment: [LEVEL=debug]
    volumes: ["data:/data"]
    mounts: ["./config:/config:ro"]
    platform: linux/amd64
    user: "1000:1000"
    shm-size: 2147483648
    status-dir: /run/status
    extra-hosts: ["host.docker.internal:host-gateway"]
"""
    network = load(tmp_path, text).networks["n"]
    assert isinstance(network, ManagedNetwork)
    assert (network.launcher, network.port) == ("docker", 9000)
    assert network.container == Container(
        image="ghcr.io/dfinity/icp-cli-network-launcher",
        ports=("0.0.0.0:9000:4943", "0:4942"),
        remove=True,
        arguments=("--ii",),
        entrypoint=("/bin/network", "--quiet"),
        environment=("LEVEL=debug",),
        volumes=("data:/data",),
        mounts=("./config:/config:ro",),
        extra_hosts=("host.docker.internal:host-gateway",),
        platform="linux/amd64",
        user="1000:1000",
        shm_size=2_147_483_648,
        status_directory="/run/status",
    )


def test_an_override_replaces_all_settings(tmp_path: Path) -> None:
    """A40: an environment's settings stand alone, and a warning names what is lost."""
    text = f"""
canisters: [{{name: a, {BUILD}, settings: {{compute_allocation: 1, freezing_threshold: 1d}}, init_args: "(1)"}}]
environments:
  - {{name: s, settings: {{a: {{compute_allocation: 5}}}}, init_args: {{a: "(2)"}}}}
  - {{name: m, settings_merge: true, settings: {{a: {{compute_allocation: 5}}}}}}
"""
    project = load(tmp_path, text)
    assert project.environments["s"].canisters[0].settings == Settings(compute_allocation=5)
    assert project.environments["m"].canisters[0].settings == Settings(compute_allocation=5, freezing_threshold=86_400)
    assert project.environments["local"].canisters[0].settings == Settings(compute_allocation=1, freezing_threshold=86_400)
    arguments = project.environments["s"].canisters[0].init_args
    assert isinstance(arguments, Arguments)
    assert arguments.content == "(2)"
    assert [warning.slug for warning in project.warnings] == ["manifest/settings-replaced"]


def test_environments_keep_manifest_order(tmp_path: Path) -> None:
    """A65: the order of an environment's canisters is the manifest's; `[]` selects none."""
    text = f"""
canisters: [{{name: zeta, {BUILD}, depends_on: [alpha]}}, {{name: alpha, {BUILD}}}]
environments: [{{name: s, canisters: [alpha, zeta]}}, {{name: none, canisters: []}}, {{name: z, canisters: [zeta]}}]
"""
    environments = load(tmp_path, text).environments
    assert [canister.name for canister in environments["s"].canisters] == ["zeta", "alpha"]
    assert environments["none"].canisters == ()
    assert environments["s"].canisters[0].depends_on == ("alpha",)
    assert environments["z"].canisters[0].depends_on == ()


@pytest.mark.parametrize(
    ("written", "content", "form"),
    [
        ('" (42) "', "(42)", "candid"),
        ("{value: abcd, format: hex}", "abcd", "hex"),
        ("{path: a.txt}", "(1)", "candid"),
        ("{path: a.txt, value: ignored, format: bin}", b" (1)\n", "bin"),
    ],
)
def test_argument_forms(tmp_path: Path, written: str, content: str | bytes, form: str) -> None:
    """Arguments are text, a value, or a file; a path wins over a value."""
    arguments = one_canister(tmp_path, f"init_args: {written}", a_dot_txt=" (1)\n").init_args
    assert arguments is not None
    assert (arguments.content, arguments.format) == (content, form)


def test_network_and_environment_files(tmp_path: Path) -> None:
    """Networks and environments may live in files of their own."""
    project = load(
        tmp_path,
        "networks: [net/n.yaml]\nenvironments: [e.yaml]",
        net__n_dot_yaml="name: n\nmode: managed",
        e_dot_yaml="name: e\nnetwork: n\nidentity: alice\nprotected: true",
    )
    environment = project.environments["e"]
    assert (environment.network.name, environment.identity, environment.protected) == ("n", "alice", True)


def test_the_overlay_is_merged_by_name(tmp_path: Path) -> None:
    """`orchestrator.yaml` adds to the entries of `icp.yaml`, replaces values, and brings entries of its own."""
    project = load(
        tmp_path,
        "canisters: [sub, {name: b, " + BUILD + ", settings: {compute_allocation: 1, log_visibility: public}}]",
        sub__canister_dot_yaml=f"name: a\n{BUILD}",
        orchestrator_dot_yaml=f"""
canisters:
  - {{name: a, depends_on: [b], labels: {{tier: 1}}}}
  - {{name: b, settings: {{compute_allocation: 2}}}}
  - {{name: c, {BUILD}}}
environments: [{{name: e, proxy: b}}]
""",
    )
    first, second, third = project.canisters
    assert (first.name, first.directory, first.depends_on, first.labels) == ("a", tmp_path / "sub", ("b",), {"tier": "1"})
    assert second.settings == Settings(compute_allocation=2, log_visibility="public")
    assert third.name == "c"
    assert project.environments["e"].proxy == "b"

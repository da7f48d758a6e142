"""Where this tool deliberately does otherwise than icp-cli 1.5.0, with the cases that show it, and the reasons.

`docs/reference/manifest.md` has the same list for users: a row for each `title`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.conformance.manifests.tools import Verdict

__all__ = ["DIFFERENCES", "Difference", "expected"]

_NOT_TEXT = ("5", "-1", "1.5", "true", "[]", "{}", "[5]", "{k: v}", "[null]", '["a", "b"]')
_HASH = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
_NO_HASH = ("text", '""', "aa", "00", f'"{_HASH} "', f'"sha256:{_HASH}"')
_NO_HTTP = ("'ftp://x.y'", "'http:x'", "'file:///x'", "localhost:8000")
_NO_URL = ('""', "text", "x.y", "'https://'", "'https://x y'", "'https://x.y:99999'")
_SLASHES = ("'https://x.y/a/'", "'https://x.y//'")
_DETOURS = (
    *("workspace dep-env-member-of-member", "workspace member-controller-key", "workspace member-override-of-its-own-dep-by-alias"),
    *(
        "workspace nested-dirs-in-root",
        "workspace order-nested",
        "workspace transitive-over-middle-not",
        "workspace two-members-missing-env",
    ),
)
"""Workspaces in which a project names another one beside it."""
_IMAGE_TEXTS = ("5", "true", "[]", "[a, b]", "[5]", "{k: v}")
_IMAGE_LISTS = ('""', "text", "5", "true", "[5]", "{k: v}")
_NO_PORT = (
    "80",
    "65535",
    "65536",
    '"80"',
    "80.0",
    "0x50",
    "Random",
    '"80:90/tcp"',
    '"80-81:90-91"',
    '"70000:1"',
    '":80"',
    '"a:b"',
    "0",
    "null",
)
_NO_MOUNT = ('"a:/b:xx"', '"a"', '"a:b"', '":/b"', '"C:/a:/b"', "null", "[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What both do, why, and where: `cases` are values by slot, and names of projects under the empty slot.

    `places` are the ends of the paths at which something else is shown.
    """

    title: str
    icp: str
    own: str
    why: str
    verdict: Verdict
    cases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: tuple[str, ...] = ()


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        title="two alternatives, one of them wrong",
        icp="takes the other one, in silence",
        own="refuses the value of the wrong type",
        why="what is written should not vanish",
        verdict="only icp loads it",
        cases={
            "arguments.path+": _NOT_TEXT,
            "prebuilt.path+": _NOT_TEXT,
            "prebuilt.url+": _NOT_TEXT,
            "connected.api-url": (*_NOT_TEXT, *_NO_URL, *_NO_HTTP),
            "connected.http-gateway-url": (*_NOT_TEXT, *_NO_URL, *_NO_HTTP),
        },
    ),
    Difference(
        title="a mistake in a network with an `image`",
        icp="takes it for a network without one and starts its launcher, or starts a container that cannot be reached",
        own="refuses the value",
        why="another network than the one described would run",
        verdict="only icp loads it",
        cases={
            "image.image": _IMAGE_TEXTS,
            "image.port-mapping": ("", "null", '""', "text", "5", "true", "[a, b]", "[5]", "{k: v}"),
            "image.port": (*_NO_PORT, *_IMAGE_LISTS, "[]", "[a, b]"),
            "image.mount": (*_NO_MOUNT, *_IMAGE_LISTS, "[a, b]"),
            "image.mounts": (*_IMAGE_LISTS, "[a, b]"),
            "image.rm-on-exit": ('""', "text", "5", "[]", "[a, b]", "[5]", "{k: v}"),
            "image.shm-size": ('""', "text", "true", "[]", "[a, b]", "[5]", "{k: v}"),
            **dict.fromkeys(("image.platform", "image.user", "image.status-dir"), _IMAGE_TEXTS),
            **dict.fromkeys(
                ("image.args", "image.cmd", "image.command", "image.entrypoint", "image.environment", "image.volumes", "image.extra-hosts"),
                _IMAGE_LISTS,
            ),
        },
    ),
    Difference(
        title="a feature that the network's launcher lacks",
        icp="has one launcher, which has them all",
        own="refuses it, and names `launcher: pocket-ic`",
        why="a network without Internet Identity must not look like one that has it",
        verdict="only icp loads it",
        cases={
            "embedded.ii": ("true",),
            "embedded.nns": ("true",),
            "embedded.bitcoind-addr": ('["a", "b"]', "['127.0.0.1:18444']"),
            "embedded.dogecoind-addr": ('["a", "b"]', "['127.0.0.1:18444']"),
            "embedded.version": ('""', "text", "12.0.0", '"12.0.0"', "v12.0.0", "vv1", "latest", '"12"'),
        },
    ),
    Difference(
        title="an address that leads nowhere (`bind`, nodes of other chains)",
        icp="loads the project; the network does not start",
        own="refuses it",
        why="the mistake is told where it is",
        verdict="only icp loads it",
        cases={
            "gateway.bind": ('""', "text", "localhost", "256.0.0.1", '"[::1]"'),
            "pocket-ic.bitcoind-addr": ('["a", "b"]',),
            "pocket-ic.dogecoind-addr": ('["a", "b"]',),
            "pocket-ic.address": ('""', "text", "localhost", "'::1'", "a:99999"),
        },
    ),
    Difference(
        title="a `sha256` that is none, a `url` that is not of HTTP",
        icp="loads the project; the step fails",
        own="refuses it",
        why="the mistake is told before anything is built",
        verdict="only icp loads it",
        cases={
            "prebuilt.sha256": _NO_HASH,
            "plugin.sha256": _NO_HASH,
            "prebuilt.url": ('""', "text", "x.y", *_NO_HTTP),
            "plugin.url": ('""', "text", "x.y", *_NO_HTTP),
            "connected.url": _NO_HTTP,
            "connected.only-api-url": _NO_HTTP,
            "": ("case broken-sha256-63-digits", "case broken-sha256-with-prefix"),
        },
    ),
    Difference(
        title="a key twice in a canister",
        icp="takes the last one",
        own="refuses the second",
        why="everywhere else icp-cli refuses it, too",
        verdict="only icp loads it",
        cases={"": ("case broken-duplicate-key",)},
    ),
    Difference(
        title="a network or an environment whose `name` is null",
        icp="calls it `null`, or nothing at all",
        own="refuses it",
        why="it was forgotten",
        verdict="only icp loads it",
        cases={"network.name": ("", "null"), "environment.name": ("", "null")},
    ),
    Difference(
        title="a tag that nobody knows, on a map or a list",
        icp="ignores it",
        own="refuses it",
        why="it was meant to say something",
        verdict="only icp loads it",
        cases={"": ("tag of nobody on a map",)},
    ),
    Difference(
        title="more than the [limits](limits.md) allow",
        icp="has none, or others",
        own="refuses it",
        why="a file must not exhaust the machine",
        verdict="only icp loads it",
        cases={"": ("deeper unknown key",)},
    ),
    Difference(
        title="a recipe's `sha256` in capitals",
        icp="finds that it is another one",
        own="compares without regard to case",
        why="it is the same number",
        verdict="only we load it",
        cases={"": ("recipe of a registry, in capitals",)},
    ),
    Difference(
        title="keys of maps that are not text (`5:`, `null:`)",
        icp="refuses them where it looks at the key",
        own="takes their text",
        why="in YAML a name need not be quoted to be one",
        verdict="only we load it",
        cases={"recipe.configuration": ("{1: 2}",), "": ("key is null", "key is a number", "variable's name is a number")},
    ),
    Difference(
        title="`!!null` on an empty text; a recipe's byte order mark; a rendered `sync` of nothing",
        icp="refuses them",
        own="takes them for nothing",
        why="nothing else can be meant",
        verdict="only we load it",
        cases={"": ("tag null", "rendered: sync of nothing", "rendered: sync is null", "recipe has a byte order mark")},
    ),
    Difference(
        title="a `~` in front of `else if` in a template",
        icp="crashes",
        own="renders it",
        why="every other `else` may have one",
        verdict="only we load it",
        cases={"": ("rendered: a tilde before else if",)},
    ),
    Difference(
        title="the address of a recipe: `name`, `./path`, a folder",
        icp="has `file://`, URLs and registries",
        own="takes them, too: bundled recipes, and paths from the project's folder",
        why="they are shorter, and are the same from every folder",
        verdict="only we load it",
        cases={
            "": ("relative address", "plain address", "folder's address", "own: bundled recipe", "example counter"),
        },
    ),
    Difference(
        title="`file://` with a relative path",
        icp="starts from the folder in which it is run",
        own="starts from the project's folder, and then tries the other with a warning",
        why="a project should load from any of its folders",
        verdict="only we load it",
        cases={"": ("recipe from below", "workspace member-recipe")},
    ),
    Difference(
        title="keys marked **+** on this page",
        icp="refuses them at the top level and in canisters, and ignores them elsewhere",
        own="reads them",
        why="put them in `orchestrator.yaml` if icp-cli is to load the project, too",
        verdict="only we load it",
        cases={"": ("own: depends_on", "own: labels", "own: health", "own: registries")},
    ),
    Difference(
        title="`orchestrator.yaml` beside `icp.yaml`, `settings_merge: true`",
        icp="knows nothing of them",
        own="lays one over the other",
        why="that is what they are for",
        verdict="shown differently",
        cases={"": ("own: overlay", "own: settings_merge")},
        places=("environments.s", "settings.memory_allocation"),
    ),
    Difference(
        title="which files declare a project above this one",
        icp="stops at a broken manifest and at a folder called `icp.yaml`",
        own="passes them by",
        why="neither can declare anything",
        verdict="only we load it",
        cases={"": ("workspace dup-key", "workspace icp-yaml-a-dir")},
    ),
    Difference(
        title="`project show`: folders and URLs with needless `./`, `../` and `/`",
        icp="shows them as they are written",
        own="shows them without",
        why="they are the same place",
        verdict="shown differently",
        cases={
            "item.canisters": ("./c", "c/"),
            "connected.url": _SLASHES,
            "connected.api-url": _SLASHES,
            "connected.only-api-url": _SLASHES,
            "": ("pattern with a dot", "workspace trailing-slash", "workspace spelled-oddly", *_DETOURS),
        },
        places=("canisters.c", "lib:c", "mid:m", "out:o", "/a:a", "/c:c", "api-url", "http-gateway-url"),
    ),
    Difference(
        title="`project show`: lists of a network that are empty, `version: latest`, an empty `status-dir`",
        icp="shows them as they are written",
        own="shows what they mean: null, or the default",
        why="they mean what leaving them out means",
        verdict="shown differently",
        cases={
            "embedded.subnets": ("[]",),
            "embedded.bitcoind-addr": ("[]",),
            "embedded.dogecoind-addr": ("[]",),
            "pocket-ic.subnets": ("[]",),
            "pocket-ic.subnet": ("",),
            "pocket-ic.bitcoind-addr": ("[]",),
            "pocket-ic.dogecoind-addr": ("[]",),
            "pocket-ic.address": ("",),
            "pocket-ic.version": ('""', "latest"),
            "image.entrypoint": ("[]",),
            "image.status-dir": ('""',),
        },
        places=("subnets", "bitcoind_addr", "dogecoind_addr", "version", "entrypoint", "status_dir"),
    ),
    Difference(
        title="`project show`: a domain that is there twice",
        icp="shows it twice, `localhost` too",
        own="shows it once",
        why="it is one domain",
        verdict="shown differently",
        cases={"gateway.domains": ("[localhost]", "[foo.test, foo.test]", "[a, localhost]"), "gateway.domain": ("localhost",)},
        places=("domains",),
    ),
)


def expected(slot: str, value: str) -> Difference | None:
    """Return the difference that a case shows, if it is listed."""
    found = [each for each in DIFFERENCES if value in each.cases.get(slot, ())]
    assert len(found) <= 1, (slot, value, [each.title for each in found])
    return found[0] if found else None

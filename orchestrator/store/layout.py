"""Where everything is: the only module that joins path names.

    icp.yaml
    .icp/data/mappings/<env>.ids.json             canister ids, connected networks (shared with icp-cli; commit it)
    .icp/cache/mappings/<env>.ids.json            canister ids, managed networks that icp-cli may run as well
    .orchestrator/data/environments/<env>/        install records, agreements and runs of connected networks (commit it)
    .orchestrator/cache/environments/<env>/       the same for managed networks
    .orchestrator/cache/networks/<name>/          descriptor, log, lock, state/, ids/ and records of the embedded network;
                                                  of others their state (pocket-ic/), container.json, and whose ids are in icp-cli's file
    .orchestrator/cache/.gitignore                keeps all of it out of version control
    .orchestrator/cache/artifacts/                built modules by their SHA-256, and which one each canister has
    .orchestrator/cache/locks/                    environment locks
    .orchestrator/cache/logs/                     one log file per run

`.orchestrator/cache/` can be deleted at any time while no network runs; `.orchestrator/data/` holds no
secrets and no paths of a machine.
"""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.project import Environment, ManagedNetwork
from orchestrator.errors import StoreError
from orchestrator.store.ignored import CACHE_PARTS

__all__ = ["EnvironmentFiles", "Layout", "NetworkFiles"]

_FORBIDDEN = frozenset("/\\\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFiles:
    """What a managed network keeps: all below `directory`."""

    directory: Path

    @property
    def descriptor(self) -> Path:
        """Return where the running network is described."""
        return self.directory / "descriptor.json"

    @property
    def status(self) -> Path:
        """Return the file that the replica writes once it answers."""
        return self.directory / "status.json"

    @property
    def log(self) -> Path:
        """Return where the replica's standard error goes."""
        return self.directory / "replica.log"

    @property
    def attempt(self) -> Path:
        """Return where a process is written down that is being started."""
        return self.directory / "starting.json"

    @property
    def lock(self) -> Path:
        """Return the lock that lets one starter in at a time."""
        return self.directory / "lock"

    @property
    def state(self) -> Path:
        """Return the folder of the replica's state, which survives restarts."""
        return self.directory / "state"

    @property
    def program_state(self) -> Path:
        """Return the folder of the state of PocketIC, which survives restarts as well."""
        return self.directory / "pocket-ic"

    @property
    def ids(self) -> Path:
        """Return the folder of the canister ids, one file per environment.

        Of networks whose ids are in icp-cli's files it says to which instance these belong.
        """
        return self.directory / "ids"

    @property
    def instance(self) -> Path:
        """Return where the state's instance is named, for networks that do not name it themselves."""
        return self.directory / "instance.json"

    @property
    def family(self) -> Path:
        """Return where the processes that a launcher started are written down."""
        return self.directory / "family.json"

    @property
    def container(self) -> Path:
        """Return where the container is described that the network runs in."""
        return self.directory / "container.json"

    @property
    def announcements(self) -> Path:
        """Return the folder in which launchers and containers say that they are ready."""
        return self.directory / "status"

    @property
    def records(self) -> Path:
        """Return the folder of the install records, one file per environment."""
        return self.directory / "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFiles:
    """What an environment keeps. `embedded` tells whether the file of ids names the instance that they belong to.

    `tie` is the file that names it where `ids` cannot; connected networks have neither.
    """

    ids: Path
    records: Path
    runs: Path
    lock: Path
    artifacts: Path
    embedded: bool
    tie: Path | None = None

    @property
    def sync_records(self) -> Path:
        """Return the file of what sync steps last succeeded with."""
        return self.records.with_name(f"{self.records.stem}.sync.json")

    @property
    def agreements(self) -> Path:
        """Return the file of what steps of remote recipes may reach, as somebody agreed; a network's reset leaves it alone."""
        return self.runs.with_name("agreements.json")

    def journal(self, run: str) -> Path:
        """Return the journal of one run."""
        return self.runs / _checked(run, "run") / "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of the project in `project_dir`; nothing is read or made here."""

    project_dir: Path

    @property
    def cache(self) -> Path:
        """Return the folder that version control ignores."""
        return self.project_dir.joinpath(*CACHE_PARTS)

    @property
    def data(self) -> Path:
        """Return the folder that belongs into version control."""
        return self.project_dir / ".orchestrator" / "data"

    @property
    def artifacts(self) -> Path:
        """Return the folder of built modules."""
        return self.cache / "artifacts"

    @property
    def networks(self) -> Path:
        """Return the folder that holds one folder per managed network."""
        return self.cache / "networks"

    @property
    def recipe_lock(self) -> Path:
        """Return the lock file that pins recipes."""
        return self.project_dir / "orchestrator.lock"

    @property
    def logs(self) -> Path:
        """Return the folder of log files."""
        return self.cache / "logs"

    def log(self, run: str) -> Path:
        """Return the log file of one run."""
        return self.logs / f"{_checked(run, 'run')}.log"

    def network(self, name: str) -> NetworkFiles:
        """Return the files of the managed network `name`."""
        return NetworkFiles(directory=self.networks / _checked(name, "network"))

    def managed_mapping(self, environment: str) -> Path:
        """Return icp-cli's file of canister ids of an environment on a managed network."""
        return self.project_dir / ".icp" / "cache" / "mappings" / f"{_checked(environment, 'environment')}.ids.json"

    def environment(self, environment: Environment) -> EnvironmentFiles:
        """Return the files of an environment; its network's kind decides where they are."""
        name, network = _checked(environment.name, "environment"), environment.network
        managed = isinstance(network, ManagedNetwork)
        embedded = isinstance(network, ManagedNetwork) and network.launcher == "embedded"
        home = (self.cache if managed else self.data) / "environments" / name
        mappings = self.project_dir / ".icp" / ("cache" if managed else "data") / "mappings"
        files = self.network(network.name) if embedded else None
        return EnvironmentFiles(
            ids=files.ids / f"{name}.json" if files else mappings / f"{name}.ids.json",
            records=files.records / f"{name}.json" if files else home / "records.json",
            runs=home / "runs",
            lock=self.cache / "locks" / f"{name}.lock",
            artifacts=self.artifacts / "latest" / f"{name}.json",
            embedded=embedded,
            tie=self.network(network.name).ids / f"{name}.json" if managed and not embedded else None,
        )


def _checked(name: str, what: str) -> str:
    """Refuse a name that would leave its folder."""
    if not name or name in {".", ".."} or _FORBIDDEN & set(name):
        raise StoreError(
            f"the {what} name `{name}` cannot be a file name",
            slug="store/name",
            hint="use letters, digits, `-`, `_` and `.` only",
        )
    return name

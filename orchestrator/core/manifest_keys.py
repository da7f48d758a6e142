"""The words that manifests are made of, for those who look at lines and do not parse them."""

from typing import Final

__all__ = ["KNOWN_KEYS"]

KNOWN_KEYS: Final = frozenset(
    {
        *("accept_data_loss", "allowed_viewers", "api-url", "approvers", "artificial-delay-ms", "at_least", "bake"),
        *("bind", "bitcoind-addr", "build", "canisters", "choices", "cmd", "command", "commands", "compute"),
        *("compute_allocation", "contains", "controllers", "controllers_exact", "cycles", "default", "dependencies"),
        *("depends_on", "deprecated", "description", "dirs", "dogecoind-addr", "domains", "entrypoint", "environments"),
        *("examples", "expect", "extra-hosts", "files", "format", "freezing_threshold", "gates", "gateway"),
        *("health", "http", "http-gateway-url", "identity", "ii", "image", "inputs", "items", "labels", "launcher"),
        *("log_memory_limit", "log_visibility", "max_cycles", "max_failures", "max_parallel", "memory"),
        *("memory_allocation", "method", "minimum_version", "mode", "mounts", "multiline", "name", "network", "networks"),
        *("nns", "no_traps", "not_starter", "on_failure", "one_of", "parameters", "path", "platform", "port"),
        *("port-mapping", "principals", "protected", "proxy", "query", "recipe", "registries", "required", "requires"),
        *("reserved_cycles_limit", "rm-on-exit", "rollout", "root-key", "run", "settings", "settings_merge", "sha256"),
        *("shm-size", "snapshot", "snapshot_visibility", "stages", "status", "status-dir", "status_visibility", "steps"),
        *("subnets", "summary", "sync", "timeout", "type", "url", "user", "version", "volumes", "wasm_memory_limit"),
        "wasm_memory_threshold",
    }
)
"""Keys of manifests and of recipe.yaml whose values are no secrets, unless they stand below one that has some."""

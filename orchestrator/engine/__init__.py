"""Deploying: load, build, observe, plan, apply, sync. Names are imported where they are used first."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.engine.building import Artifact
    from orchestrator.engine.calls import CallAnswer, call
    from orchestrator.engine.consent import Consent
    from orchestrator.engine.inspection import canister_ids, canister_list, canister_status, canister_url
    from orchestrator.engine.lifecycle import start_canisters, stop_canisters
    from orchestrator.engine.loading import load_project
    from orchestrator.engine.planner import Options
    from orchestrator.engine.ports import Connection, LiveCanister
    from orchestrator.engine.selecting import select_labelled
    from orchestrator.engine.session import Session, open_session
    from orchestrator.engine.verbs import apply, build, deploy, plan, sync

__all__ = [
    "Artifact",
    "CallAnswer",
    "Connection",
    "Consent",
    "LiveCanister",
    "Options",
    "Session",
    "apply",
    "build",
    "call",
    "canister_ids",
    "canister_list",
    "canister_status",
    "canister_url",
    "deploy",
    "fetch_packages",
    "load_project",
    "open_session",
    "plan",
    "select_labelled",
    "start_canisters",
    "stop_canisters",
    "sync",
]

_HOMES = {
    "building": ("Artifact",),
    "calls": ("CallAnswer", "call"),
    "consent": ("Consent",),
    "inspection": ("canister_ids", "canister_list", "canister_status", "canister_url"),
    "lifecycle": ("start_canisters", "stop_canisters"),
    "loading": ("load_project",),
    "packages": ("fetch_packages",),
    "planner": ("Options",),
    "ports": ("Connection", "LiveCanister"),
    "selecting": ("select_labelled",),
    "session": ("Session", "open_session"),
    "verbs": ("apply", "build", "deploy", "plan", "sync"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name's module when it is asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

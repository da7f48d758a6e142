"""Recordings of plugin runs, made by hand."""

from orchestrator.engine.authoring.recording import RecordedCall, Recording
from orchestrator.sandbox.reports import TrialSection

__all__ = ["recording"]


def recording(*calls: RecordedCall, sections: tuple[TrialSection, ...] = ()) -> Recording:
    """Return a recording of these calls and sections."""
    return Recording(
        component_sha256="",
        interface=None,
        environment="local",
        canister_id="aaaaa-aa",
        identity_principal="2vxsx-fae",
        proxy=None,
        dirs=(),
        files=(),
        options=(),
        fields=(),
        canisters=(),
        calls=calls,
        sections=sections,
    )

"""Makes what a plugin's `exec` is given, inside its worker process, in the shape of its version.

Of other packages it imports wasmtime alone: the worker loads this module.
"""

from collections.abc import Iterable
from typing import Final

from wasmtime.component import Record

from orchestrator.sandbox.frames import Start

__all__ = ["exec_input"]

_SECOND: Final = "icp:sync-plugin/types@0.2"


def _record(**fields: object) -> Record:
    record = Record()
    vars(record).update({name.replace("_", "-"): value for name, value in fields.items()})
    return record


def exec_input(start: Start, imports: Iterable[str]) -> Record:
    """Make the input of a plugin that imports these names, as wasmtime takes it."""
    if any(name.startswith(_SECOND) for name in imports):
        return _second_input(start)
    return _record(
        canister_id=start.canister_id,
        environment=start.environment,
        dirs=[guest for guest, _, _ in start.directories],
        files=[_record(name=name, content=content) for name, content in start.files],
        identity_principal=start.identity_principal,
        proxy_canister_id=start.proxy_canister_id,
    )


def _second_input(start: Start) -> Record:
    directories = zip(start.directory_keys, start.directories, strict=True)
    files = zip(start.file_keys, start.files, strict=True)
    return _record(
        canister_id=start.canister_id,
        environment=start.environment,
        api_url=start.api_url,
        gateway_url=start.gateway_url,
        dirs=[_record(key=key, path=guest) for key, (guest, _, _) in directories],
        files=[_record(key=key, name=name, content=content) for key, (name, content) in files],
        fields=[_record(name=name, value=value) for name, value in start.fields],
        identity_principal=start.identity_principal,
        proxy_canister_id=start.proxy_canister_id,
        canister_ids=[_record(name=name, id=principal) for name, principal in start.canister_ids],
    )

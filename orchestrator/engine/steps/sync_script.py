"""Running a sync step's shell commands with what icp-cli's scripts expect in their environment."""

import re
from collections.abc import Mapping

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, ScriptStep
from orchestrator.engine.fingerprints import ScriptView, fingerprint_script, step_key
from orchestrator.engine.run import Run
from orchestrator.engine.shell import run_commands
from orchestrator.engine.step_blame import blame_recipe
from orchestrator.errors import DeployError
from orchestrator.events import StepOutput, Stream

__all__ = ["apply_script", "script_environment"]


def script_environment(environment: str, network: str, canister_id: Principal, ids: Mapping[str, Principal]) -> Mapping[str, str]:
    """Return the variables of a sync script: where it is, which canister it serves, and every canister's id.

    A canister's variable is its name in capitals, with `_` for whatever is not a letter or a digit.
    """
    variables = {"ICP_CLI_ENVIRONMENT": environment, "ICP_CLI_NETWORK": network, "ICP_CLI_CID": str(canister_id)}
    variables |= {f"ICP_CLI_CID_{re.sub('[^A-Z0-9]', '_', name.upper())}": str(principal) for name, principal in sorted(ids.items())}
    return variables


async def apply_script(run: Run, canister: Canister, canister_id: Principal, module_hash: str | None, step: ScriptStep, index: int) -> None:
    """Run the step's commands in the canister's folder; raises `DeployError` for the first that fails.

    A step with `run: changed` that succeeded is remembered with all that it was told; `module_hash` is the installed module's.
    """
    session, total, ids = run.session, len(canister.sync), run.stores.ids.load()
    records, key = run.stores.sync_records, step_key(index, step)

    def on_line(stream: Stream, line: str) -> None:
        session.emit(
            StepOutput(canister=canister.name, step="sync-script", index=index, total=total, stream=stream, line=line),
        )

    environment = script_environment(session.environment.name, session.environment.network.name, canister_id, ids)
    with run.recorder.operation(canister.name, "sync-script", canister_id=str(canister_id), index=str(index)):
        if step.run == "changed":
            records.start(canister.name, key)
        failure = await run_commands(
            step.commands, directory=canister.directory, environ={**session.environ, **environment}, on_line=on_line
        )
        if failure is not None:
            summary = f"a sync script of canister `{canister.name}` failed"
            error = DeployError(summary, slug="sync/script", detail=failure.reason, span=step.span)
            if canister.expanded is not None and index <= canister.expanded.sync:
                blame_recipe(error, canister, [step])
            raise error
        if step.run == "changed":
            view = ScriptView(step=step, canister_id=canister_id, module_hash=module_hash, canister_ids=ids)
            records.write(canister.name, key, fingerprint_script(session, run.connection, view))

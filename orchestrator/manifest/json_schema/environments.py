"""The schema of environments."""

from orchestrator.manifest.json_schema import terms
from orchestrator.manifest.json_schema.terms import DURATION, OWN, Schema

__all__ = ["environment", "environment_definitions"]

_NAME = ["string", "number", "boolean"]


def environment() -> Schema:
    """Return the schema of an environment."""
    canister = terms.text("The name of a canister.")
    properties: dict[str, Schema] = {
        "name": {"type": _NAME, "description": "The environment's name, unique in the project."},
        "network": terms.text("The network where it is.", default="local"),
        "canisters": terms.items("Which canisters are there; all of them by default.", canister),
        "settings": terms.entries(
            "By canister: settings that replace the canister's own as a whole, unless `settings_merge` is true.",
            terms.nullable(terms.reference("settings")),
        ),
        "init_args": terms.entries("By canister: arguments that replace its own.", terms.reference("arguments")),
        "upgrade_args": terms.entries("By canister: arguments that replace its own.", terms.reference("arguments")),
        "identity": terms.text(f"Who acts, unless `--identity` says. {OWN}", minLength=1),
        "proxy": terms.text(f"A canister or a principal through which calls go, unless `--proxy` says. {OWN}"),
        "protected": terms.flag(f"Changing the environment takes its name, typed. {OWN}"),
        "settings_merge": terms.flag(f"`settings` are laid over those of the canister, key by key. {OWN}"),
        "approvers": terms.reference("approvers"),
        "rollout": terms.reference("rollout"),
    }
    return terms.mapping("An environment: a network, and the canisters that live there.", properties, required=["name"], closed=False)


def environment_definitions() -> dict[str, Schema]:
    """Return what environments refer to, beside what canisters do."""
    stages = terms.items("The stages, in the order in which they run.", terms.reference("stage"), minItems=1)
    on_failure = terms.choice("What a failure undoes.", ["none", "undo-code", "undo-snapshot"], default="none")
    return {
        "approvers": _approvers(),
        "rollout": terms.mapping(
            f"In which stages the environment is changed. {OWN}",
            {"stages": stages, "on_failure": on_failure},
            required=["stages"],
            closed=True,
        ),
        "stage": _stage(),
    }


def _approvers() -> Schema:
    principals = terms.items("Who may approve.", terms.text("A principal."), minItems=1)
    properties: dict[str, Schema] = {
        "principals": principals,
        "at_least": terms.integer("How many must approve.", minimum=1, default=1),
        "not_starter": terms.flag("Whoever starts a rollout cannot approve it.", default=True),
    }
    return terms.mapping(f"Who has to agree to a change. {OWN}", properties, required=["principals"], closed=True)


def _stage() -> Schema:
    canisters = terms.one_of(
        "The canisters of the stage, or `rest`: those of no other stage.",
        {"type": "array", "items": terms.text("The name of a canister.")},
        {"const": "rest"},
    )
    bake = terms.mapping("A wait.", {"bake": terms.amount("How long.", DURATION, "10m")}, required=["bake"], closed=True)
    gate = terms.one_of("What must hold before the next stage.", terms.choice("A gate.", ["health", "approval"]), bake)
    properties: dict[str, Schema] = {
        "name": terms.text("The stage's name.", minLength=1),
        "canisters": canisters,
        "labels": terms.entries("The canisters that have these labels.", {"type": _NAME}),
        "snapshot": terms.flag("Take snapshots before."),
        "accept_data_loss": terms.amount("How old a snapshot may be that is gone back to.", DURATION, "15m"),
        "gates": terms.items("What must hold before the next stage.", gate),
        "max_parallel": terms.integer("How many canisters are changed at once.", minimum=1),
        "max_failures": terms.integer("How many canisters may fail.", default=0),
    }
    return terms.mapping(
        "A stage of a rollout.",
        properties,
        required=["name"],
        closed=True,
        rules={"anyOf": [{"required": ["canisters"]}, {"required": ["labels"]}]},
    )

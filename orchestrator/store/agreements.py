"""What steps of remote recipes may reach, as somebody agreed, so that nobody is asked the same at every deployment.

    agreements.json   {"agreements": [{"agreed": "2026-11-22", "canister": "api", "recipe": "@acme/pay@v1", "sha256": "9f86…", …}], "v": 1}

It is in the environment's files: what was agreed to for one environment says nothing about another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orchestrator.errors import StoreError
from orchestrator.store.json_file import change_json, load_object

__all__ = ["Agreement", "AgreementStore"]

_FORMAT: Final = 1
_HINT: Final = "delete the file: the next deploy then asks once more whom steps of remote recipes may reach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """That a step of a remote recipe may reach somebody; two are the same when all but `recipe` and `agreed` is.

    `sha256` is the recipe's and `component` its plugin's, both in lower-case hex; `step` is the step's own name, if it has one.
    `recipe` is the address as it may be shown, `agreed` the day, such as `2026-11-22`.
    """

    network: str
    canister: str
    sha256: str
    step: str | None
    component: str
    proxy: str | None
    canisters: tuple[str, ...]
    recipe: str = field(compare=False)
    agreed: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementStore:
    """The agreements in the file `path`."""

    path: Path

    def load(self) -> Mapping[Agreement, str]:
        """Return all agreements with their days; no file means none. Raises `StoreError`."""
        document = load_object(self.path, hint=_HINT)
        return {} if document is None else {each: each.agreed for each in self._parse(document)}

    def add(self, agreements: Iterable[Agreement]) -> None:
        """Keep agreements, on the disk before this returns; those that are there keep their day. Raises `StoreError`."""

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            known = dict.fromkeys(self._parse(document)) if document else {}
            together = {**known, **{each: None for each in agreements if each not in known}}
            return _render(together) if len(together) > len(known) else None

        change_json(self.path, change, hint=_HINT)

    def _parse(self, document: Mapping[str, object]) -> list[Agreement]:
        """Return what can be read; an entry that cannot only means that somebody is asked once more."""
        entries = document.get("agreements")
        if document.get("v") != _FORMAT or not isinstance(entries, list):
            detail = f'expected `"v": {_FORMAT}` and a list of `agreements`'
            raise StoreError(f"`{self.path}` is damaged", slug="store/damaged", detail=detail, hint=_HINT)
        return [each for entry in entries if (each := _read(entry)) is not None]


def _read(entry: object) -> Agreement | None:
    fields = entry if isinstance(entry, dict) else {}
    texts = [fields.get(key) for key in ("network", "canister", "sha256", "component", "recipe", "agreed")]
    named = [fields.get(key) for key in ("step", "proxy")]
    canisters = fields.get("canisters")
    if not isinstance(canisters, list) or not all(isinstance(each, str) for each in (*texts, *canisters)):
        return None
    if not all(each is None or isinstance(each, str) for each in named):
        return None
    network, canister, sha256, component, recipe, agreed = map(str, texts)
    step, proxy = (None if each is None else str(each) for each in named)
    return Agreement(
        network=network,
        canister=canister,
        sha256=sha256,
        step=step,
        component=component,
        proxy=proxy,
        canisters=tuple(canisters),
        recipe=recipe,
        agreed=agreed,
    )


def _render(agreements: Iterable[Agreement]) -> Mapping[str, object]:
    entries = [
        {
            "network": each.network,
            "canister": each.canister,
            "recipe": each.recipe,
            "sha256": each.sha256,
            "step": each.step,
            "component": each.component,
            "proxy": each.proxy,
            "canisters": list(each.canisters),
            "agreed": each.agreed,
        }
        for each in agreements
    ]
    return {"v": _FORMAT, "agreements": sorted(entries, key=lambda entry: [str(value) for value in entry.values()])}

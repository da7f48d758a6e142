"""What somebody agreed to that steps of remote recipes may reach."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.agreements import Agreement, AgreementStore

AGREED = Agreement(
    network="local",
    canister="api",
    sha256="00",
    step="pay",
    component="11",
    proxy="aaaaa-aa",
    canisters=("ledger",),
    recipe="@acme/pay@v1",
    agreed="2026-11-22",
)


def test_what_was_agreed_to_is_read_again(tmp_path: Path) -> None:
    """An agreement keeps its first day, whatever the recipe is called later; the file is sorted."""
    store = AgreementStore(path=tmp_path / "local" / "agreements.json")
    assert store.load() == {}
    store.add([AGREED, replace(AGREED, canister="abc", step=None, proxy=None)])
    before = store.path.read_bytes()

    store.add([replace(AGREED, recipe="@acme/pay@v2", agreed="2027-01-01")])

    assert store.load()[AGREED] == "2026-11-22"
    assert store.path.read_bytes() == before
    assert [each["canister"] for each in json.loads(before)["agreements"]] == ["abc", "api"]


@pytest.mark.parametrize(
    "change",
    [
        {"network": "ic"},
        {"canister": "b"},
        {"sha256": "01"},
        {"step": None},
        {"component": "12"},
        {"proxy": None},
        {"canisters": ("ledger", "b")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_anything_else_is_another_agreement(tmp_path: Path, change: dict[str, object]) -> None:
    """Nothing that is reached, and nothing that reaches it, changes without being asked about."""
    store = AgreementStore(path=tmp_path / "agreements.json")
    store.add([AGREED])

    assert replace(AGREED, **change) not in store.load()  # type: ignore[arg-type]  # one field


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"v": 2, "agreements": []}', '{"v": 1, "agreements": {}}', "<<<<<<< HEAD\n{}"])
def test_a_damaged_file_is_an_error(tmp_path: Path, content: str) -> None:
    """Nothing is taken for agreed to, and the hint says what to do."""
    store = AgreementStore(path=tmp_path / "agreements.json")
    store.path.write_text(content)

    with pytest.raises(StoreError, match="is damaged") as caught:
        store.load()

    assert str(caught.value.hint).startswith("delete the file")


@pytest.mark.parametrize("broken", [None, 1, {}, {"canisters": "ledger"}, {"component": None}, {"step": 1}])
def test_a_damaged_entry_was_never_agreed_to(tmp_path: Path, broken: object) -> None:
    """Somebody is asked once more; the other entries count."""
    store = AgreementStore(path=tmp_path / "agreements.json")
    store.add([AGREED])
    document = json.loads(store.path.read_text())
    whole = document["agreements"][0]
    document["agreements"].append({**whole, "canister": "b", **broken} if isinstance(broken, dict) and broken else broken)
    store.path.write_text(json.dumps(document))

    assert list(store.load()) == [AGREED]

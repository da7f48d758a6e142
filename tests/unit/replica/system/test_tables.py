"""Tables: what is undone, and what is kept."""

from orchestrator.replica.system.records import Allowance
from orchestrator.replica.system.tables import Table


def test_changes_are_undone_to_the_last_commit() -> None:
    """New, changed and removed entries all go back; a second rollback changes nothing."""
    table: Table[str, int] = Table()
    table["kept"], table["changed"], table["removed"] = 1, 2, 3
    table.commit()

    table["changed"], table["new"] = 20, 4
    table["changed"] = 21
    assert table.pop("removed") == 3
    assert table.pop("new") == 4
    table["removed"] = 30
    table.rollback()
    table.rollback()

    assert dict(table.items()) == {"kept": 1, "changed": 2, "removed": 3}
    assert (table.get("new"), "new" in table, len(table), sorted(table)) == (None, False, 3, ["changed", "kept", "removed"])


def test_what_was_committed_is_packed() -> None:
    """What goes to the disk is as of the last commit, and comes back; uncommitted changes stay where they are."""
    table: Table[int, Allowance] = Table()
    table[1], table[2] = Allowance(1), Allowance(2)
    table.commit()

    table[1], table[3] = Allowance(10), Allowance(3)
    table.pop(2)
    again: Table[int, Allowance] = Table(table.pack())

    assert dict(again.items()) == {1: Allowance(1), 2: Allowance(2)}
    assert sorted(table) == [1, 3]
    table.commit()
    assert dict(Table[int, Allowance](table.pack()).items()) == {1: Allowance(10), 3: Allowance(3)}


def test_packed_values_change_like_others() -> None:
    """An entry that was never looked at can be changed, taken out, and put back by a rollback."""
    first: Table[int, Allowance] = Table()
    for number in range(3):
        first[number] = Allowance(number)
    first.commit()
    table: Table[int, Allowance] = Table(first.pack())

    table[0] = Allowance(9)
    assert table.pop(1) == Allowance(1)
    assert table.get(2) == Allowance(2)
    table.rollback()

    assert dict(table.items()) == {number: Allowance(number) for number in range(3)}
    assert sorted(table.pack()) == sorted(first.pack())

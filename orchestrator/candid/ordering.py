"""Orders in graphs that may have cycles, without recursion; nodes are numbers, `parts[n]` what node n refers to."""

from collections.abc import Sequence

__all__ = ["cycle_breakers", "leaves_first"]


def cycle_breakers(parts: Sequence[Sequence[int]]) -> set[int]:
    """Return nodes without which there is no cycle: those met again while still open in a depth-first walk."""
    breakers: set[int] = set()
    state = bytearray(len(parts))
    for start in range(len(parts)):
        stack = [start]
        while stack:
            node = stack[-1]
            if state[node] == 0:
                state[node] = 1
                breakers.update(part for part in parts[node] if state[part] == 1)
                stack += [part for part in parts[node] if state[part] == 0]
            else:
                stack.pop()
                state[node] = 2
    return breakers


def leaves_first(parts: Sequence[Sequence[int]], cut: set[int]) -> list[int]:
    """Return all nodes such that parts come before their users, where references to the nodes in `cut` do not count."""
    done: dict[int, None] = {}
    for start in range(len(parts)):
        stack = [start]
        while stack:
            node = stack[-1]
            missing = [] if node in done else [part for part in parts[node] if part not in cut and part not in done]
            if missing:
                stack += missing
            else:
                done.setdefault(stack.pop())
    return list(done)

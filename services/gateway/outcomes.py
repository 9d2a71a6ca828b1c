"""Of many that are judged together each is refused for itself, and does not disturb the others."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from shared.errors import Refusal

A = TypeVar("A")
B = TypeVar("B")


def judge(items: Iterable[A], rule: Callable[[A], B]) -> list[B | Refusal]:
    return [_judged(item, rule) for item in items]


def _judged(item: A, rule: Callable[[A], B]) -> B | Refusal:
    try:
        return rule(item)
    except Refusal as refusal:
        return refusal


async def carry_on(
    judged: Sequence[A | Refusal],
    act: Callable[[Sequence[A]], Awaitable[Sequence[B | Refusal]]],
) -> list[B | Refusal]:
    """With those that were not refused; every outcome in its place."""
    left = [item for item in judged if not isinstance(item, Refusal)]
    done = iter(await act(left) if left else ())
    return [item if isinstance(item, Refusal) else next(done) for item in judged]

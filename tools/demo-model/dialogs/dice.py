"""A random number generator that knows whether it draws for training or for evaluation."""
from __future__ import annotations

from random import Random


class Dice(Random):
    """Random with wordings. Where a question can be put in several ways, some are kept for evaluation."""

    def __init__(self, seed: int, unseen: bool = False):
        super().__init__(seed)
        self.unseen = unseen

    def wording(self, *seen: str, unseen: tuple[str, ...] = ()) -> str:
        """One of the ways to say it: of `seen` in training, of `unseen`, if there are any, in evaluation."""
        return self.choice(unseen if self.unseen and unseen else seen)

    def weighted(self, weights: dict):
        """A key of `weights`, as often as its weight says."""
        return self.choices(list(weights), list(weights.values()))[0]

    def chance(self, p: float) -> bool:
        return self.random() < p

"""Which letter stands where in a picture of printed text: what the vision tower is asked besides the answer.

Without it, reading was not learned: the answer alone says which word it is, but not that it is made of letters.
"""
from __future__ import annotations

import math
import string
from dataclasses import dataclass

import numpy as np

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase  # class 1 and up; 0 is everything else
ACROSS = 2  # samples in a patch from left to right; letters are narrow


@dataclass
class Print:
    """Text as it was drawn: a box for each letter in pixels, before it was turned by `angle` degrees around the middle."""

    boxes: list[tuple[str, float, float]]  # letter, left, right
    top: float
    bottom: float
    angle: float = 0.0

    def grid(self, width: int, height: int, patch: int, lens: tuple[float, ...] | None) -> np.ndarray:
        """(height / patch, ACROSS * width / patch) classes at the middle of every cell. `lens`: the eight coefficients
        of the perspective that the picture was seen in, from places in the result to places before it."""
        step = patch / ACROSS
        x, y = np.meshgrid(np.arange(step / 2, width, step), np.arange(patch / 2, height, patch))
        if lens is not None:
            a, b, c, d, e, f, g, h = lens
            w = g * x + h * y + 1
            x, y = (a * x + b * y + c) / w, (d * x + e * y + f) / w
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        u, v = x - width / 2, y - height / 2
        x, y = cos * u - sin * v + width / 2, sin * u + cos * v + height / 2
        out = np.zeros(x.shape, np.uint8)
        for letter, left, right in self.boxes:
            if letter in ALPHABET:
                out[(x >= left) & (x < right) & (y >= self.top) & (y < self.bottom)] = 1 + ALPHABET.index(letter)
        return out

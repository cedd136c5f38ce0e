"""The network of audio/endpoint (Single) and two that were tried beside it. Rows [batch, time, 88] in, logits
[batch, time] out, causal. The Go twin of Single is network.go there.
"""
from __future__ import annotations

import torch
from torch import nn

import features


class Single(nn.Module):
    """A layer on the row, a gated recurrent unit, a layer on its memory, a weighted sum."""

    def __init__(self, narrow: int = 64, wide: int = 168):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features.WIDTH))
        self.register_buffer("scale", torch.ones(features.WIDTH))
        self.enter = nn.Linear(features.WIDTH, narrow)
        self.first = nn.GRU(narrow, wide, batch_first=True)
        self.middle = nn.Linear(wide, 32)
        self.leave = nn.Linear(32, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.enter((rows - self.mean) * self.scale))
        a, _ = self.first(self.drop(x))
        return self.leave(torch.relu(self.middle(self.drop(a)))).squeeze(-1)


class Double(nn.Module):
    """Two smaller recurrent units."""

    def __init__(self, narrow: int = 64, first: int = 112, second: int = 96):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features.WIDTH))
        self.register_buffer("scale", torch.ones(features.WIDTH))
        self.enter = nn.Linear(features.WIDTH, narrow)
        self.first = nn.GRU(narrow, first, batch_first=True)
        self.second = nn.GRU(first, second, batch_first=True)
        self.leave = nn.Linear(first + second, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.enter((rows - self.mean) * self.scale))
        a, _ = self.first(self.drop(x))
        b, _ = self.second(self.drop(a))
        return self.leave(self.drop(torch.cat([a, b], -1))).squeeze(-1)


class Convolutional(nn.Module):
    """Dilated causal convolutions over eight seconds."""

    def __init__(self, wide: int = 104, dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 32)):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features.WIDTH))
        self.register_buffer("scale", torch.ones(features.WIDTH))
        self.enter = nn.Linear(features.WIDTH, wide)
        self.depth = nn.ModuleList(nn.Conv1d(wide, wide, 3, dilation=d, groups=wide) for d in dilations)
        self.point = nn.ModuleList(nn.Linear(wide, wide) for _ in dilations)
        self.norm = nn.ModuleList(nn.LayerNorm(wide) for _ in dilations)
        self.leave = nn.Linear(wide, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        x = self.enter((rows - self.mean) * self.scale)
        for depth, point, norm in zip(self.depth, self.point, self.norm):
            y = nn.functional.pad(norm(x).transpose(1, 2), (2 * depth.dilation[0], 0))
            x = x + self.drop(point(torch.nn.functional.gelu(depth(y).transpose(1, 2), approximate="tanh")))
        return self.leave(x).squeeze(-1)


VARIANTS = {"single": Single, "double": Double, "convolutional": Convolutional}


def eight_bits(model: nn.Module) -> None:
    """Rounds every matrix to 8 bits with a scale for each row, in place."""
    with torch.no_grad():
        for w in model.parameters():
            if w.dim() >= 2:
                flat = w.reshape(len(w), -1)
                scale = flat.abs().amax(1, keepdim=True) / 127 + 1e-12
                flat.copy_((flat / scale).round() * scale)

"""Write a trained network for audio/endpoint: `python -m export MODEL.pt`. The file's layout is that of weights.go there.

Also writes the golden of its test: what this program's front end and network make of a clip.
"""
from __future__ import annotations

import argparse
import json
import wave
from pathlib import Path

import numpy as np
import torch

import features
from network import VARIANTS

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "audio/endpoint"


def matrix(w: torch.Tensor) -> bytes:
    """A scale for each row, then 8 bits a weight."""
    w = w.detach().numpy().astype(np.float32)
    scale = (np.abs(w).max(1) / 127 + 1e-12).astype("<f4")
    return scale.tobytes() + np.rint(w / scale[:, None]).astype(np.int8).tobytes()


def vector(v: torch.Tensor) -> bytes:
    return v.detach().numpy().astype("<f4").tobytes()


def layer(l: torch.nn.Linear) -> bytes:
    return matrix(l.weight) + vector(l.bias)


def pause() -> np.ndarray:
    """A question that is broken off, a pause, the rest of it, and silence; endpoint_test.go builds the same."""
    with wave.open(str(ROOT / "testdata/samples/question-3.wav")) as w:
        x = np.frombuffer(w.readframes(w.getnframes()), np.int16).astype(np.float32) / 32768
    return np.concatenate([x[:20000], np.zeros(16000, np.float32), x[20000:], np.zeros(20000, np.float32)])


def golden(model: torch.nn.Module) -> list[float]:
    """The probability after each step of the clip."""
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(features.rows(pause()))[None]))[0].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    kept = torch.load(args.model)
    model = VARIANTS[kept["variant"]]()
    model.load_state_dict(kept["state"])
    model.eval()
    unit = model.first
    data = vector(model.mean) + vector(model.scale) + layer(model.enter)
    data += matrix(unit.weight_ih_l0) + vector(unit.bias_ih_l0) + matrix(unit.weight_hh_l0) + vector(unit.bias_hh_l0)
    data += layer(model.middle) + layer(model.leave)
    (TARGET / "endpoint.bin").write_bytes(data)
    values = [round(v, 6) for v in golden(model)]
    (TARGET / "testdata/torch.json").write_text(json.dumps(values) + "\n")
    print(f"endpoint.bin {len(data)} bytes, golden of {len(values)} steps")


if __name__ == "__main__":
    main()

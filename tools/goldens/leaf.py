"""Writes the goldens of audio/... and vision/... from the references.

Run from the root of the repository with Python 3.11 and numpy, pillow 13, torch,
transformers 5.23.0, onnxruntime and silero-vad 6.2.3 installed:

    python tools/goldens/leaf.py [section ...]

Sections: resize. Without one, all are written.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def noise_bytes(n: int, seed: int) -> np.ndarray:
    """n bytes of a linear congruential generator; the Go tests have the same."""
    out, state = np.empty(n, np.uint8), seed
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out


def write(path: str, data: bytes) -> None:
    target = ROOT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    print(f"{path}: {len(data)} bytes")


def write_json(path: str, value) -> None:
    """One line a case, so that a change shows as a change of cases."""
    lines = ",\n".join(json.dumps(case) for case in value)
    write(path, f"[\n{lines}\n]\n".encode())


def resize() -> None:
    """Pillow's bicubic on noise: sizes up, down, mixed, odd, and one axis kept.

    Pillow 13 filters columns first when the height shrinks by more than twice
    what the width does; versions before 13 never do. The list has both sides of
    the border.
    """
    import PIL
    from PIL import Image

    assert int(PIL.__version__.split(".")[0]) >= 13, PIL.__version__
    cases = []
    for w, h, nw, nh in [
        (64, 48, 96, 96), (96, 96, 64, 48), (61, 47, 48, 144), (47, 61, 144, 48), (1, 1, 48, 48), (2, 3, 96, 48),
        (1, 400, 48, 96), (400, 1, 96, 48), (100, 100, 100, 48), (100, 100, 48, 100), (100, 100, 100, 100),
        (640, 480, 432, 336), (333, 250, 768, 576), (500, 300, 48, 48), (37, 1000, 48, 624), (777, 5, 768, 48),
        (100, 100, 80, 60), (100, 100, 81, 60), (100, 100, 99, 99), (600, 2400, 384, 1584), (100, 50, 90, 30), (100, 50, 91, 30),
    ]:
        seed = w * 1000 + h
        source = noise_bytes(w * h * 3, seed).reshape(h, w, 3)
        image = Image.fromarray(source).resize((nw, nh), Image.Resampling.BICUBIC)
        digest = hashlib.sha256(np.asarray(image).tobytes()).hexdigest()
        cases.append({"width": w, "height": h, "new_width": nw, "new_height": nh, "seed": seed, "sha256": digest})
    write_json("vision/resize/testdata/pillow.json", cases)


SECTIONS = {"resize": resize}

if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        SECTIONS[name]()

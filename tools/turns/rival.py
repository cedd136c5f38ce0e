"""smart-turn v3.2 on the same clips, as pipecat uses it: asked 200 ms into every pause, over 0.5 ends the turn; else 3 s of
silence do. `python -m rival WORK` fetches it (PyPI, pipecat-ai 1.14.0, BSD-2) into WORK/smart.
"""
from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

RATE, FRAME = 16000, 512
ASKED, LONGEST = 0.2, 3.0  # seconds
INSIDE = "pipecat/audio/turn/smart_turn/"


def fetch(work: Path) -> Path:
    folder = work / "smart"
    if not (folder / INSIDE / "data/smart-turn-v3.2-cpu.onnx").exists():
        with tempfile.TemporaryDirectory() as tmp:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", tmp,
                            "pipecat-ai==1.14.0"], check=True)
            with zipfile.ZipFile(next(Path(tmp).glob("*.whl"))) as wheel:
                wheel.extractall(folder, [n for n in wheel.namelist() if n.startswith(INSIDE) or "LICENSE" in n])
    return folder / INSIDE


class SmartTurn:
    """How finished the last eight seconds seem, 0 to 1. What it said is kept in WORK/smart.json."""

    def __init__(self, work: Path):
        self.path = work / "smart.json"
        self.said: dict[str, float] = json.loads(self.path.read_text()) if self.path.exists() else {}

        import onnxruntime as ort

        folder = fetch(work)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.model = ort.InferenceSession(str(folder / "data/smart-turn-v3.2-cpu.onnx"), options)
        spec = importlib.util.spec_from_file_location("whisper_features", folder / "_whisper_features.py")
        self.features = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.features)

    def finished(self, samples: np.ndarray) -> float:
        x = samples[-8 * RATE:]
        key = hashlib.sha256(x.tobytes()).hexdigest()[:24]
        if key not in self.said:
            x = np.pad(x, (8 * RATE - len(x), 0))
            mel = self.features.compute_whisper_log_mel_features(x, do_normalize=True)
            self.said[key] = float(self.model.run(None, {"input_features": mel[None]})[0].reshape(-1)[0])
        return self.said[key]

    def keep(self) -> None:
        self.path.write_text(json.dumps(self.said))


class Machine:
    """session/turn.Machine, as far as it is needed here: where speech was last, and whether a turn is on."""

    def __init__(self):
        self.speaking, self.run, self.first, self.end = False, 0, 0, 0

    def step(self, start: int, p: float) -> int:
        """The silence so far in samples, 0 while one speaks, -1 outside turns."""
        self.run = self.run + 1 if p >= 0.5 else 0
        end = start + FRAME
        if not self.speaking:
            if self.run < 2:
                return -1
            self.speaking, self.first, self.end = True, start - FRAME, end
        elif self.run >= 2 or p >= 0.35 and start - self.end < 0.3 * RATE:
            self.end = end
        return end - self.end

    def stop(self) -> None:
        self.speaking, self.run = False, 0


def ends(speech: list[float], needed) -> list[int]:
    """Where turns end, as the ends of frames; needed(frame, the turn's first sample, the silence so far in seconds) says
    how many seconds of silence end the turn here."""
    machine, out = Machine(), []
    for i, p in enumerate(speech):
        silence = machine.step(i * FRAME, p)
        if silence <= 0:
            continue
        if silence >= needed(i, machine.first, silence / RATE) * RATE:
            out.append((i + 1) * FRAME)
            machine.stop()
    return out


def smart_ends(speech: list[float], samples: np.ndarray, smart: SmartTurn) -> list[int]:
    """pipecat's way."""
    said: dict[int, bool] = {}

    def needed(i: int, first: int, silence: float) -> float:
        if silence < ASKED:
            return ASKED
        pause = i - round(silence * RATE) // FRAME  # the frame where it began
        if pause not in said:
            said[pause] = smart.finished(samples[max(0, first - RATE // 2): (i + 1) * FRAME]) > 0.5
        return ASKED if said[pause] else LONGEST
    return ends(speech, needed)


if __name__ == "__main__":
    print(fetch(Path(sys.argv[1])))

"""Speech synthesisers behind one call: say(text) -> samples, rate, name of the voice.

Kokoro-82M and Piper are neural and run with onnxruntime; espeak-ng and flite are small and fast.
"""
from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import tempfile
import wave
from pathlib import Path
from random import Random

import numpy as np

import splits

Spoken = tuple[np.ndarray, int, str]  # samples, sampling rate, "engine:voice"


class Espeak:
    """libespeak-ng through ctypes: text to phonemes, and text to sound."""

    BASES = ["en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-gb-x-gbclan"]

    def __init__(self, assets: Path):
        folder = assets / "lib"
        for name in ("libsonic.so.0", "libpcaudio.so.0"):
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
        self.lib = ctypes.CDLL(str(folder / "libespeak-ng.so.1"))
        self.lib.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        self.rate = self.lib.espeak_Initialize(2, 0, f"{folder}/".encode(), 0)  # 2: synchronous, no sound card
        if self.rate <= 0:
            raise RuntimeError("espeak-ng does not start")
        self.lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.lib.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        self._parts: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._take)
        self.lib.espeak_SetSynthCallback(self._callback)
        self._voice = None
        faces = sorted(os.listdir(folder / "espeak-ng-data/voices/!v"))
        self.variants = [v for v in faces if v not in splits.HELD_ESPEAK and "whisper" not in v]

    def _take(self, samples, count, _events) -> int:
        if count > 0 and samples:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def _use(self, voice: str) -> None:
        if voice != self._voice:
            self.lib.espeak_SetVoiceByName(voice.encode())
            self._voice = voice

    def phonemes(self, text: str, voice: str = "en-us") -> str:
        """IPA, with the punctuation kept. Version 1.51 can crash in here: see phonemes.py."""
        self._use(voice)
        out = []
        for part in re.split(r"([,.;:!?]+)", text):
            if re.fullmatch(r"[,.;:!?]+", part or ""):
                out.append(part[0])
            elif part.strip():
                left, words = ctypes.c_char_p(part.strip().encode()), []
                while left.value is not None:
                    said = self.lib.espeak_TextToPhonemes(ctypes.byref(left), 1, 0x02)
                    if said:
                        words.append(said.decode())
                out.append((" " if out else "") + " ".join(words))
        return "".join(out).strip()

    def say(self, text: str, r: Random) -> Spoken:
        """In a random voice, speed and pitch."""
        voice = r.choice(self.BASES) + ("+" + r.choice(self.variants) if r.random() < 0.85 else "")
        self._use(voice)
        self._parts = []
        for parameter, v in ((1, r.randint(125, 215)), (3, r.randint(25, 80)), (4, r.randint(20, 80))):
            self.lib.espeak_SetParameter(parameter, v, 0)
        data = text.encode() + b"\0"
        self.lib.espeak_Synth(data, len(data), 0, 0, 0, 1, None, None)
        samples = np.concatenate(self._parts) if self._parts else np.zeros(0, np.int16)
        return samples, self.rate, "espeak:" + voice


class Flite:
    """The program flite."""

    VOICES = ["slt", "awb", "rms", "kal16"]

    def __init__(self, assets: Path):
        self.program = assets / "bin/flite"
        self.environment = dict(os.environ, LD_LIBRARY_PATH=str(assets / "lib"))
        self._out = tempfile.NamedTemporaryFile(suffix=".wav")

    def say(self, text: str, r: Random) -> Spoken:
        voice = r.choice(self.VOICES)
        stretch = f"duration_stretch={r.uniform(0.8, 1.25):.2f}"
        command = [self.program, "-voice", voice, "--setf", stretch, "-t", text, "-o", self._out.name]
        subprocess.run(command, env=self.environment, stderr=subprocess.DEVNULL, check=True)
        with wave.open(self._out.name) as w:
            return np.frombuffer(w.readframes(w.getnframes()), np.int16), w.getframerate(), "flite:" + voice


def session(path: Path):
    """An ONNX model on one processor."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Kokoro:
    """Kokoro-82M, on a processor with onnxruntime or on another device with PyTorch. A voice is a table of styles by length: half of a style is the timbre, half the way of speaking."""

    RATE = 24000

    def __init__(self, assets: Path, device: str = "cpu"):
        folder = assets / "kokoro"
        if device == "cpu":
            run = session(folder / "kokoro.onnx").run
            self.run = lambda inputs: run(None, inputs)[0]
        else:
            from .graph import Graph

            graph = Graph(folder / "kokoro.onnx", device)
            self.run = lambda inputs: graph(**inputs)
        self.symbols = json.loads((folder / "vocab.json").read_text())["vocab"]
        self.styles = {p.stem: np.fromfile(p, np.float16).astype(np.float32).reshape(-1, 256)
                       for p in sorted((folder / "voices").glob("*.bin"))}
        seen = [v for v in self.styles if v not in splits.HELD_KOKORO]
        self.english, self.all = [v for v in seen if v[0] in "ab"], seen

    def style(self, voice: str, length: int) -> np.ndarray:
        table = self.styles[voice]
        return table[min(length, len(table) - 1)]

    def mixed(self, r: Random, length: int, first: str, most: int) -> np.ndarray:
        """`first` with up to `most` other voices, or with less than nothing of one: somebody who is not in the tables."""
        style = self.style(first, length)
        for _ in range(r.randint(0, most)):
            style = style + r.uniform(-0.35, 0.75) * (self.style(r.choice(self.all), length) - style)
        return style

    def speak(self, ipa: str, voice: str, speed: float = 1.0, r: Random | None = None) -> np.ndarray:
        """Phonemes to sound; with `r` by a speaker made up around the voice."""
        ipa = ipa.replace("r", "ɹ").replace("x", "k").replace("ɬ", "l")
        ids = [self.symbols[c] for c in ipa if c in self.symbols][:505]
        style = self.style(voice, len(ids))
        if r is not None:
            other = r.choice(self.english) if r.random() < 0.5 else voice
            style = np.concatenate([self.mixed(r, len(ids), voice, 3)[:128], self.mixed(r, len(ids), other, 1)[128:]])
        inputs = {"tokens": np.array([[0, *ids, 0]], np.int64), "style": style[None].astype(np.float32),
                  "speed": np.array([speed], np.float32)}
        return self.run(inputs).reshape(-1)

    def say(self, ipa: tuple[str, str], r: Random) -> Spoken:
        """`ipa`: American and British phonemes of the text."""
        voice = r.choice(self.english)
        sound = self.speak(ipa[voice[0] == "b"], voice, r.uniform(0.75, 1.3), r)
        return sound, self.RATE, "kokoro:" + voice


class Piper:
    """A Piper voice (VITS)."""

    def __init__(self, assets: Path):
        folder = assets / "piper"
        self.model = session(folder / "en_US-joe-medium.onnx")
        settings = json.loads((folder / "en_US-joe-medium.onnx.json").read_text())
        self.symbols, self.rate = settings["phoneme_id_map"], settings["audio"]["sample_rate"]

    def say(self, ipa: tuple[str, str], r: Random) -> Spoken:
        ids = list(self.symbols["^"])
        for c in ipa[0]:
            if c in self.symbols:
                ids += self.symbols["_"] + self.symbols[c]
        ids += self.symbols["_"] + self.symbols["$"]
        scales = [r.uniform(0.4, 0.9), r.uniform(0.8, 1.3), r.uniform(0.6, 1.0)]  # timbre, length, rhythm
        inputs = {"input": np.array([ids], np.int64), "input_lengths": np.array([len(ids)], np.int64),
                  "scales": np.array(scales, np.float32)}
        return self.model.run(None, inputs)[0].reshape(-1), self.rate, "piper:joe"

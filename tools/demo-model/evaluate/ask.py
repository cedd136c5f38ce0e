"""Asks a checkpoint: greedy answers from transformers in float32."""
from __future__ import annotations

import json
import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dialogs.words import spoken


@dataclass
class Case:
    """One thing to ask, and the right answer."""

    kind: str
    want: str
    messages: list[dict]
    tools: list[dict] = field(default_factory=list)
    image: object = None  # PIL
    sound: np.ndarray | None = None  # int16 at 16 kHz
    exact: bool = True  # otherwise it is scored by words
    note: str = ""


def user(text: str = "", image: bool = False, sound: bool = False) -> dict:
    """A message of the user, in the order in which training sees it."""
    parts = [{"type": "image"}] * image + [{"type": "audio"}] * sound + ([{"type": "text", "text": text}] if text else [])
    return {"role": "user", "content": parts}


def system(text: str | None) -> list[dict]:
    return [{"role": "system", "content": text}] if text else []


class Model:
    """A checkpoint folder, also one in the MLX layout, whose weights are then unpacked."""

    def __init__(self, folder: Path, threads: int = 2):
        import torch
        from transformers import AutoProcessor, Gemma4Config, Gemma4ForConditionalGeneration
        from transformers.utils import logging

        from train.shape import checkpoint

        logging.set_verbosity_error()
        torch.set_num_threads(threads)
        self.torch, self.device = torch, "cuda" if torch.cuda.is_available() else "cpu"
        self.processor = AutoProcessor.from_pretrained(folder)
        settings = Gemma4Config.from_pretrained(folder)
        self.model = Gemma4ForConditionalGeneration(settings).float()
        weights = checkpoint(folder)
        missing, unknown = self.model.load_state_dict(weights, strict=False)
        missing = [m for m in missing if m != "lm_head.weight" and "inv_freq" not in m]
        if missing or unknown:
            raise ValueError(f"{folder}: missing {missing[:5]}, unknown {unknown[:5]}")
        self.model.to(self.device).eval()

    def prompt(self, case: Case) -> str:
        tools = case.tools or None
        return self.processor.apply_chat_template(case.messages, tools=tools, add_generation_prompt=True, tokenize=False)

    def answer(self, case: Case, most: int = 64) -> str:
        """The text of the answer; a tool call as it stands in the chat format."""
        torch = self.torch
        sound = None if case.sound is None else [case.sound.astype(np.float32) / 32768]
        inputs = self.processor(text=[self.prompt(case)], images=None if case.image is None else [[case.image]], audio=sound,
                                return_tensors="pt", add_special_tokens=False).to(self.device)
        with torch.no_grad():
            out = self.model.generate(**inputs, max_new_tokens=most, do_sample=False)
        text = self.processor.tokenizer.decode(out[0, inputs["input_ids"].shape[1]:], skip_special_tokens=False)
        return re.sub(r"(<turn\|>|<eos>|<\|tool_response>|<pad>)+$", "", text).strip()


class Hark:
    """The same answers from hark's own engine (tools/demo-model/ask), many times as fast on CPUs."""

    def __init__(self, folder: Path, free: bool = False, rounded: bool = False):
        """`free`: tool calls are not kept within their declarations, as transformers does not either; `rounded`: activations
        in 8 bits."""
        self.files = Path(tempfile.mkdtemp(prefix="ask-"))
        root = Path(__file__).resolve().parents[3]
        program = self.files / "ask"
        subprocess.run(["go", "build", "-o", program, "./tools/demo-model/ask"], cwd=root, check=True)
        self.process = subprocess.Popen([program, "-model", folder, *["-free"] * free, *["-rounded"] * rounded], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self, case: Case, most: int = 64) -> str:
        """As Model.answer."""
        request = {"messages": case.messages, "tools": case.tools, "most": most}
        if case.image is not None:
            request["image"] = str(self.files / "picture.png")
            case.image.convert("RGB").save(request["image"])
        if case.sound is not None:
            request["sound"] = str(self.files / "sound.wav")
            with wave.open(request["sound"], "wb") as w:
                w.setnchannels(1)
                w.setsampwidth(2)
                w.setframerate(16000)
                w.writeframes(case.sound.astype(np.int16).tobytes())
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("ask ended")
        return json.loads(line)["answer"]


def word_errors(got: str, want: str) -> tuple[int, int]:
    """Edit distance in words, and how many words there should be."""
    a, b = spoken(got).split(), spoken(want).split()
    row = list(range(len(a) + 1))
    for i, w in enumerate(b):
        previous, row[0] = row[0], i + 1
        for j, v in enumerate(a):
            previous, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, previous + (v != w))
    return row[-1], len(b)

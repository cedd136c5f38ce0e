"""The cases of testdata/samples: `python -m evaluate.samples WORK CHECKPOINT OUT`.

Sound, pictures and cases.json: the right answer (`want`) and what the checkpoint answers in transformers float32,
greedy (`reference_answer`). `--again FOLDER` asks the cases of a folder anew instead of making others.
"""
from __future__ import annotations

import argparse
import json
import wave
from pathlib import Path

import numpy as np

from dialogs import seeing
from dialogs.dice import Dice
from dialogs.facts import fact
from dialogs.kiosk import ask, kiosk
from dialogs.talk import ASSISTANTS, TRANSCRIBERS
from dialogs.words import written
from pictures.paint import Materials, Painter
from pictures.scene import Scenes
from speech.clips import RATE

from .ask import Case, Model, system, user
from .disturbances import padded
from .voices import HeldVoices


class Samples:
    """Writes cases one by one."""

    def __init__(self, work: Path, model: Model, out: Path, seed: int):
        self.assets, self.model, self.out = work / "assets", model, out
        self.r, self.voices, self.cases = Dice(seed), HeldVoices(work / "assets", work / "held"), []
        self.said: dict[bytes, str] = {}  # sound -> its file: the same sound is written once

    def add(self, name: str, want: str, prompt: str | None, text: str = "", spoken: str = "", image=None) -> None:
        entry = dict(name=name, system=prompt, want=want)
        sound = None
        if image is not None:
            entry["image"] = f"{name}.png"
            image.save(self.out / entry["image"])
        if spoken:
            x, voice = self.voices.say(spoken)
            sound = padded(x, 0.2, 0.5, self.r)
            frames = sound.tobytes()
            entry |= dict(audio=self.said.setdefault(frames, f"{name}.wav"), voice=voice, spoken=spoken)
            with wave.open(str(self.out / entry["audio"]), "wb") as w:
                w.setnchannels(1)
                w.setsampwidth(2)
                w.setframerate(RATE)
                w.writeframes(frames)
        if text:
            entry["text"] = text
        case = Case(name, want, system(prompt) + [user(text, image is not None, sound is not None)], image=image, sound=sound)
        entry["reference_answer"] = self.model.answer(case)
        entry["correct"] = entry["reference_answer"] == want
        self.cases.append(entry)
        print("right" if entry["correct"] else "wrong", name, "|", want, "|", entry["reference_answer"], flush=True)

    def make(self) -> None:
        r = self.r
        for i in range(9):
            q, a = fact(r)
            self.add(f"question-{i}", a, ASSISTANTS[0], spoken=q)
        for i in range(5):
            k = kiosk(r)
            q, a, _ = ask(r, k)
            self.add(f"kiosk-{i}", a, k.prompt, spoken=q)
        held = json.loads((self.assets / "texts.json").read_text())["held_sentences"]
        for i in range(2):
            s = r.choice(held)
            self.add(f"dictation-{i}", written(s), TRANSCRIBERS[0], spoken=s)
        materials = Materials.load(self.assets, held=True)
        painter, scenes = Painter(materials, r), Scenes(materials.names, ["exit", "open", "hello"])
        kinds = [scenes.icons, scenes.shapes, scenes.counted_icons, scenes.counted_shapes, scenes.text]
        for i in range(8):
            scene = kinds[i % len(kinds)](r)
            asked = dict(spoken="What do you see?") if i >= 5 else dict(text="What do you see?")
            name = f"picture-{'spoken-' if i >= 5 else ''}{i}"
            self.add(name, seeing.describe(scene), ASSISTANTS[4], image=painter.paint(scene), **asked)
        for i in range(4):
            k = kiosk(r)
            q, a, _ = ask(r, k)
            self.add(f"text-{i}", a, k.prompt, text=q)


def again(model: Model, folder: Path) -> list[dict]:
    """The cases of a folder with this checkpoint's answers."""
    from PIL import Image

    cases = json.loads((folder / "cases.json").read_text())
    for c in cases:
        image = Image.open(folder / c["image"]).convert("RGB") if "image" in c else None
        sound = None
        if "audio" in c:
            with wave.open(str(folder / c["audio"])) as w:
                sound = np.frombuffer(w.readframes(w.getnframes()), np.int16)
        message = user(c.get("text", ""), image is not None, sound is not None)
        case = Case(c["name"], c["want"], system(c["system"]) + [message], image=image, sound=sound)
        c["reference_answer"] = model.answer(case)
        c["correct"] = c["reference_answer"] == c["want"]
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = Model(args.checkpoint)
    if args.again:
        cases = again(model, args.again)
    else:
        samples = Samples(args.work, model, args.out, args.seed)
        samples.make()
        cases = samples.cases
    (args.out / "cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(sum(c["correct"] for c in cases), "of", len(cases), "right")


if __name__ == "__main__":
    main()

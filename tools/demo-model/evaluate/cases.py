"""Fresh cases of every kind that the report counts."""
from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Callable, Iterator

import numpy as np

from dialogs import seeing, tools
from dialogs.dice import Dice
from dialogs.facts import fact
from dialogs.kiosk import ask, ask_on, kiosk
from dialogs.render import by_key, value
from dialogs.talk import ASSISTANTS, NOT_HEARD, TRANSCRIBERS
from dialogs.words import written
from pictures.paint import Materials, Painter
from pictures.scene import Scene, Scenes
from speech.noise import noise

from .ask import Case, system, user
from .disturbances import DISTURBANCES, padded
from .voices import HeldVoices, choose, read, recorded

SEES = ASSISTANTS[4]


class Cases:
    """Makes `n` cases of a kind. The same seed makes the same cases."""

    def __init__(self, work: Path, n: int, seed: int):
        self.work, self.assets, self.n, self.seed = work, work / "assets", n, seed
        self.texts = json.loads((self.assets / "texts.json").read_text())
        self._voices: HeldVoices | None = None

    def dice(self, kind: str, unseen: bool = True) -> Dice:
        return Dice(f"{self.seed} {kind}", unseen)

    @property
    def voices(self) -> HeldVoices:
        self._voices = self._voices or HeldVoices(self.assets, self.work / "held")
        return self._voices

    # -- speech

    def question(self, r: Dice) -> tuple[str | None, str, str]:
        """System prompt, question, answer: of a desk or a fact."""
        if r.chance(0.5):
            k = kiosk(r)
            q, a, _ = ask(r, k)
            return k.prompt, q, a
        q, a = fact(r)
        return ASSISTANTS[0], q, a

    def spoken(self, kind: str, change: Callable[[np.ndarray, Random], np.ndarray] | None = None,
               before: float = 0.2, after: float = 0.5, unseen: bool = False) -> Iterator[Case]:
        """Questions by held voices."""
        r, self.voices.turn = self.dice(kind, unseen), 0
        for _ in range(self.n):
            prompt, q, a = self.question(r)
            x, voice = self.voices.say(q)
            if change is not None:
                x = change(x, r)
            yield Case(kind, a, system(prompt) + [user(sound=True)], sound=padded(x, before, after, r), note=f"{voice}: {q}")

    def dictation(self, kind: str) -> Iterator[Case]:
        """Sentences that nobody said in training."""
        r, self.voices.turn = self.dice(kind), 0
        for text in r.sample(self.texts["held_sentences"], self.n):
            x, voice = self.voices.say(text)
            yield Case(kind, written(text), system(TRANSCRIBERS[0]) + [user(sound=True)], sound=padded(x, 0.2, 0.5, r),
                       exact=False, note=voice)

    def people(self, kind: str, numbers: bool) -> Iterator[Case]:
        """All that there is from 100 cases on."""
        r = self.dice(kind)
        for text, path in choose(r, recorded(self.work), self.n if self.n < 100 else 10**6, numbers):
            yield Case(kind, text, system(TRANSCRIBERS[0]) + [user(sound=True)], sound=padded(read(path), 0.2, 0.4, r),
                       exact=False, note=path.stem)

    def nothing(self, kind: str) -> Iterator[Case]:
        """Noise, and silence."""
        r = self.dice(kind)
        g = np.random.default_rng(r.getrandbits(32))
        for i in range(self.n):
            x = noise(r, g).samples if i % 2 else np.zeros(r.randint(8000, 48000), np.int16)
            yield Case(kind, NOT_HEARD, system(ASSISTANTS[0]) + [user(sound=True)], sound=padded(x, 0, 0, r))

    # -- pictures

    def pictures(self, kind: str, draw: str, held_style: bool = False,
                 fits: Callable[[Scene], bool] = lambda s: True) -> Iterator[Case]:
        """Scenes that method `draw` of Scenes makes, on backgrounds and with fonts that training does not use."""
        r = self.dice(kind)
        materials = Materials.load(self.assets, held=True, held_style=held_style)
        scenes = Scenes(materials.names, self.texts["picture_words"])
        painter, made = Painter(materials, r), 0
        while made < self.n:
            scene = getattr(scenes, draw)(r)
            if not fits(scene):
                continue
            made += 1
            messages = system(SEES) + [user("What do you see?", image=True)]
            yield Case(kind, seeing.describe(scene), messages, image=painter.paint(scene))

    # -- text

    def typed(self, kind: str) -> Iterator[Case]:
        r = self.dice(kind)
        for _ in range(self.n):
            prompt, q, a = self.question(r)
            yield Case(kind, a, system(prompt) + [user(q)], note=q)

    def longer(self, kind: str) -> Iterator[Case]:
        """The sixth turn of a talk with a long prompt, which refers back."""
        r = self.dice(kind)
        for _ in range(self.n):
            k = kiosk(r, long=True)
            messages, topic = system(k.prompt), None
            for turn in range(6):
                while topic not in ("hours", "price", "place"):
                    q, a, topic = ask(r, k)
                if turn:
                    q, a, topic = ask_on(r, k, topic)
                messages += [user(q), {"role": "assistant", "content": a}]
            yield Case(kind, a, messages[:-1], note=q)

    def calls(self, kind: str, speak: bool) -> Iterator[Case]:
        """Requests with tools whose names and parameters training does not use."""
        r = self.dice(kind)
        if speak:
            self.voices.turn = 0
        for _ in range(self.n):
            job = r.choice(tools.JOBS)
            offered = tools.offer(r, job, r.randint(1, 4))
            tool = next(t for t in offered if t.job is job)
            said, values = job.request(r)
            arguments = ",".join(f"{k}:{value(v)}" for k, v in by_key(tool.arguments(values)))
            want = f"<|tool_call>call:{tool.name}{{{arguments}}}<tool_call|>"
            case = Case(kind, want, system(ASSISTANTS[0]) + [user(said)], [t.declaration for t in offered], note=said)
            if speak:
                x, _ = self.voices.say(said)
                case.messages[-1], case.sound = user(sound=True), padded(x, 0.2, 0.5, r)
            yield case

    def spoken_results(self, kind: str) -> Iterator[Case]:
        """What is said once the tool has answered."""
        r = self.dice(kind)
        for _ in range(self.n):
            job = r.choice(tools.JOBS)
            offered = tools.offer(r, job, r.randint(1, 3))
            tool = next(t for t in offered if t.job is job)
            said, values = job.request(r)
            result = job.result(r, values)
            call = {"id": "c", "type": "function", "function": {"name": tool.name, "arguments": tool.arguments(values)}}
            answered = {"role": "assistant", "tool_calls": [call], "tool_responses": [{"name": tool.name, "response": result}]}
            yield Case(kind, job.done(values, result), system(ASSISTANTS[0]) + [user(said), answered],
                       [t.declaration for t in offered], note=said)

    def all(self) -> dict[str, Callable[[str], Iterator[Case]]]:
        """Name -> maker, in the order of the report."""
        short = lambda s: s.text.isalpha() and len(s.text) <= 8
        out: dict[str, Callable[[str], Iterator[Case]]] = {
            "spoken questions": self.spoken,
            "spoken questions, other wordings": lambda k: self.spoken(k, unseen=True),
        }
        for name, change in DISTURBANCES.items():
            out[f"spoken, {name}"] = lambda k, change=change: self.spoken(k, change)
        for seconds in (0, 1, 2, 5, 10):
            out[f"spoken, {seconds} s of silence after it"] = lambda k, s=seconds: self.spoken(k, after=s)
        out["spoken, 10 s of silence before it"] = lambda k: self.spoken(k, before=10)
        return out | {
            "dictation of unheard sentences": self.dictation,
            "recorded person: numbers": lambda k: self.people(k, True),
            "recorded person: sentences of up to nine words": lambda k: self.people(k, False),
            "noise and silence": self.nothing,
            "pictures: icons": lambda k: self.pictures(k, "icons"),
            "pictures: coloured shapes": lambda k: self.pictures(k, "shapes"),
            "pictures: counting icons": lambda k: self.pictures(k, "counted_icons"),
            "pictures: counting shapes": lambda k: self.pictures(k, "counted_shapes"),
            "pictures: one icon, unseen style": lambda k: self.pictures(k, "icons", True, lambda s: len(s.things) == 1),
            "pictures: printed numbers": lambda k: self.pictures(k, "text", fits=lambda s: s.text.isdigit()),
            "pictures: printed words of up to 8 letters": lambda k: self.pictures(k, "text", fits=short),
            "typed questions, other wordings": self.typed,
            "sixth turn, long prompt": self.longer,
            "tool calls, unseen declarations": lambda k: self.calls(k, False),
            "tool calls, spoken": lambda k: self.calls(k, True),
            "answers after a tool": self.spoken_results,
        }

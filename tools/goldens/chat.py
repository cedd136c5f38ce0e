#!/usr/bin/env python3
"""Write conversations with what the reference template and tokenizer make of them.

    chat.py OUT [--count N] [--seed N]

writes OUT/chat/cases.json: the conversations of tinymodel/chat_cases.py in both flavours, and N random
ones in either, one a line. "text" is the template's output, "ids" its tokens after the placeholders of
pictures, clips and videos are expanded: every picture and clip has 2 soft tokens, every video two
frames, at 0 s and 61 s, of 2 soft tokens each.

engine/chat/testdata/cases.json is the output of --count 10; copy it there after a change.
"""
from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path

from tinymodel.chat_cases import CHAT_CASES, chat_template
from tinymodel.tokenizer import build_tokenizer

SOFT = 2
FRAME = "{stamp} <|image>" + "<|video|>" * SOFT + "<image|>"
EXPANSIONS = {
    "<|image|>": "<|image>" + "<|image|>" * SOFT + "<image|>",
    "<|audio|>": "<|audio>" + "<|audio|>" * SOFT + "<audio|>",
    "<|video|>": FRAME.format(stamp="00:00") + " " + FRAME.format(stamp="01:01"),
}
WORDS = (
    "the quick brown fox Oslo weather it's 5 C naïve café 北京 🙂 a\tb x{y:1} [z], \"q\" 'r' <b> | ~ İ ß "
    "\u00a0nb\u00a0 \u2003em \u001fus -- ... think thought model user"
).split(" ") + ["\n", "\n\n", "  ", " ", "▁"]


class Maker:
    """Makes random conversations. None holds the text of a special token in what people say."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)

    def maybe(self, p: float) -> bool:
        return self.rng.random() < p

    def text(self, most: int = 8) -> str:
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(0, most)))

    def key(self) -> str:
        return self.rng.choice(["a", "B", "b", "city", "City", "unit", "x_1", "Zoo", "é", "_"]) + self.rng.choice(["", "", "2", "K"])

    def value(self, depth: int = 0):
        kind = self.rng.randint(0, 9 if depth < 3 else 6)
        if kind == 0:
            return None
        if kind == 1:
            return self.maybe(0.5)
        if kind == 2:
            return self.rng.choice([0, -1, 7, 10**20, -(10**17)])
        if kind == 3:
            return self.rng.choice([1.5, -0.0, 1e-05, 1e16, 123456789012345.6, 1e15, 0.0001, 3.0, 1e100, -2.5e-300, 5e-324])
        if kind <= 6:
            return self.text(3)
        if kind == 7:
            return [self.value(depth + 1) for _ in range(self.rng.randint(0, 3))]
        return {self.key(): self.value(depth + 1) for _ in range(self.rng.randint(0, 4))}

    def schema(self, depth: int = 0) -> dict:
        kind = self.rng.choice(["string", "STRING", "integer", "number", "boolean", "array", "object", "null"])
        out = {"type": kind}
        if self.maybe(0.05):
            out["type"] = ["string", "null"]
        if self.maybe(0.05):
            del out["type"]
        if self.maybe(0.6):
            out["description"] = self.text(4)
        if self.maybe(0.3):
            out["enum"] = [self.value(3) for _ in range(self.rng.randint(0, 3))]
        if self.maybe(0.2):
            out["nullable"] = self.rng.choice([True, False, None, 1, 0])
        if self.maybe(0.2):
            out["default"] = self.value(2)
        if kind == "array" and self.maybe(0.8):
            out["items"] = {} if depth > 2 else self.rng.choice([self.schema(depth + 1), {"type": ["string", "null"], "title": None}, True])
        if kind == "object":
            if self.maybe(0.7) and depth < 3:
                out["properties"] = {self.key(): self.schema(depth + 1) for _ in range(self.rng.randint(0, 3))}
            elif self.maybe(0.5):
                out["additionalProperties"] = False
            elif depth < 3:
                out[self.key()] = self.schema(depth + 1)
            if self.maybe(0.5):
                out["required"] = [self.key() for _ in range(self.rng.randint(0, 2))]
        return out

    def tool(self) -> dict:
        function = {"name": "f" + self.key(), "description": self.text(4)}
        if self.maybe(0.85):
            parameters = {"properties": {self.key(): self.schema() for _ in range(self.rng.randint(0, 4))}}
            if self.maybe(0.9):
                parameters["type"] = "object"
            if self.maybe(0.5):
                parameters["required"] = [self.key() for _ in range(self.rng.randint(0, 2))]
            function["parameters"] = parameters
        if self.maybe(0.2):
            function["response"] = {"type": self.rng.choice(["object", "string"]), "description": self.text(2)}
        return {"type": "function", "function": function}

    def parts(self, media: bool = True) -> list:
        kinds = ["text", "text", "image", "image_url", "audio", "input_audio", "video"] if media else ["text"]
        chosen = [self.rng.choice(kinds) for _ in range(self.rng.randint(0, 4))]
        return [{"type": k, "text": self.text()} if k == "text" else {"type": k} for k in chosen]

    def content(self):
        return self.text() if self.maybe(0.6) else self.parts()

    def answer(self) -> list[dict]:
        """An assistant's message, and the results of its calls."""
        m = {"role": "assistant"}
        if self.maybe(0.8):
            m["content"] = self.content()
            if isinstance(m["content"], str) and self.maybe(0.2):
                m["content"] = "<|channel>thought\n" + self.text() + "<channel|>" + m["content"]
        if self.maybe(0.4):
            m[self.rng.choice(["reasoning", "reasoning_content"])] = self.text(4)
        out = [m]
        if self.maybe(0.4):
            calls = []
            for i in range(self.rng.randint(1, 3)):
                arguments = self.rng.choice([{self.key(): self.value() for _ in range(3)}, '{"y":2}', " bare ", None, {}])
                calls.append({"id": f"c{i}", "function": {"name": "f" + self.key(), "arguments": arguments}})
            m["tool_calls"] = calls
            if self.maybe(0.7):
                for i in self.rng.sample(range(len(calls)), self.rng.randint(1, len(calls))):
                    r = {"role": "tool", "content": self.content()}
                    if self.maybe(0.9):
                        r["tool_call_id"] = f"c{i}"
                    else:
                        r["tool_call_id"] = "lost"
                        if self.maybe(0.5):
                            r["name"] = "named"
                    out.append(r)
        return out

    def conversation(self) -> dict:
        messages = []
        if self.maybe(0.4):
            content = self.text() if self.maybe(0.7) else [{"type": "text", "text": self.text()} for _ in range(self.rng.randint(2, 3))]
            messages.append({"role": self.rng.choice(["system", "developer"]), "content": content})
        for _ in range(self.rng.randint(1, 4)):
            if self.maybe(0.55):
                messages.append({"role": "user", "content": self.content()})
            elif self.maybe(0.05):
                messages.append({"role": "system", "content": self.text()})
            else:
                messages += self.answer()
        out = {"messages": messages, "add_generation_prompt": self.maybe(0.7)}
        if self.maybe(0.3):
            out["tools"] = [self.tool() for _ in range(self.rng.randint(1, 2))]
        if self.maybe(0.3):
            out["enable_thinking"] = True
        if self.maybe(0.3):
            out["preserve_thinking"] = True
        return out


def expand(text: str) -> str:
    """Put soft tokens in the place of placeholders, in one pass: the expansions hold placeholders themselves."""
    return re.sub("|".join(map(re.escape, EXPANSIONS)), lambda m: EXPANSIONS[m[0]], text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    import jinja2.sandbox
    from tokenizers import Tokenizer

    tok = Tokenizer.from_str(json.dumps(build_tokenizer()))
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    templates = {"small": env.from_string(chat_template(False)), "large": env.from_string(chat_template(True))}
    jobs = [(flavour, name, case) for flavour in templates for name, case in CHAT_CASES.items()]
    maker = Maker(args.seed)
    jobs += [(maker.rng.choice(list(templates)), f"random {i}", maker.conversation()) for i in range(args.count)]
    lines = []
    for flavour, name, case in jobs:
        text = templates[flavour].render(bos_token="<bos>", **case)
        ids = tok.encode(expand(text), add_special_tokens=False).ids
        lines.append(json.dumps({"flavour": flavour, "name": name, "input": case, "text": text, "ids": ids}, ensure_ascii=False, separators=(",", ":")))
    folder = args.out / "chat"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cases.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()

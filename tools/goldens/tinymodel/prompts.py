"""The prompts of the goldens, expanded by the documented rules and not by either library."""
from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from .chat_cases import chat_template, render_chat
from .variants import Variant

TEXT_MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant. Be brief."},
    {"role": "user", "content": "What is in the picture? Describe café 北京 🙂 in one sentence."},
]
MM_PARTS = {
    "image": [{"type": "image"}, {"type": "text", "text": "What is this?"}],
    "audio": [{"type": "audio"}, {"type": "text", "text": "Write it down."}],
    "video": [{"type": "video"}, {"type": "text", "text": "Describe."}],
    "both": [{"type": "image"}, {"type": "text", "text": "Then"}, {"type": "audio"}, {"type": "text", "text": "Explain."}],
}
VIDEO_FPS = 0.5  # the two test frames are 2 s apart


@dataclass
class Prompts:
    """Token ids of all prompts."""

    text: np.ndarray
    mm: dict[str, dict[str, np.ndarray]]  # kind -> input_ids, mm_token_type_ids


def build_prompts(variant: Variant, tokenizer: dict, n_image: int, n_audio: int) -> Prompts:
    """Expand the placeholders by the documented rules, independently of either library."""
    from tokenizers import Tokenizer

    tok = Tokenizer.from_str(json.dumps(tokenizer))
    cfg = variant.config("float32")
    template = chat_template(variant.large)
    encode = lambda s: tok.encode(s, add_special_tokens=False).ids

    def expand(text: str) -> str:
        image = "<|image>" + "<|image|>" * n_image + "<image|>"
        audio = "<|audio>" + "<|audio|>" * n_audio + "<audio|>"
        frames = []
        for k in range(2):
            seconds = k / VIDEO_FPS
            frames.append(f"{int(seconds // 60):02d}:{int(seconds % 60):02d} <|image>" + "<|video|>" * n_image + "<image|>")
        for mark, value in (("<|image|>", image), ("<|audio|>", audio), ("<|video|>", " ".join(frames))):
            head, sep, tail = text.partition(mark)
            text = head + value + tail if sep else text
        return text

    mm = {}
    for kind, parts in MM_PARTS.items():
        if variant.audio is None and any(p["type"] == "audio" for p in parts):
            continue
        text = render_chat(template, messages=[{"role": "user", "content": parts}], add_generation_prompt=True)
        ids = np.array(encode(expand(text)), np.int32)
        types = np.zeros_like(ids)
        for value, key in ((1, "image_token_id"), (2, "video_token_id"), (3, "audio_token_id")):
            types[ids == cfg[key]] = value
        mm[kind] = {"input_ids": ids, "mm_token_type_ids": types}
    text = render_chat(template, messages=TEXT_MESSAGES, add_generation_prompt=True)
    return Prompts(np.array(encode(text), np.int32), mm)


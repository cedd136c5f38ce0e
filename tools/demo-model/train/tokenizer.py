"""The tokenizer: a byte-fallback BPE of 2048 entries laid out and set up as Gemma 4's, and the files beside it.

`python -m train.tokenizer ASSETS OUT` makes a new one of ASSETS/corpus.txt; `--keep FOLDER` takes tokenizer.json from
a checkpoint instead, which is what training that goes on from that checkpoint needs.
"""
from __future__ import annotations

import argparse
import json
import shutil
import string
from pathlib import Path

from .shape import TOOL_RESPONSE, VOCAB

SPECIALS = [
    "<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|turn>", "<turn|>", "<|image>", "<image|>", "<|image|>", "<|audio>",
    "<audio|>", "<|audio|>", "<|video|>", "<|channel>", "<channel|>", "<|think|>", "<|tool>", "<tool|>", "<|tool_call>",
    "<tool_call|>", "<|tool_response>", "<tool_response|>", '<|"|>',
]
ROLES = dict(
    bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    boi_token="<|image>", eoi_token="<image|>", image_token="<|image|>", boa_token="<|audio>", eoa_token="<audio|>",
    audio_token="<|audio|>", sot_token="<|turn>", eot_token="<turn|>", soc_token="<|channel>", eoc_token="<channel|>",
    think_token="<|think|>", std_token="<|tool>", etd_token="<tool|>", stc_token="<|tool_call>", etc_token="<tool_call|>",
    str_token="<|tool_response>", etr_token="<tool_response|>", escape_token='<|"|>',
)
FURTHER_LETTERS = "▁\nàáâäèéêíîïñóôöúùûüß€äćśőÖÄÜ“”’–…°£"


def train_tokenizer(corpus: list[str]):
    """Learn the pieces and lay the ids out: specials, bytes, pieces."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    learner.normalizer = normalizers.Replace(" ", "▁")
    words = Regex("▁?[^▁\\p{P}\\d\\n]+|▁|\\n|\\d|\\p{P}")  # digits and punctuation stand alone
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(words, "isolated")])
    letters = sorted(set(string.printable[:94]) | set(FURTHER_LETTERS))
    learner.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=VOCAB - len(SPECIALS) - 256, initial_alphabet=letters, limit_alphabet=len(letters), show_progress=False))
    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].get)
    entries = SPECIALS + [f"<0x{i:02X}>" for i in range(256)] + pieces
    entries += [f"<unused{i}>" for i in range(VOCAB - len(entries))]
    assert len(entries) == len(set(entries)) == VOCAB
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in learned["merges"]]
    out = Tokenizer(models.BPE(vocab={p: i for i, p in enumerate(entries)}, merges=merges, unk_token="<unk>",
                               byte_fallback=True, fuse_unk=True))
    out.normalizer = normalizers.Replace(" ", "▁")
    out.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    out.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    out.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return out


def processor_config() -> dict:
    """How pictures and sound are prepared, as in the released E2B."""
    audio = dict(
        feature_extractor_type="Gemma4AudioFeatureExtractor", feature_size=128, sampling_rate=16000, padding_value=0.0,
        padding_side="right", return_attention_mask=True, frame_length=320, hop_length=160, min_frequency=0.0,
        max_frequency=8000.0, preemphasis=0.0, preemphasis_htk_flavor=True, fft_overdrive=False, dither=0.0,
        input_scale_factor=1.0, mel_floor=0.001, fft_length=512, per_bin_mean=None, per_bin_stddev=None)
    image = dict(
        image_processor_type="Gemma4ImageProcessor", do_convert_rgb=True, do_normalize=False, do_rescale=True, do_resize=True,
        image_mean=[0.0] * 3, image_std=[1.0] * 3, patch_size=16, max_soft_tokens=70, pooling_kernel_size=3, resample=3,
        rescale_factor=1 / 255)
    video = dict(video_processor_type="Gemma4VideoProcessor", max_soft_tokens=70, patch_size=16, pooling_kernel_size=3,
                 num_frames=8)
    return dict(processor_class="Gemma4Processor", image_seq_length=70, audio_seq_length=750, audio_ms_per_token=40,
                feature_extractor=audio, image_processor=image, video_processor=video)


def write(out: Path, tokenizer_json: str) -> None:
    """All files of a checkpoint that are neither weights nor config.json."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
    template = Path(__file__).with_name("chat_template.jinja")
    shutil.copy(template, out / "chat_template.jinja")
    extra = ["boi_token", "eoi_token", "image_token", "boa_token", "eoa_token", "audio_token", "sot_token", "eot_token"]
    settings = ROLES | dict(
        tokenizer_class="GemmaTokenizer", processor_class="Gemma4Processor", padding_side="left",
        clean_up_tokenization_spaces=False, model_max_length=2048, extra_special_tokens={k: ROLES[k] for k in extra})
    generation = dict(bos_token_id=2, pad_token_id=0, eos_token_id=[1, 6, TOOL_RESPONSE], do_sample=False, max_new_tokens=96)
    files = {"tokenizer_config": settings, "processor_config": processor_config(), "generation_config": generation}
    for name, content in files.items():
        (out / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--keep", type=Path, help="folder of a checkpoint whose tokenizer.json is taken")
    args = parser.parse_args()
    if args.keep:
        write(args.out, (args.keep / "tokenizer.json").read_text(encoding="utf-8"))
        return
    lines = (args.assets / "corpus.txt").read_text(encoding="utf-8").split("\n")
    write(args.out, train_tokenizer(lines).to_str())


if __name__ == "__main__":
    main()

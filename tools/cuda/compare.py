"""compare.py: how fast mlx-lm and mlx-vlm run a checkpoint, beside hark.

    pip install "mlx[cuda13]" mlx-lm mlx-vlm
    python3 tools/cuda/compare.py --model DIR [--positions 0,1024,...] [--prompts 512,4096]

Prints a JSON object a line, with the names of hark bench's: decode by position,
batches of eight, prompts, the audio tower by 10 s of sound and the vision tower
by budget. Text runs mlx-lm's own generate_step, which computes a step ahead,
and its batch generator; both greedy. Towers run the modules of mlx-vlm. Nothing
but the weights is read from DIR: prompts are random tokens.
"""

import argparse
import glob
import importlib
import json
import pathlib
import statistics
import sys
import time
import types

import mlx.core as mx
from mlx import nn

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--positions", default="0,1024,4096,8192,32000")
parser.add_argument("--prompts", default="512,4096")
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--tokens", type=int, default=128)
parser.add_argument("--parts", default="text,audio,vision")
args = parser.parse_args()
numbers = lambda s: [int(n) for n in s.split(",") if n]


def row(**values):
    print(json.dumps({"model": args.model, **values}), flush=True)


def times(f, seconds=1.5):
    """Milliseconds of each run of f but the first two."""
    f(), f()
    ms, end = [], time.perf_counter() + seconds
    while len(ms) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        f()
        ms.append(1e3 * (time.perf_counter() - start))
    return ms


def text(config):
    from mlx_lm.generate import BatchGenerator, generate_step
    from mlx_lm.utils import load_model

    start = time.perf_counter()
    model, _ = load_model(pathlib.Path(args.model))
    mx.eval(model.parameters())
    row(peer="mlx-lm", bench="load", ready_ms=1e3 * (time.perf_counter() - start))
    vocab = config.get("text_config", config)["vocab_size"]
    prompt = lambda n: mx.random.randint(300, vocab * 3 // 4, (n,))

    def decode(position, n):
        """Seconds to the first token and of each one after it."""
        p = prompt(max(position, 1))
        mx.eval(p)
        begin = time.perf_counter()
        first = last = None
        for _, _ in generate_step(p, model, max_tokens=n, prefill_step_size=2048):
            last = time.perf_counter()
            first = first or last
        return first - begin, (last - first) / (n - 1)

    for position in numbers(args.positions):
        decode(position, 24)
        runs = [decode(position, args.tokens) for _ in range(3)]
        ms = [1e3 * r[1] for r in runs]
        row(peer="mlx-lm", bench="decode", batch=1, position=position, ms_p50=statistics.median(ms), ms_min=min(ms),
            rate=1e3 / statistics.median(ms), unit="tok/s", first_token_ms=1e3 * statistics.median(r[0] for r in runs))
    for n in numbers(args.prompts):
        decode(n, 2), decode(n, 2)
        ms = [1e3 * decode(n, 2)[0] for _ in range(5)]
        row(peer="mlx-lm", bench="prefill", tokens=n, ms_p50=statistics.median(ms), ms_min=min(ms), rate=1e3 * n / statistics.median(ms), unit="tok/s")

    def batch(count):
        """Seconds a token of each of several sequences, once all answer."""
        generator = BatchGenerator(model, max_tokens=args.tokens, stop_tokens=[])
        generator.insert([prompt(16).tolist() for _ in range(count)], [args.tokens] * count)
        produced, marks = 0, []
        while responses := generator.next_generated():
            produced += len(responses)
            if len(responses) == count:
                marks.append(time.perf_counter())
        generator.close()
        return (marks[-1] - marks[0]) / (len(marks) - 1)

    for count in (1, args.batch):
        batch(count)
        ms = [1e3 * batch(count) for _ in range(3)]
        row(peer="mlx-lm", bench="batch", batch=count, ms_p50=statistics.median(ms), ms_min=min(ms), rate=1e3 * count / statistics.median(ms), unit="tok/s")


def towers():
    """The classes of mlx-vlm's towers, without the rest of the package, whose
    server and datasets need much that a measurement does not."""
    base = next(p for p in map(pathlib.Path, sys.path) if (p / "mlx_vlm").is_dir())
    for name in ("mlx_vlm", "mlx_vlm.models", "mlx_vlm.models.gemma4"):
        module = types.ModuleType(name)
        module.__path__ = [str(base.joinpath(*name.split(".")))]
        sys.modules[name] = module
    parts = [importlib.import_module("mlx_vlm.models.gemma4." + n) for n in ("config", "vision", "audio")]
    return parts


def weights(prefix):
    found = {}
    for path in glob.glob(args.model + "/*.safetensors"):
        found.update({k[len(prefix):]: v for k, v in mx.load(path).items() if k.startswith(prefix)})
    return found


def tower(module, prefix):
    loaded = weights(prefix)
    module.load_weights([(k, v) for k, v in loaded.items()], strict=False)
    missing = {k for k, _ in nn.utils.tree_flatten(module.parameters())} - set(loaded)
    missing = {k for k in missing if not k.endswith(("_min", "_max"))}
    assert not missing, sorted(missing)[:5]
    module.set_dtype(mx.bfloat16)
    mx.eval(module.parameters())


def audio(config):
    c, _, modules = towers()
    model = modules.AudioEncoder(c.AudioConfig.from_dict(config["audio_config"]))
    tower(model, "audio_tower.")
    mel = mx.random.normal((1, 1000, 128)).astype(mx.bfloat16)
    mask = mx.zeros((1, 1000), dtype=mx.bool_)
    ms = times(lambda: mx.eval(model(mel, mask)[0]))
    row(peer="mlx-vlm", bench="audio", piece_ms=10000, ms_p50=statistics.median(ms), ms_min=min(ms), rate=1e4 / statistics.median(ms), unit="x-realtime")


def vision(config):
    c, modules, _ = towers()
    model = modules.VisionModel(c.VisionConfig.from_dict(config["vision_config"]))
    tower(model, "vision_tower.")
    for height, width in ((336, 432), (672, 912)):
        pixels = mx.random.uniform(shape=(1, 3, height, width)).astype(mx.bfloat16)
        mx.eval(pixels)
        ms = times(lambda: mx.eval(model(pixels)))
        row(peer="mlx-vlm", bench="vision", tokens=height * width // 2304, ms_p50=statistics.median(ms), ms_min=min(ms), rate=1e3 / statistics.median(ms), unit="pictures/s")


config = json.loads(pathlib.Path(args.model, "config.json").read_text())
parts = args.parts.split(",")
if "text" in parts:
    text(config)
if "audio" in parts and "audio_config" in config:
    audio(config)
if "vision" in parts and "vision_config" in config:
    vision(config)
row(peer="mlx-lm", bench="memory", gb=mx.get_peak_memory() / 1e9)

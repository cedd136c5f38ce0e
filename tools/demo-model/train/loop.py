"""Train towers and decoder together. `python -m train.loop --help`; train.feed runs beside it.

Loss: the next token of what the model has to say + CTC over word pieces on the audio tower + what stands under each
token of a picture on the vision tower. A run goes on from --init (a checkpoint folder, also an 8-bit one) or from the
--resume folder of an earlier run, which holds the optimizer too. State is saved every few minutes.
"""
from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .rows import Labels, Maker, RowShape


def make_rows(assets: Path, tokenizer: Path, folder: Path, seed: int, shape: RowShape, keep: int, share: float,
              least: tuple[int, int], queue) -> None:
    """A process that makes batches for ever, once there are enough clips and pictures."""
    maker = Maker(assets, tokenizer, folder, seed, keep, share)
    c = maker.catalogue
    while len(c.spoken) < least[0] or len(c.pictures) < least[1]:
        c.poll()
        time.sleep(0.3)
    while True:
        c.poll()
        queue.put(maker.batch(shape))


def heads(model, things: int):
    """Linear layers for the helper losses; they are not exported."""
    import torch

    from pictures.letters import ALPHABET

    from .pieces import COUNT
    from .rows import LETTER_CELLS
    audio, vision = model.config.audio_config, model.config.vision_config
    return torch.nn.ModuleDict(dict(
        ctc=torch.nn.Linear(audio.output_proj_dims, COUNT + 1), thing=torch.nn.Linear(vision.hidden_size, things),
        colour=torch.nn.Linear(vision.hidden_size, 12),
        letters=torch.nn.Linear(vision.hidden_size, LETTER_CELLS * (len(ALPHABET) + 1))))


@dataclass
class State:
    """Float32 weights, their bfloat16 copies in the model, and the optimizer."""

    model: object
    names: list[str]
    masters: list
    optimizer: object
    step: int = 0
    seconds: float = 0.0  # trained so far, over all runs

    @classmethod
    def make(cls, model, rate: float, device) -> "State":
        import torch

        names = [n for n, _ in model.named_parameters()]
        masters = [p.detach().float().clone() for p in model.parameters()]
        model.to(torch.bfloat16)
        for m in masters:
            m.grad = torch.zeros_like(m)
        groups = [dict(params=[m for m in masters if m.ndim >= 2], weight_decay=0.04),
                  dict(params=[m for m in masters if m.ndim < 2], weight_decay=0.0)]
        fused = dict(fused=True) if device.type == "cuda" else {}
        return cls(model, names, masters, torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), eps=1e-8, **fused))

    def update(self, rate: float):
        """One step of the optimizer; returns the norm of the gradient."""
        import torch

        parameters = list(self.model.parameters())
        torch._foreach_copy_([m.grad for m in self.masters],
                             [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters])
        norm = torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if norm.device.type == "cuda":
            self.optimizer.found_inf = (~torch.isfinite(norm)).float()  # such a step is left out, on the device
            self.optimizer.step()
        elif torch.isfinite(norm):
            self.optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(parameters, self.masters)
        for p in parameters:
            p.grad = None
        self.step += 1
        return norm

    def save(self, out: Path, parts: int = 4) -> None:
        """weights_*.pt in bfloat16, each small enough to be sent, and optimizer.pt for --resume on the same machine."""
        import torch

        out.mkdir(parents=True, exist_ok=True)
        weights = {n: m.detach().bfloat16().cpu() for n, m in zip(self.names, self.masters)}
        for i in range(parts):
            part = {n: weights[n].clone() for n in self.names[i::parts]}
            torch.save(part, out / "part.tmp")
            (out / "part.tmp").rename(out / f"weights_{i}.pt")
        state = dict(masters=self.masters, optimizer=self.optimizer.state_dict(), step=self.step, seconds=self.seconds)
        torch.save(state, out / "state.tmp")
        (out / "state.tmp").rename(out / "optimizer.pt")

    def resume(self, folder: Path) -> None:
        import torch

        state = torch.load(folder / "optimizer.pt", map_location=self.masters[0].device, weights_only=True)
        with torch.no_grad():
            for m, saved in zip(self.masters, state["masters"]):
                m.copy_(saved)
            torch._foreach_copy_(list(self.model.parameters()), self.masters)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def losses(hidden, towers: dict, batch: dict, at: dict, model) -> dict:
    """Name -> loss. `at`: ahead.labels on the device."""
    import torch
    import torch.nn.functional as F

    from .forward import rms
    logits = (hidden.flatten(0, 1)[at["learned_at"]] @ model.get_output_embeddings().weight.T).float()
    cap = model.config.text_config.final_logit_softcapping
    out = dict(text=F.cross_entropy(torch.tanh(logits / cap) * cap, at["target"]))
    if "audio" in towers:
        tokens = torch.from_numpy((batch["cuts"][:, 6].astype(np.int64) + 3) // 4)
        flat = towers["audio"].reshape(-1, towers["audio"].shape[-1])
        token = at["first_token"][:, None] + torch.arange(int(tokens.max()), device=flat.device)[None]
        p = F.log_softmax(model.helper["ctc"](flat)[token.clamp(max=len(flat) - 1)].float(), -1).transpose(0, 1)
        total = F.ctc_loss(p, at["ctc"], tokens, torch.from_numpy(batch["ctc_lengths"]), reduction="sum",
                           zero_infinity=True)
        out["ctc"] = total / max(1, int(batch["ctc_lengths"].sum()))
    if "vision" in towers:
        y = rms(towers["vision"][: len(batch["pictures"])].to(hidden.dtype))
        for k, name in enumerate(("thing", "colour")):
            if (batch["seen"][:, k] >= 0).any():
                out[name] = F.cross_entropy(model.helper[name](y).float().flatten(0, 1), at["seen"][:, k].flatten(), ignore_index=-100)
        if len(at["printed"]):
            out["letters"] = letter_loss(model.helper["letters"], y[at["printed"]], at["letters"].long())
    return out


def letter_loss(head, y, cells):
    """Cross-entropy of the letter in every cell of printed pictures; empty cells, which are most, count a quarter."""
    import torch.nn.functional as F

    cells = cells.flatten()
    logits = head(y).float().view(len(cells), -1)
    each = F.cross_entropy(logits, cells, ignore_index=-100, reduction="none")
    letter, empty = cells > 0, cells == 0
    return (each * letter).sum() / letter.sum().clamp(min=1) + 0.25 * (each * empty).sum() / empty.sum().clamp(min=1)


@dataclass
class Plan:
    """Learning rate over the run: a warm-up, level, then half a cosine down to a hundredth."""

    rate: float
    warm: int
    hold: float
    steps_done: int = 0
    weights: dict = field(default_factory=lambda: dict(text=1.0, ctc=0.5, thing=0.3, colour=0.15, letters=0.4))

    def at(self, done: float) -> float:
        up = min(1.0, (self.steps_done + 1) / self.warm)
        self.steps_done += 1
        if done < self.hold:
            return self.rate * up
        return self.rate * up * max(0.01, 0.5 + 0.5 * math.cos(math.pi * (done - self.hold) / (1 - self.hold)))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--feed", type=Path, required=True, help="folder that train.feed writes into")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of this run, building and compiling included")
    parser.add_argument("--total", type=float, help="minutes of all runs, for the falling rate (default: --minutes)")
    parser.add_argument("--init", type=Path, help="checkpoint to go on from, or the --out of an earlier run, whose helpers are kept")
    parser.add_argument("--helpers", type=Path, help="--out of an earlier run, or its helpers.pt: where --init is a checkpoint without them")
    parser.add_argument("--resume", type=Path, help="--out of an earlier run to go on from")
    parser.add_argument("--shape", default="768,160,88,2048,184", help="tokens, rows, audio rows, frames, pictures")
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--warm", type=int, default=200)
    parser.add_argument("--hold", type=float, default=0.35, help="share of the time before the rate falls")
    parser.add_argument("--makers", type=int, default=4, help="processes that make rows")
    parser.add_argument("--ring", type=int, default=24000, help="pictures kept")
    parser.add_argument("--hours", type=float, default=80.0, help="of clips that there is room for")
    parser.add_argument("--least", default="3000,1500", help="clips and pictures to start with")
    parser.add_argument("--neural", type=float, default=0.75, help="share of clips by neural voices, where there are any")
    parser.add_argument("--save", type=float, default=120.0, help="seconds between saves")
    parser.add_argument("--steps", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--profile", type=int, default=0, help="print what the device did in ten steps after so many")
    parser.add_argument("--tiny", action="store_true", help="a tiny model, for the smoke run")
    return parser.parse_args()


def start_makers(args: argparse.Namespace, shape: RowShape):
    """Row makers and the queue they fill."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(24)
    least = tuple(map(int, args.least.split(",")))
    seed = int(time.time())
    makers = []
    for i in range(args.makers):
        arguments = (args.assets, args.tokenizer, args.feed, seed + i, shape, args.ring, args.neural, least, queue)
        makers.append(context.Process(target=make_rows, args=arguments, daemon=True))
        makers[-1].start()
    return makers, queue


def profiler(first: int):
    """Watches ten steps of the device after `first` ones and prints where the time went."""
    import torch

    def told(p) -> None:
        print(p.key_averages().table(sort_by="self_device_time_total", row_limit=40, max_name_column_width=70), flush=True)

    return torch.profiler.profile(schedule=torch.profiler.schedule(wait=first, warmup=2, active=10, repeat=1),
                                  on_trace_ready=told, acc_events=True)


def main() -> None:
    args = parse_args()
    begun = time.time()
    shape = RowShape.parse(args.shape)
    makers, queue = start_makers(args, shape)

    import torch

    from . import shape as model_shape
    from .ahead import Ahead
    from .bank import Bank
    from .forward import Forward
    from .inputs import Inputs

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high")
    model = model_shape.build(tiny=args.tiny)
    if args.init:
        start = model_shape.trained(args.init) or model_shape.checkpoint(args.init)
        model_shape.load(model, {n: w for n, w in start.items() if not n.startswith("helper")})
    labels = Labels([str(n) for n in np.load(args.assets / "icons.npz")["names"]])
    model.helper = heads(model, labels.count)
    if args.init or args.helpers:
        model_shape.load_helpers(model.helper, model_shape.trained(args.helpers) if args.helpers else start)
    model.to(device).train()
    state = State.make(model, args.rate, device)
    if args.resume:
        state.resume(args.resume)
    bank = Bank(device, args.feed, int(args.hours * 3600 * 16000), args.ring)
    bank.start()
    inputs, forward = Inputs(bank, shape, device, seed=int(begun)), Forward(model, compile=device.type == "cuda")
    plan, total = Plan(args.rate, args.warm, args.hold), 60 * (args.total or args.minutes)
    print(f"ready after {time.time() - begun:.0f} s", flush=True)

    saved, told, seen, sums, end = time.time(), time.time(), 0, {}, begun + 60 * args.minutes
    earlier = state.seconds
    watch = profiler(args.profile) if args.profile else None
    if watch:
        watch.start()
    ahead = Ahead(queue, inputs, device)
    for batch, tensors, at in ahead:
        if time.time() >= end or state.step >= args.steps:
            break
        state.seconds = earlier + time.time() - begun
        rate = plan.at(min(1.0, state.seconds / total))
        hidden, towers = forward(**tensors, audio_at=at["audio_at"], image_at=at["image_at"])
        loss = losses(hidden, towers, batch, at, model)
        sum(plan.weights[k] * v for k, v in loss.items()).backward()
        norm = state.update(rate)
        seen += int(batch["dialogs"])
        if watch:
            watch.step()
        if state.step % 20 == 0 or device.type == "cpu":
            for k, v in loss.items():
                sums.setdefault(k, []).append(v.item())
        if state.step in (3, 20, 100) or state.step % 200 == 0 or device.type == "cpu":
            spent = time.time() - told
            print(f"{time.time() - begun:.0f} s step {state.step} " + " ".join(f"{k} {np.mean(v):.3f}" for k, v in sums.items())
                  + f" norm {float(norm):.2f} rate {rate:.1e} {seen / spent:.0f} dialogues/s, queue {queue.qsize()}, "
                  f"clips {len(bank.offsets)} {bank.voices}, pictures {bank.drawn}", flush=True)
            told, seen, sums = time.time(), 0, {}
        if time.time() - saved > args.save:
            state.save(args.out)
            saved = time.time()
    state.save(args.out)
    print(f"saved after {state.step} steps", flush=True)
    ahead.close()
    bank.close()
    for m in makers:
        m.terminate()


if __name__ == "__main__":
    main()

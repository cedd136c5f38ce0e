"""Train the network: `python -m train ROWS OUT.pt`. Prints the loss and what the voices kept for choosing say."""
from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from data import HELD_OUT
from network import VARIANTS, eight_bits

LONGEST = 300  # rows of a clip, 9.6 s
BATCH = 48


class Clips:
    """Clips in memory: rows as 16-bit floats, targets, time since the end of speech."""

    def __init__(self, folder: Path, held: bool, passes: set[int] | None = None):
        self.clips = []
        for path in sorted(folder.glob("*.npz")):
            if ".part" in path.name or passes and int(path.stem.split("_")[-1]) not in passes:
                continue
            with np.load(path) as z:
                cuts = np.cumsum([0, *z["count"]])
                rows, target, since = z["rows"], z["target"], z["since"]
                for a, b, name in zip(cuts, cuts[1:], z["names"]):
                    if (str(name).split("|")[0] in HELD_OUT) == held:
                        self.clips.append((rows[a:b], target[a:b], since[a:b], str(name)))
        self.order = np.argsort([len(c[0]) for c in self.clips])
        self.balance()

    def balance(self) -> None:
        """Weights, so that how many pauses a turn has had says nothing: the first, second, … pause of a turn counts as much
        where turns end with it as where they go on."""
        which, counts = [], np.zeros((4, 2))
        for _, t, _, _ in self.clips:
            asked = t >= 0
            pause = np.minimum(np.cumsum(np.diff(asked.astype(np.int8), prepend=0) == 1) - 1, 3)
            for k in range(4):
                for end in (0, 1):
                    counts[k, end] += (asked & (pause == k) & (t == end)).any()
            which.append(pause)
        even = counts.sum(1, keepdims=True) / 2 / np.maximum(counts, 1)
        self.weights = [np.where(t >= 0, np.minimum(even[np.maximum(p, 0), np.maximum(t, 0)], 4.0), 0.01).astype(np.float32)
                        for p, (_, t, _, _) in zip(which, self.clips)]

    def batch(self, picks) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows, targets, weights, padded at the end."""
        n = min(LONGEST, max(len(self.clips[i][0]) for i in picks))
        rows = np.full((len(picks), n, self.clips[0][0].shape[1]), -4.6, np.float32)
        target, weight = np.zeros((len(picks), n), np.float32), np.zeros((len(picks), n), np.float32)
        for k, i in enumerate(picks):
            r, t, s, _ = self.clips[i]
            m = min(n, len(r))
            rows[k, :m] = r[:m]
            target[k, :m] = t[:m] == 1  # while one speaks, nothing is finished
            weight[k, :m] = self.weights[i][:m] * np.where(s[:m] < 25, 1.0, 0.3)
        return torch.from_numpy(rows), torch.from_numpy(target), torch.from_numpy(weight)

    def batches(self, g: np.random.Generator):
        """Clips of similar length together, in random order."""
        order = self.order + 0
        noise = np.argsort(np.arange(len(order)) + g.uniform(0, 400, len(order)))
        groups = np.array_split(order[noise], max(1, len(order) // BATCH))
        g.shuffle(groups)
        yield from groups


def area(score: np.ndarray, target: np.ndarray) -> float:
    """The area under the curve of hits against false alarms."""
    rank = np.empty(len(score))
    rank[np.argsort(score)] = np.arange(len(score))
    n = target.sum()
    return float((rank[target].sum() - n * (n - 1) / 2) / max(1, n * (~target).sum()))


def answers(model, clips: Clips) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For each number of rows behind an end of speech the model's logits and what is true."""
    model.eval()
    found = {after: ([], []) for after in (4, 6, 10, 16)}
    with torch.no_grad():
        for at in range(0, len(clips.clips), 64):
            picks = clips.order[at: at + 64]
            out = model(clips.batch(picks)[0]).numpy()
            for row, i in zip(out, picks):
                _, t, s, _ = clips.clips[i]
                for after, (score, truth) in found.items():
                    for k in np.flatnonzero((s[:LONGEST] == after) & (t[:LONGEST] >= 0)):
                        score.append(row[k]), truth.append(t[k] == 1)
    model.train()
    return {after: (np.array(score), np.array(truth)) for after, (score, truth) in found.items()}


def report(model, clips: Clips) -> str:
    out = []
    for after, (score, truth) in answers(model, clips).items():
        p = 1 / (1 + np.exp(-score))
        loss = -np.mean(np.where(truth, np.log(p + 1e-9), np.log(1 - p + 1e-9)))
        limit = np.quantile(score[~truth], 0.9)
        out.append(f"{after * 32} ms: area {area(score, truth):.4f} loss {loss:.3f} hits at 10 % {np.mean(score[truth] > limit):.3f}")
    return "; ".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", choices=VARIANTS, default="single")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="more help little")
    parser.add_argument("--without", choices=["nothing", "pitch"], default="nothing", help="for comparison")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    g = np.random.default_rng(args.seed)
    clips, held = Clips(args.rows, False), Clips(args.rows, True, {0})
    model = VARIANTS[args.variant]()
    sample = np.concatenate([clips.clips[i][0] for i in g.choice(len(clips.clips), min(400, len(clips.clips)))]).astype(np.float32)
    model.mean.copy_(torch.from_numpy(sample.mean(0)))
    model.scale.copy_(torch.from_numpy(1 / (sample.std(0) + 1e-3)))
    if args.without == "pitch":
        model.scale[64:] = 0
    print(f"{args.variant}: {sum(p.numel() for p in model.parameters())} parameters, {len(clips.clips)} clips, "
          f"{len(held.clips)} for choosing", flush=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    start, step, total = time.process_time(), 0, []
    while step < args.steps:
        for picks in clips.batches(g):
            if step == args.steps:
                break
            decay = 0.5 + 0.5 * math.cos(math.pi * step / args.steps)
            optimiser.param_groups[0]["lr"] = args.rate * min(1, step / 60 + 0.02) * decay + 1e-5
            rows, target, weight = clips.batch(picks)
            rows[..., :64] += torch.randn(len(rows), 1, 1) * 0.2 + torch.randn(len(rows), 1, 64) * 0.15  # level, timbre
            loss = (torch.nn.functional.binary_cross_entropy_with_logits(model(rows), target, reduction="none") * weight).sum()
            loss = loss / weight.sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            total.append(float(loss.detach()))
            if step % 250 == 0:
                print(f"{time.process_time() - start:.0f} s, step {step}: loss {np.mean(total):.4f}; {report(model, held)}", flush=True)
                total = []
    eight_bits(model)
    print(f"{step} steps, 8 bits: {report(model, held)}", flush=True)
    torch.save({"variant": args.variant, "state": model.state_dict()}, args.out)


if __name__ == "__main__":
    main()

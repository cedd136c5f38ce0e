#!/usr/bin/env python3
"""Measure llama.cpp and hark in turns, and print medians and ratios.

Each round runs every program once. Rounds are added to the file of results, one a line, so a long
measurement can be cut into several calls; the table is of all rounds in the file.
"""
from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
from pathlib import Path

PROMPT, ANSWER, BATCH = 512, 64, 8


def lines(command: list[object]) -> list[dict]:
    """Run a command and decode the JSON lines that it prints."""
    done = subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def llama(o: argparse.Namespace, kind: str) -> dict[str, float]:
    """Tokens a second of llama.cpp."""
    model = o.cache / f"{o.name}-{kind}.gguf"
    rows = lines([*o.wrap, o.cache / "build/bin/llama-bench", "-m", model, "-t", o.threads, "-p", PROMPT, "-n", ANSWER, "-r", 2, "-o", "jsonl"])
    found = {"prefill" if row["n_prompt"] else "decode": row["avg_ts"] for row in rows}
    (batch,) = lines([*o.wrap, o.cache / "build/bin/llama-batched-bench", "-m", model, "-t", o.threads, "-tb", o.threads, "-c", 2048,
                      "-npp", ANSWER // 2, "-ntg", 16, "-npl", BATCH, "--output-format", "jsonl"])
    return found | {"batch": batch["speed_tg"]}


def hark(o: argparse.Namespace, group: str, *flags: str) -> dict[str, float]:
    """Tokens a second of hark, and of one sequence's decoding the share of the memory roof."""
    base = ["--model", o.cache / f"{o.name}-g{group}", "--threads", o.threads, "--seconds", o.seconds, "--json", *flags]
    bench = [*o.wrap, o.cache / "hark", "bench"]
    one, batch = lines([*bench, "decode", "--positions", ANSWER // 2, "--batches", f"1,{BATCH}", *base])
    (prefill,) = lines([*bench, "prefill", "--tokens", PROMPT, *base])
    return {"decode": one["rate"], "prefill": prefill["rate"], "batch": batch["rate"], "share": one["memory_share"], "roof": one["roof_gb_per_s"]}


def programs(o: argparse.Namespace):
    """What takes turns: pairs that read the same number of bytes a token."""
    for kind, group in (("q4_1", "32"), ("q4_0", "64")):
        if (o.cache / f"{o.name}-{kind}.gguf").exists() and (o.cache / f"{o.name}-g{group}").exists():
            yield f"llama.cpp {kind.upper()}", lambda kind=kind: llama(o, kind)
            yield f"hark --rounded, groups of {group}", lambda group=group: hark(o, group, "--rounded")
            yield f"hark --exact, groups of {group}", lambda group=group: hark(o, group, "--exact")


def table(rounds: list[dict]) -> None:
    """Print medians, and of hark the median ratio to the llama.cpp above it in the same round."""
    print(f"{len(rounds)} rounds, tokens a second, in brackets times llama.cpp of the same round")
    print(f"| program | prompt of {PROMPT} | one sequence | {BATCH} sequences | memory roof | share of it |\n|---|---|---|---|---|---|")
    beside = ""
    for name in rounds[0]:
        cells = []
        for key in ("prefill", "decode", "batch"):
            cell = f"{statistics.median(r[name][key] for r in rounds):.0f}"
            if name.startswith("llama"):
                beside = name
            else:
                cell += f" ({statistics.median(r[name][key] / r[beside][key] for r in rounds):.2f})"
            cells.append(cell)
        more = " | | |"
        if not name.startswith("llama"):
            roof, share = (statistics.median(r[name][key] for r in rounds) for key in ("roof", "share"))
            more = f" | {roof:.1f} GB/s | {share:.2f} |"
        print("| " + " | ".join([name, *cells]) + more)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--cache", type=Path, required=True)
    flags.add_argument("--name", required=True, help="of the model, as its files in the cache begin")
    flags.add_argument("--threads", type=int, required=True)
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--seconds", type=float, default=0.7, help="of each row of hark")
    flags.add_argument("--results", type=Path, help="file of rounds, by default in the cache")
    flags.add_argument("--wrap", type=shlex.split, default=[], help="a command before each measurement")
    o = flags.parse_args()
    results = o.results or o.cache / f"{o.name}.jsonl"
    for _ in range(o.rounds):
        seen = {name: run() for name, run in programs(o)}
        with results.open("a") as f:
            f.write(json.dumps(seen) + "\n")
    table([json.loads(line) for line in results.read_text().splitlines()])


if __name__ == "__main__":
    main()

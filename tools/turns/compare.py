"""The tables of docs/turn-taking.md: `python -m compare WORK` hears WORK/clips.

hark's part is its own Go code (judge); smart-turn v3.2 hears the same clips.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import wave
from pathlib import Path

import numpy as np

from rival import RATE, SmartTurn, smart_ends

ROOT = Path(__file__).resolve().parents[2]
ORDER = ["server 300", "server 500", "server 800", "smart-turn v3.2", "semantic low", "semantic medium", "semantic high"]


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as w:
        return np.frombuffer(w.readframes(w.getnframes()), np.int16).astype(np.float32) / 32768


def judged(folder: Path, index: list[dict]) -> list[dict]:
    """What hark did in each clip."""
    command = ["go", "run", "./tools/turns/judge", "-frames", *[str(folder / t["file"]) for t in index]]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def stops(verdict: dict) -> dict[str, list[int]]:
    return {mode: [e["at"] for e in edges if e["edge"] == "stopped"] for mode, edges in verdict["modes"].items()}


class Count:
    """What one mode did."""

    def __init__(self):
        self.turns = self.cut = self.false = self.missed = 0
        self.delays: list[float] = []
        self.whole: list[float] = []  # of turns without a pause

    def add(self, turn: dict, stopped: list[int]) -> None:
        over = turn["ends"][-1]
        early = [at for at in stopped if at < over]
        late = [at for at in stopped if at >= over]
        self.turns += 1
        self.cut += bool(early)
        self.false += len(early)
        if late:
            self.delays.append((late[0] - over) / RATE * 1000)
            self.whole += self.delays[-1:] * (len(turn["ends"]) == 1)
        else:
            self.missed += 1

    def row(self) -> list[str]:
        d = self.delays or [0.0]
        return [str(self.turns), f"{self.cut} ({100 * self.cut / max(1, self.turns):.0f} %)", str(self.false),
                *[f"{np.quantile(d, q):.0f}" for q in (0.5, 0.9)], f"{np.mean(d):.0f}",
                *[f"{np.quantile(self.whole or d, q):.0f}" for q in (0.5, 0.9)]]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


def area(finished: list[float], waiting: list[float]) -> float:
    """How often a finished turn scores above an unfinished one."""
    a, b = np.array(finished)[:, None], np.array(waiting)[None]
    return float(((a > b) + 0.5 * (a == b)).mean())


def guesses(index: list[dict], told: list[dict]) -> str:
    """The likely ends, at which a session begins to answer in silence."""
    rows = []
    for mode in ORDER:
        likely = vain = 0
        lead = []
        for turn, verdict in zip(index, told):
            begun = 0
            for e in verdict["modes"].get(mode, []):
                likely += e["edge"] == "likely"
                vain += e["edge"] == "resumed"
                if e["edge"] == "likely":
                    begun = e["at"]
                elif e["edge"] == "stopped" and e["at"] >= turn["ends"][-1] and begun:
                    lead.append((e["at"] - begun) / RATE * 1000)
        if lead:
            rows.append([mode, str(likely), str(vain), *[f"{np.quantile(lead, q):.0f}" for q in (0.1, 0.5)]])
    return table(["mode", "likely ends", "taken back", "ahead of the end, ms: 1 of 10", "median"], rows)


def estimates(index: list[dict], told: list[dict], clips: list[np.ndarray], smart: SmartTurn) -> str:
    """Both estimates 200 ms behind the end of every piece, whatever the silence was found to be."""
    found: dict[tuple[str, str], tuple[list, list]] = {}
    for turn, verdict, samples in zip(index, told, clips):
        for i, end in enumerate(turn["ends"]):
            over = i + 1 == len(turn["ends"])
            if not over and (turn["starts"][i + 1] - end < 0.25 * RATE or turn["kind"] == "two"):
                continue
            frame = (end + RATE // 5) // 512
            said = smart.finished(samples[max(0, turn["starts"][0] - RATE // 2): 512 * (frame + 1)])
            for group in ("all", source(turn)):
                found.setdefault((group, "audio/endpoint"), ([], []))[not over].append(verdict["finished"][frame])
                found.setdefault((group, "smart-turn v3.2"), ([], []))[not over].append(said)
    rows = []
    for (group, name), (finished, waiting) in sorted(found.items()):
        right = (np.array(finished) > 0.5).mean(), (np.array(waiting) <= 0.5).mean()
        rows.append([name, group, f"{len(finished)}, {len(waiting)}", f"{area(finished, waiting):.3f}", *[f"{100 * v:.0f} %" for v in right]])
    return table(["estimate, 200 ms into a pause", "clips", "finished, unfinished", "area under the curve",
                  "finished, above 0.5", "unfinished, below"], rows)


def source(turn: dict) -> str:
    return turn["voice"].split(":")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    folder = args.work / "clips"
    index = json.loads((folder / "index.json").read_text())
    told, smart = judged(folder, index), SmartTurn(args.work)
    clips = [read(folder / t["file"]) for t in index]
    every = []
    for turn, verdict, samples in zip(index, told, clips):
        every.append(stops(verdict) | {"smart-turn v3.2": smart_ends(verdict["speech"], samples, smart)})
    counts: dict[tuple[str, str], Count] = {}
    for turn, found in zip(index, every):
        for mode, stopped in found.items():
            for group in ("all", "kind: " + turn["kind"], "condition: " + turn["condition"], "speaker: " + source(turn)):
                counts.setdefault((group, mode), Count()).add(turn, stopped)
    head = ["mode", "turns", "turns cut off", "false ends", "delay, ms: median", "9 of 10", "mean",
            "without a pause: median", "9 of 10"]
    print(table(head, [[mode, *counts["all", mode].row()] for mode in ORDER]), "\n")
    groups = sorted({g for g, _ in counts} - {"all"})
    sides = ["server 500", "smart-turn v3.2", "semantic medium"]
    rows = []
    for g in groups:
        row = [g, str(counts[g, sides[0]].turns)]
        for m in sides:
            c = counts[g, m]
            row.append(f"{c.false}, {np.median(c.delays or [0]):.0f} ms")
        rows.append(row)
    print(table(["", "turns", *[f"{m}: false ends, median delay" for m in sides]], rows), "\n")
    print(guesses(index, told), "\n")
    print(estimates(index, told, clips, smart))
    smart.keep()
    (args.work / "verdicts.json").write_text(json.dumps({"index": index, "told": told, "stops": every}))


if __name__ == "__main__":
    main()

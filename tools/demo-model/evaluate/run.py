"""Evaluate a checkpoint: `python -m evaluate.run WORK CHECKPOINT --n 100 --out table.md`.

Checks first that training and evaluation are disjoint (splits). Writes a table, and every case that went wrong into
a .json beside it. Finished kinds are kept there: a run that was broken off goes on where it was.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import splits

from .ask import Case, Hark, Model, word_errors
from .cases import Cases

SHOWN_WRONG = 25


def score(case: Case, got: str) -> tuple[bool, int, int]:
    """Right, word errors, words."""
    wrong, words = word_errors(got, case.want)
    return (got == case.want if case.exact else wrong == 0), wrong, words


def measure(model, cases) -> dict:
    """One row of the table."""
    right = count = errors = words = 0
    wrong = []
    started = time.time()
    exact = True
    for case in cases:
        got = model.answer(case)
        ok, e, w = score(case, got)
        exact, right, count, errors, words = case.exact, right + ok, count + 1, errors + e, words + w
        if not ok:
            wrong.append(dict(note=case.note, want=case.want, got=got))
    return dict(right=right, n=count, word_error_rate=None if exact else round(errors / max(1, words), 3),
                seconds=round(time.time() - started, 1), wrong=wrong[:SHOWN_WRONG])


def table(rows: dict[str, dict]) -> str:
    """Markdown."""
    lines = ["| what | right | of | word error rate |", "|---|---|---|---|"]
    for name, row in rows.items():
        rate = "" if row["word_error_rate"] is None else f"{row['word_error_rate']:.2f}"
        lines.append(f"| {name} | {row['right']} | {row['n']} | {rate} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=100, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=4242)
    parser.add_argument("--only", default="", help="kinds whose name contains one of these, separated by |")
    parser.add_argument("--out", type=Path, default=Path("table.md"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hark", action="store_true", help="ask hark's engine (needs Go) instead of transformers")
    parser.add_argument("--free", action="store_true", help="with --hark: tool calls are not kept within their declarations")
    parser.add_argument("--rounded", action="store_true", help="with --hark: activations in 8 bits too")
    args = parser.parse_args()
    shared = splits.overlaps(args.work / "assets")
    if shared:
        sys.exit(f"in training and in evaluation: {shared[:5]}")
    kept = args.out.with_suffix(".json")
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    wanted = args.only.split("|")
    model = Hark(args.checkpoint, args.free, args.rounded) if args.hark else Model(args.checkpoint, args.threads)
    kinds = Cases(args.work, args.n, args.seed).all()
    order = list(kinds)
    for name, make in kinds.items():
        if name in rows or not any(w in name for w in wanted):
            continue
        rows[name] = measure(model, make(name))
        rows = {n: rows[n] for n in order if n in rows}
        print(f"{name}: {rows[name]['right']} of {rows[name]['n']}, {rows[name]['seconds']} s", flush=True)
        kept.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
        args.out.write_text(table(rows))


if __name__ == "__main__":
    main()

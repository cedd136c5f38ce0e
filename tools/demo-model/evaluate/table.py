"""Tables of several checkpoints side by side: `python -m evaluate.table "8 bits=a.json" "bf16=b.json"` prints Markdown.

The files are those that evaluate.run keeps beside its tables.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path


def cell(row: dict | None) -> str:
    """"45 of 100, 0.29": right, cases, word error rate."""
    if row is None:
        return ""
    rate = "" if row["word_error_rate"] is None else f", {row['word_error_rate']:.2f}"
    return f"{row['right']} of {row['n']}{rate}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("columns", nargs="+", help="NAME=FILE")
    args = parser.parse_args()
    names = [c.partition("=")[0] for c in args.columns]
    files = [json.loads(Path(c.partition("=")[2]).read_text()) for c in args.columns]
    kinds = list(dict.fromkeys(k for f in files for k in f))
    print("| what | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for kind in kinds:
        print(f"| {kind} | " + " | ".join(cell(f.get(kind)) for f in files) + " |")


if __name__ == "__main__":
    main()

"""All benchmarks, each in a process of its own: ``python -m benchmarks [name ...]``.

A benchmark is a script here that prints its figures and writes ``results/<name>.json`` with ``within_bound``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# Scripts that a benchmark starts or imports, and that measure nothing themselves.
HELPERS = frozenset(
    {
        "__init__",
        "__main__",
        "alarm_rules",
        "fleet",
        "generate",
        "job",
        "nannyml_estimates",
        "place",
        "plain",
        "tables",
    }
)


def main() -> None:
    """Run the named benchmarks, or all; print a table, write it as JSON, fail where a bound is missed."""
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in HELPERS)
    chosen = sys.argv[1:] or known
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(known)}.")
    documents = {name: _run(name) for name in chosen}
    print(f"\n{'benchmark':<28}{'seconds':>9}   outcome")
    for name, document in documents.items():
        print(f"{name:<28}{document['took']:>9.1f}   {_outcome(document)}")
    target = RESULTS / "bench.json"
    target.write_text(json.dumps(documents, indent=1) + "\n")
    print(f"\nAll figures: {target.relative_to(HERE.parent)}")
    if any(document["within_bound"] is False for document in documents.values()):
        sys.exit(1)


def _run(name: str) -> dict[str, object]:
    """Run one benchmark and read what it wrote; ``within_bound`` is False where it failed."""
    print(f"\n--- {name}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    target.unlink(missing_ok=True)
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, check=False)
    document = json.loads(target.read_text()) if target.exists() else {}
    failed = {"within_bound": False, "exit_code": done.returncode} if done.returncode else {}
    return {"within_bound": None, **document, **failed, "took": time.perf_counter() - begun}


def _outcome(document: dict[str, object]) -> str:
    if "exit_code" in document:
        return f"failed with exit code {document['exit_code']}"
    if document["within_bound"] is None:
        return "no bound"
    return "within its bound" if document["within_bound"] else "misses its bound"


if __name__ == "__main__":
    main()

"""Checks distributions that Millrace's sampler made against the samplers' definitions, in float64.

    python samplers.py FOLDER

FOLDER holds cases.jsonl, one case a line (parameters, tokens in front, ids forbidden and allowed), and
logits.bin and probabilities.bin: float32 and float64 numbers, row after row, `vocabulary` in each.

The kept set must be that of the definition, but for ids within 1e-6 of a threshold; probabilities must
lie within 1e-5.
"""

import json
import sys
from pathlib import Path

import numpy as np

THRESHOLD = 1e-6
PROBABILITY = 1e-5


def processed(logits, case):
    """Bias, then the penalties of CTRL (repetition) and of OpenAI's API, then what is not allowed."""
    x = logits.astype(np.float64)
    for token, bias in case["bias"].items():
        x[int(token)] += bias
    window = case["window"] or len(case["tokens"])
    first = max(0, len(case["tokens"]) - window)
    seen = np.array(case["tokens"][first:], dtype=np.int64)
    made = np.array(case["tokens"][max(first, case["prompt"]):], dtype=np.int64)
    repeated = np.unique(seen)
    r = case["repetition"]
    x[repeated] = np.where(x[repeated] > 0, x[repeated] / r, x[repeated] * r)
    counts = np.bincount(made, minlength=len(x))
    x -= counts * case["frequency"] + (counts > 0) * case["presence"]
    x[case["forbidden"]] = -np.inf
    if case["allowed"] is not None:
        allowed = np.zeros(len(x), dtype=bool)
        allowed[case["allowed"]] = True
        x[~allowed] = -np.inf
    return x


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


def kept(x, case, slack):
    """Which ids are drawn from; with slack above 0 a little more, below 0 a little less."""
    p = softmax(x / case["temperature"])
    order = np.argsort(-x, kind="stable")  # equal ones by id
    order = order[x[order] > -np.inf]
    if case["top_k"] and case["top_k"] < len(order):
        last = x[order[case["top_k"] - 1]]
        near = np.abs(x[order] - last) <= abs(slack) * max(1, abs(last))
        kept_ones = np.arange(len(order)) < case["top_k"]
        order = order[(kept_ones | near) if slack > 0 else (kept_ones & ~near) if slack < 0 else kept_ones]
        order = order if len(order) else np.argsort(-x, kind="stable")[:1]
    p = p / p[order].sum()
    if case["top_p"] < 1:
        before = np.cumsum(p[order]) - p[order]
        order = order[before < case["top_p"] + slack]
    if case["min_p"] > 0:
        order = order[p[order] / p[order[0]] >= case["min_p"] - slack]
    return order[:1] if len(order) == 0 else order


def check(case, logits, actual):
    x = processed(logits, case)
    exact, least, most = (set(kept(x, case, slack)) for slack in (0, -THRESHOLD, THRESHOLD))
    own = set(np.flatnonzero(actual))
    reachable = {i for i in least if softmax(x / case["temperature"])[i] > 1e-30}
    assert reachable <= own <= most, f"kept {sorted(own)}, defined {sorted(exact)}"
    expected = np.zeros(len(x))
    ids = sorted(own)
    expected[ids] = softmax(x[ids] / case["temperature"])
    worst = np.abs(expected - actual).max()
    assert worst <= PROBABILITY, f"a probability is {worst} off"
    return own == exact or own == {i for i in exact if actual[i] > 0}, worst


def main(folder):
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    logits = np.fromfile(folder / "logits.bin", dtype=np.float32)
    actual = np.fromfile(folder / "probabilities.bin", dtype=np.float64)
    at = 0
    same = 0
    worst = 0.0
    for number, case in enumerate(cases):
        n = case["vocabulary"]
        try:
            exactly, off = check(case, logits[at : at + n], actual[at : at + n])
        except AssertionError as e:
            sys.exit(f"case {number}, {case}: {e}")
        same += exactly
        worst = max(worst, off)
        at += n
    assert at == len(logits) == len(actual)
    print(f"{len(cases)} rows, {same} with exactly the set defined; probabilities within {worst:.1e}")
    if same < 0.99 * len(cases):
        sys.exit("too many at thresholds")


main(Path(sys.argv[1]))

#!/usr/bin/env python3
"""Speed of Millrace beside llama.cpp and OpenVINO GenAI, alternating in one run on one machine.

  compare_speed.py LLAMA MODEL... [--isa avx2] [--threads 1,2] [--rounds 5] [--batch 1,8,32] [--prompt 512] [--context 128]
      [--activations int8,int16] [--openvino PYTHON] [--openvino-f32] [--serve] [--json F] [--millrace PROGRAM] [--millrace-flag=--kernels=vector ...]

LLAMA is a folder of llama.cpp's programs, built natively (for --isa avx2, built for AVX2 alone). MODEL is a GGUF file, or
what `./millrace models export` knows (synthetic:tinyllama-1.1b:Q4_0), which is then exported for the others. PYTHON is one
that has the package openvino-genai. PROGRAM is another build's millrace.

Each round measures, one after the other: ours, for each kind of activations; llama-bench (prefill) and llama-batched-bench
(decoding from a context on, which its sequences share); OpenVINO GenAI (prefill of the same length; decoding from the
prompt's end on, batches from 16 tokens on). All measure the network alone. Ours and OpenVINO are loaded and warmed up once,
and wait without computing while it is another's turn. With --serve, ./millrace serve is decoded from by ./millrace bench as
well: end to end, client and gRPC on the same cores, which the others' figures have nothing of.

--isa avx2 has ours emit AVX2 alone, and limits OpenVINO to it: oneDNN by its environment, and what it chooses by what the
CPU has (bfloat16, rounding activations for VNNI) by its properties. --openvino-f32 has it multiply in float32, as we do with
F16, in place of the bfloat16 that it takes where the CPU has it.

Prints medians over the rounds in tokens per second, and, for each of ours, the median of the rounds' ratios to each peer:
"1.2 of 1.3" is one that is below its floor.

The comparisons of the documentation; a format, one number of threads, five rounds take one to two minutes:

  compare_speed.py LLAMA SmolLM2-135M-Instruct.{Q4_1,Q4_0,Q8_0,F16}.gguf --openvino PYTHON
  compare_speed.py LLAMA_AVX2 SmolLM2-135M-Instruct.{Q4_1,Q4_0,Q8_0,F16}.gguf --openvino PYTHON --isa avx2
  compare_speed.py LLAMA synthetic:tinyllama-1.1b:Q4_0 synthetic:llama-3.2-1b:Q4_0
  compare_speed.py LLAMA synthetic:llama-2-7b:Q4_0 synthetic:llama-3-8b:Q4_0 --batch 1 --prompt 0 --threads 2 --activations int8
  compare_speed.py LLAMA SmolLM2-135M-Instruct.Q4_1.gguf --batch 1 --prompt 0 --context 4000
"""

import argparse
import json
import os
import pathlib
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEW_TOKENS = 64  # of one sequence
BATCH_NEW_TOKENS = 16  # of each of several
REPETITIONS = 3
START_SECONDS = 300
PREFILL = "prefill"
LLAMA, OPENVINO, SERVE = "llama.cpp", "openvino", "millrace serve"

# Where OpenVINO has only AVX2.
OPENVINO_AVX2_ENVIRONMENT = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
OPENVINO_F32 = {"INFERENCE_PRECISION_HINT": "f32"}
OPENVINO_AVX2_PROPERTIES = {**OPENVINO_F32, "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}

# What ours must reach of llama.cpp: ISA, format, phase ("decode" is of one, "batch" of several), for int8 and int16.
FLOORS = {
    "avx2": {
        "Q4_1": {"prefill": (3, 2), "decode": (1.3, 1.3), "batch": (3, 3)},
        "Q4_0": {"prefill": (2, 1.2), "decode": (1.2, 1.2), "batch": (1.8, 1.8)},
    },
    "avx512": {
        "Q4_1": {"prefill": (3, 2), "decode": (1.35, 1.35), "batch": (3, 3)},
        "Q4_0": {"prefill": (1.5, 1.1), "decode": (1.15, 1.15), "batch": (1.5, 1.5)},
    },
}
COMMON_FLOORS = {
    "Q8_0": {"prefill": (1.3, 1.3), "decode": (1.1, 1.1), "batch": (1.1, 1.1)},
    "F16": {"prefill": (1, 1), "decode": (1, 1), "batch": (1, 1)},
    "BF16": {"prefill": (1, 1), "decode": (1, 1), "batch": (1, 1)},
}
# Of OpenVINO, for int8.
OPENVINO_FLOORS = {"avx2": {"prefill": 1, "decode": 1, "batch": 1}, "avx512": {"prefill": 1, "decode": 1.5, "batch": 1}}


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def decode(batch):
    return f"decode {batch}"


def floor(model, isa, name, peer, row):
    """Of a ratio; none where nothing is said."""
    if name == SERVE:
        return None
    phase = row if row == PREFILL else "decode" if row == decode(1) else "batch"
    if peer == OPENVINO:
        return None if name.endswith("int16") else OPENVINO_FLOORS[isa][phase]
    form = re.search(r"BF16|F16|Q\d_\d|Q\d_K", model)
    floors = {**COMMON_FLOORS, **FLOORS[isa]}.get(form[0]) if form else None
    return floors and floors[phase][name.endswith("int16")]


class Worker:
    """A process that measures once when it starts, and once more for each line that it gets: each time a line of JSON."""

    def __init__(self, *command, environment=None):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, **(environment or {})})
        self.begun = False

    def measure(self):
        """Empty where the process has ended: it can't read the model."""
        try:
            if self.begun:
                self.process.stdin.write("\n")
                self.process.stdin.flush()
        except BrokenPipeError:
            return {}
        self.begun = True
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Step:
    """Ours, without a server."""

    def __init__(self, model, threads, activations, arguments):
        self.worker = Worker(
            arguments.millrace, "bench-step", "--model", model, "--threads", threads, "--activations", activations,
            "--batch", ",".join(map(str, arguments.batch)), "--prompt", arguments.prompt, "--context", arguments.context,
            "--repetitions", REPETITIONS, "--again", "--json", "-", *arguments.millrace_flag)

    def measure(self):
        """Speeds by row, and parts of the memory peak alike."""
        report = self.worker.measure()
        if not report:
            raise SystemExit("bench-step fails")
        rows = {PREFILL if r["phase"] == PREFILL else decode(r["batch"]): r for r in report["results"]}
        return {name: r["tokens_per_second"] for name, r in rows.items()}, {
            name: r.get("of_memory_peak") for name, r in rows.items()}

    def close(self):
        self.worker.close()


def llama(folder, model, threads, arguments):
    speeds = {}
    if arguments.prompt:
        rows = json.loads(run(f"{folder}/llama-bench", "-m", model, "-t", threads, "-p", arguments.prompt, "-n", 0, "-r", 1, "-o", "json"))
        speeds[PREFILL] = rows[0]["avg_ts"]
    for batches, new in ([b for b in arguments.batch if b == 1], NEW_TOKENS), ([b for b in arguments.batch if b > 1], BATCH_NEW_TOKENS):
        if not batches:
            continue
        out = run(
            f"{folder}/llama-batched-bench", "-m", model, "-t", threads, "-npp", arguments.context, "-ntg", new, "-pps",
            "-npl", ",".join(map(str, batches)), "-c", max(batches) * (arguments.context + new), "--output-format", "jsonl")
        for line in out.splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                speeds[decode(row["pl"])] = row["speed_tg"]
    return speeds


def openvino(model, threads, arguments):
    avx2 = arguments.isa == "avx2"
    properties = OPENVINO_AVX2_PROPERTIES if avx2 else OPENVINO_F32 if arguments.openvino_f32 else {}
    return Worker(
        arguments.openvino, __file__, "--openvino-worker", model, threads, json.dumps(properties),
        arguments.prompt, *arguments.batch, environment=OPENVINO_AVX2_ENVIRONMENT if avx2 else {})


def openvino_worker(model, threads, properties, prompt, *batches):
    import numpy
    import openvino
    import openvino_genai as genai

    prompt, batches = int(prompt), [int(batch) for batch in batches]
    properties = {"INFERENCE_NUM_THREADS": int(threads), **json.loads(properties)}
    random = numpy.random.default_rng(time.time_ns())  # no prompt twice: no prefix cache
    pipeline = genai.LLMPipeline(model, "CPU", **properties)
    if any(batch > 1 for batch in batches):
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = 2  # GiB
        scheduler.max_num_seqs = max(batches)
        scheduler.max_num_batched_tokens = 2048
        scheduler.enable_prefix_caching = False
        batched = genai.ContinuousBatchingPipeline(model, scheduler, "CPU", properties)

    def ids(count):
        return random.integers(100, 10_000, (1, count), dtype=numpy.int64)

    def config(count):
        return genai.GenerationConfig(max_new_tokens=count, ignore_eos=True, do_sample=False)

    def alone(tokens, new):
        prompt_ids = ids(tokens)
        inputs = genai.TokenizedInputs(openvino.Tensor(prompt_ids), openvino.Tensor(numpy.ones_like(prompt_ids)))
        return pipeline.generate(inputs, config(new)).perf_metrics

    def seconds(batch, new):
        prompts = [openvino.Tensor(ids(16)) for _ in range(batch)]
        begun = time.perf_counter()
        batched.generate(prompts, [config(new)] * batch)
        return time.perf_counter() - begun

    length = prompt or 128
    alone(length, 8)
    for batch in batches:
        if batch > 1:
            seconds(batch, 4)
    while True:
        metrics = [alone(length, NEW_TOKENS) for _ in range(REPETITIONS)]
        speeds = {decode(1): statistics.median(1000 / m.get_tpot().mean for m in metrics)}
        if prompt:
            speeds[PREFILL] = statistics.median(1000 * length / m.get_ttft().mean for m in metrics)
        for batch in batches:
            if batch > 1:
                took = seconds(batch, 4 + BATCH_NEW_TOKENS) - seconds(batch, 4)
                speeds[decode(batch)] = batch * BATCH_NEW_TOKENS / took
        print(json.dumps(speeds), flush=True)
        if not sys.stdin.readline():
            return


class Server:
    """./millrace serve, for decoding end to end."""

    def __init__(self, model, threads, arguments):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.target = f"127.0.0.1:{s.getsockname()[1]}"
        self.millrace = arguments.millrace
        command = [
            self.millrace, "serve", "--model", model, "--port", self.target.split(":")[1], "--threads", str(threads),
            *arguments.millrace_flag]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while subprocess.run([self.millrace, "health", "--target", self.target], capture_output=True).returncode:
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit("the server doesn't come up")
            time.sleep(0.5)

    def measure(self, arguments):
        speeds = {}
        for batch in arguments.batch:
            report = json.loads(run(
                self.millrace, "bench", "--target", self.target, "--streams", batch, "--requests", 2 * batch + 2,
                "--prompt-tokens", 16, "--max-tokens", 128, "--json", "-"))
            speeds[decode(batch)] = report["tokens_per_second"]
        return speeds

    def close(self):
        self.process.terminate()
        self.process.wait()


def compare(model, threads, arguments):
    """Speeds by contender, by row, by round; and parts of the memory peak alike."""
    speeds, memory = {}, {}
    plain = re.search(r"F16|F32", model)  # whose activations aren't rounded
    ours = {f"millrace {kind}": Step(model, threads, kind, arguments) for kind in arguments.activations[: 1 if plain else None]}
    server = Server(model, threads, arguments) if arguments.serve else None
    other = openvino(model, threads, arguments) if arguments.openvino else None
    try:
        for _ in range(arguments.rounds):
            for name, step in ours.items():
                measured, shares = step.measure()
                speeds.setdefault(name, []).append(measured)
                memory.setdefault(name, []).append(shares)
            speeds.setdefault(LLAMA, []).append(llama(arguments.llama, model, threads, arguments))
            if other:
                speeds.setdefault(OPENVINO, []).append(other.measure())
            if server:
                speeds.setdefault(SERVE, []).append(server.measure(arguments))
    finally:
        for each in [*ours.values(), server, other]:
            if each:
                each.close()
    return speeds, memory


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def show(value, form):
    return "-" if value is None else form.format(value)


def report(model, threads, speeds, memory, arguments):
    rows = ([PREFILL] if arguments.prompt else []) + [decode(batch) for batch in arguments.batch]
    peers = [name for name in speeds if not name.startswith("millrace")]
    ours = [name for name in speeds if name.startswith("millrace")]
    print(f"\n{model}, {threads} thread{'s' if threads > 1 else ''}, medians of {arguments.rounds} rounds, tokens/s")
    headings = [*speeds, *(f"{name[9:]}/{peer}" for name in ours for peer in peers), *(f"{name[9:]} GB/s of peak" for name in memory)]
    print("| |", " | ".join(headings), "|\n|---|" + "---|" * len(headings))
    result = []
    for row in rows:
        cells, ratios = [], {}
        for name in speeds:
            cells.append(show(median(r.get(row) for r in speeds[name]), "{:,.0f}"))
        for name in ours:
            for peer in peers:
                pairs = [(a.get(row), b.get(row)) for a, b in zip(speeds[name], speeds[peer])]
                ratio = median(a / b for a, b in pairs if a and b)
                ratios[f"{name} / {peer}"] = ratio
                least = floor(model, arguments.isa, name, peer, row)
                cells.append(show(ratio, "{:.2f}" if not least or not ratio or ratio >= least else f"**{{:.2f}} of {least}**"))
        for name in memory:
            cells.append(show(median(r.get(row) for r in memory[name]), "{:.0%}"))
        print(f"| {row} |", " | ".join(cells), "|", flush=True)
        result.append({"model": model, "threads": threads, "row": row, "ratios": ratios, "tokens_per_second": {
            name: [r.get(row) for r in speeds[name]] for name in speeds}})
    return result


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def numbers(text):
    return [int(number) for number in text.split(",")]


def main():
    if sys.argv[1:2] == ["--openvino-worker"]:
        openvino_worker(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=numbers, default=[1, 8, 32])
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--activations", type=lambda text: text.split(","), default=["int8", "int16"])
    parser.add_argument("--isa", choices=["avx2", "avx512"], default="avx512")
    parser.add_argument("--millrace", default=ROOT / "millrace")
    parser.add_argument("--millrace-flag", action="append", default=[])
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--openvino-f32", action="store_true")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.isa == "avx2":
        arguments.millrace_flag.append("--isa=avx2")
    print(f"{cpu()}, {arguments.isa}; millrace {' '.join(arguments.millrace_flag)}")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            file = model
            if not model.endswith(".gguf"):
                file = str(pathlib.Path(folder) / (model.replace(":", "-") + ".gguf"))
                run(arguments.millrace, "models", "export", model, file)
            for threads in arguments.threads:
                results += report(model, threads, *compare(file, threads, arguments), arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"cpu": cpu(), "isa": arguments.isa, "flags": arguments.millrace_flag, "results": results}, indent=1))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Speed of Millrace beside llama.cpp and OpenVINO GenAI, alternating in one run on one machine.

  compare_speed.py LLAMA MODEL... [--threads 1,2] [--rounds 5] [--batch 1,8,32] [--prompt 512] [--context 128]
      [--activations int8,int16] [--millrace-flag=--isa=avx2 ...] [--openvino PYTHON] [--serve] [--json F]

LLAMA is a folder of llama.cpp's programs, built natively (for --isa avx2, built for AVX2 alone). MODEL is a GGUF file, or
what `./millrace models export` knows (synthetic:tinyllama-1.1b:Q4_0), which is then exported for the others. PYTHON is one
that has the package openvino-genai.

Each round runs, one after the other: ./millrace bench-step for each kind of activations; llama-bench (prefill) and
llama-batched-bench (decoding from a context on); OpenVINO GenAI (prefill of the same length; decoding from the prompt's end
on, batches from 16 tokens on). All measure the network alone. With --serve, ./millrace serve is decoded from by ./millrace
bench as well: end to end, client and gRPC on the same cores, which the others' figures have nothing of.

Prints medians over the rounds in tokens per second, and, for each of ours, the median of the rounds' ratios to each peer.

The comparisons of the documentation, some minutes each:

  compare_speed.py LLAMA SmolLM2-135M-Instruct.Q4_1.gguf SmolLM2-135M-Instruct.Q4_0.gguf --openvino PYTHON
  compare_speed.py LLAMA SmolLM2-135M-Instruct.Q8_0.gguf SmolLM2-135M-Instruct.F16.gguf --openvino PYTHON
  compare_speed.py LLAMA synthetic:tinyllama-1.1b:Q4_0 synthetic:llama-3.2-1b:Q4_0
  compare_speed.py LLAMA synthetic:llama-2-7b:Q4_0 synthetic:llama-3-8b:Q4_0 --batch 1 --prompt 0 --threads 2
  compare_speed.py LLAMA SmolLM2-135M-Instruct.Q4_1.gguf --batch 1 --prompt 0 --context 4000
"""

import argparse
import json
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MILLRACE = ROOT / "millrace"
NEW_TOKENS = 64
START_SECONDS = 300
PREFILL = "prefill"


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def decode(batch):
    return f"decode {batch}"


def step(model, threads, activations, arguments):
    """Ours, without a server."""
    report = json.loads(run(
        MILLRACE, "bench-step", "--model", model, "--threads", threads, "--activations", activations, "--json", "-",
        "--batch", ",".join(map(str, arguments.batch)), "--prompt", arguments.prompt, "--context", arguments.context,
        *arguments.millrace_flag))
    rows = {PREFILL if r["phase"] == PREFILL else decode(r["batch"]): r for r in report["results"]}
    return {name: r["tokens_per_second"] for name, r in rows.items()}, {
        name: r.get("of_memory_peak") for name, r in rows.items()}


def llama(folder, model, threads, arguments):
    speeds = {}
    if arguments.prompt:
        rows = json.loads(run(f"{folder}/llama-bench", "-m", model, "-t", threads, "-p", arguments.prompt, "-n", 0, "-r", 3, "-o", "json"))
        speeds[PREFILL] = rows[0]["avg_ts"]
    out = run(
        f"{folder}/llama-batched-bench", "-m", model, "-t", threads, "-npp", arguments.context, "-ntg", NEW_TOKENS,
        "-npl", ",".join(map(str, arguments.batch)), "-c", max(arguments.batch) * (arguments.context + NEW_TOKENS),
        "--output-format", "jsonl")
    for line in out.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            speeds[decode(row["pl"])] = row["speed_tg"]
    return speeds


def openvino(python, model, threads, arguments):
    """Empty where it can't read the model."""
    command = [python, __file__, "--openvino-worker", model, threads, arguments.prompt, *arguments.batch]
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(result.stdout.splitlines()[-1]) if result.returncode == 0 else {}


def openvino_worker(model, threads, prompt, *batches):
    import numpy
    import openvino
    import openvino_genai as genai

    threads, prompt, batches = int(threads), int(prompt), [int(batch) for batch in batches]
    random = numpy.random.default_rng(time.time_ns())  # no prompt twice: no prefix cache

    def ids(count):
        return random.integers(100, 10_000, (1, count), dtype=numpy.int64)

    def config(count):
        return genai.GenerationConfig(max_new_tokens=count, ignore_eos=True, do_sample=False)

    speeds = {}
    pipeline = genai.LLMPipeline(model, "CPU", INFERENCE_NUM_THREADS=threads)

    def alone(tokens, new):
        prompt_ids = ids(tokens)
        inputs = genai.TokenizedInputs(openvino.Tensor(prompt_ids), openvino.Tensor(numpy.ones_like(prompt_ids)))
        return pipeline.generate(inputs, config(new)).perf_metrics

    length = prompt or 128
    alone(length, 8)
    metrics = [alone(length, NEW_TOKENS) for _ in range(3)]
    if prompt:
        speeds[PREFILL] = statistics.median(1000 * length / m.get_ttft().mean for m in metrics)
    speeds[decode(1)] = statistics.median(1000 / m.get_tpot().mean for m in metrics)
    del pipeline
    if any(batch > 1 for batch in batches):
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = 2  # GiB
        scheduler.max_num_seqs = max(batches)
        scheduler.max_num_batched_tokens = 2048
        scheduler.enable_prefix_caching = False
        batched = genai.ContinuousBatchingPipeline(model, scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads})

        def seconds(batch, new):
            prompts = [openvino.Tensor(ids(16)) for _ in range(batch)]
            begun = time.perf_counter()
            batched.generate(prompts, [config(new)] * batch)
            return time.perf_counter() - begun

        for batch in batches:
            if batch > 1:
                seconds(batch, 4)
                took = statistics.median(seconds(batch, 4 + NEW_TOKENS) - seconds(batch, 4) for _ in range(3))
                speeds[decode(batch)] = batch * NEW_TOKENS / took
    print(json.dumps(speeds))


class Server:
    """./millrace serve, for decoding end to end."""

    def __init__(self, model, threads, flags):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.target = f"127.0.0.1:{s.getsockname()[1]}"
        command = [MILLRACE, "serve", "--model", model, "--port", self.target.split(":")[1], "--threads", str(threads), *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while subprocess.run([MILLRACE, "health", "--target", self.target], capture_output=True).returncode:
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit("the server doesn't come up")
            time.sleep(0.5)

    def measure(self, arguments):
        speeds = {}
        for batch in arguments.batch:
            report = json.loads(run(
                MILLRACE, "bench", "--target", self.target, "--streams", batch, "--requests", 2 * batch + 2,
                "--prompt-tokens", 16, "--max-tokens", 128, "--json", "-"))
            speeds[decode(batch)] = report["tokens_per_second"]
        return speeds

    def close(self):
        self.process.terminate()
        self.process.wait()


def compare(model, threads, arguments):
    """Speeds by contender, by row, by round; and parts of the memory peak alike."""
    speeds, memory = {}, {}
    server = Server(model, threads, arguments.millrace_flag) if arguments.serve else None
    try:
        for _ in range(arguments.rounds):
            for activations in arguments.activations:
                name = f"millrace {activations}"
                measured, shares = step(model, threads, activations, arguments)
                speeds.setdefault(name, []).append(measured)
                memory.setdefault(name, []).append(shares)
            speeds.setdefault("llama.cpp", []).append(llama(arguments.llama, model, threads, arguments))
            if arguments.openvino:
                speeds.setdefault("openvino", []).append(openvino(arguments.openvino, model, threads, arguments))
            if server:
                speeds.setdefault("millrace serve", []).append(server.measure(arguments))
    finally:
        if server:
            server.close()
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
                cells.append(show(ratio, "{:.2f}"))
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
    parser.add_argument("--millrace-flag", action="append", default=[])
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    print(f"{cpu()}; millrace {' '.join(arguments.millrace_flag)}")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            file = model
            if not model.endswith(".gguf"):
                file = str(pathlib.Path(folder) / (model.replace(":", "-") + ".gguf"))
                run(MILLRACE, "models", "export", model, file)
            for threads in arguments.threads:
                results += report(model, threads, *compare(file, threads, arguments), arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"cpu": cpu(), "flags": arguments.millrace_flag, "results": results}, indent=1))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Decode speed of Millrace's whole server beside llama.cpp's bare loop, alternating in one run on one machine.

  compare_speed.py LLAMA MODEL.gguf [--rounds 5] [--threads 2] [--serve-flag=--kernels=vector ...]

LLAMA is a folder of llama.cpp's programs. Each round runs llama-batched-bench, then ./millrace bench against a running
./millrace serve, with 1 and with 32 streams: short prompts, so that nearly all of the time goes to decoding. Millrace's
figures are end to end, its server's and its client's work on the same cores included; llama.cpp's are the loop alone.
Prints medians of tokens per second over the rounds, their ratios, and the CPU.
"""

import argparse
import json
import pathlib
import platform
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROMPT_TOKENS = 16
NEW_TOKENS = 128
STREAMS = [1, 32]
REQUESTS = {1: 4, 32: 64}
START_SECONDS = 300


def llama(folder, model, threads):
    out = subprocess.run(
        [f"{folder}/llama-batched-bench", "-m", model, "-c", "8192", "-npp", str(PROMPT_TOKENS), "-ntg", str(NEW_TOKENS),
         "-npl", ",".join(map(str, STREAMS)), "-t", str(threads), "--output-format", "jsonl"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {row["pl"]: row["speed_tg"] for row in rows}


def millrace(port):
    speeds = {}
    for streams in STREAMS:
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            subprocess.run(
                [ROOT / "millrace", "bench", "--target", f"127.0.0.1:{port}", "--streams", str(streams),
                 "--requests", str(REQUESTS[streams]), "--prompt-tokens", str(PROMPT_TOKENS),
                 "--max-tokens", str(NEW_TOKENS), "--json", report.name],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            speeds[streams] = json.load(open(report.name))["tokens_per_second"]
    return speeds


def serve(model, threads, flags):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(
        [ROOT / "millrace", "serve", "--model", model, "--port", str(port), "--threads", str(threads), *flags],
        stderr=subprocess.DEVNULL)
    until = time.monotonic() + START_SECONDS
    while subprocess.run([ROOT / "millrace", "health", "--target", f"127.0.0.1:{port}"], capture_output=True).returncode:
        if time.monotonic() > until or server.poll() is not None:
            raise SystemExit("the server doesn't come up")
        time.sleep(0.5)
    return server, port


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--serve-flag", action="append", default=[])
    arguments = parser.parse_args()
    theirs, ours = [], []
    server, port = serve(arguments.model, arguments.threads, arguments.serve_flag)
    try:
        millrace(port)  # warm
        for _ in range(arguments.rounds):
            theirs.append(llama(arguments.llama, arguments.model, arguments.threads))
            ours.append(millrace(port))
    finally:
        server.terminate()
        server.wait()
    print(f"{cpu()}, {arguments.threads} threads, medians of {arguments.rounds} alternating rounds, tokens/s")
    medians = {}
    for streams in STREAMS:
        a = statistics.median(r[streams] for r in ours)
        b = statistics.median(r[streams] for r in theirs)
        ratio = statistics.median(x[streams] / y[streams] for x, y in zip(ours, theirs))
        medians[streams] = a
        print(f"{streams:3} streams: millrace {a:7.1f}, llama.cpp {b:7.1f}, ratio {ratio:.2f}")
    print(f"millrace, {STREAMS[1]} streams against 1: {medians[STREAMS[1]] / medians[STREAMS[0]]:.2f} times")


if __name__ == "__main__":
    main()

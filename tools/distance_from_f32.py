#!/usr/bin/env python3
"""How far Millrace's answers are from the same weights in F32, as llama.cpp computes them.

The reference is reference/smollm2-135m-instruct.f32.json: llama.cpp's greedy continuations (40 tokens) of the 24 texts
in reference/prompts.json, by the default model dequantized to F32, KV cache in F32, flash attention off. To record it
again (LLAMA is a folder of llama.cpp's programs):

  LLAMA/llama-quantize --allow-requantize SmolLM2-135M-Instruct.Q4_1.gguf F32.gguf F32
  distance_from_f32.py record LLAMA F32.gguf reference/smollm2-135m-instruct.f32.json

To measure (starts ./millrace serve with the model, talks gRPC to it; needs grpcio and grpcio-tools):

  distance_from_f32.py measure F32.gguf [--serve-flag=--kernels=vector ...]
  distance_from_f32.py measure smollm2-135m-instruct

Prints the mean difference of the top-5 log-probabilities behind the prompts, how many continuations are equal, and,
for each that isn't, the reference's own gap between its two best tokens where they part. With --max-mean and --max-gap
the exit status says whether both hold.
"""

import argparse
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PROMPTS = HERE / "reference" / "prompts.json"
REFERENCE = HERE / "reference" / "smollm2-135m-instruct.f32.json"
TOKENS = 40
TOP = 5
START_SECONDS = 300


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def record_llama(llama, model, out):
    """Writes what llama.cpp's server answers to the prompts, token by token."""
    port = free_port()
    server = subprocess.Popen(
        [f"{llama}/llama-server", "-m", model, "--port", str(port), "-c", "4096", "-np", "1", "--no-webui",
         "-fa", "off", "-ctk", "f32", "-ctv", "f32"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def post(path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=300))

    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                break
            except OSError:
                if time.monotonic() > until or server.poll() is not None:
                    raise
                time.sleep(0.3)
        records = []
        for text in json.loads(PROMPTS.read_text()):
            ids = post("/tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]
            answer = post("/completion", {
                "prompt": ids, "n_predict": TOKENS, "temperature": 0, "n_probs": TOP, "cache_prompt": False,
                "post_sampling_probs": False, "return_tokens": True})
            # The server leaves out the probabilities of tokens that end within a character.
            steps = iter(answer["completion_probabilities"])
            step, best = next(steps, None), []
            for token in answer["tokens"]:
                known = step is not None and step["id"] == token
                best.append([[c["id"], c["logprob"]] for c in step["top_logprobs"]] if known else None)
                step = next(steps, None) if known else step
            records.append(record(text, ids, answer["tokens"], best))
        pathlib.Path(out).write_text(json.dumps(records, ensure_ascii=False, indent=0))
    finally:
        server.terminate()


def record_millrace(model, serve_flags):
    """What ./millrace serve answers to the prompts, token by token."""
    with tempfile.TemporaryDirectory() as stubs:
        import grpc
        from grpc_tools import protoc
        proto = ROOT / "proto" / "src" / "main" / "proto"
        if protoc.main(["protoc", f"-I{proto}", f"-I{pathlib.Path(protoc.__file__).parent / '_proto'}",
                        f"--python_out={stubs}", f"--grpc_python_out={stubs}", "millrace/v1/generation.proto"]):
            sys.exit("the stubs could not be made")
        sys.path.insert(0, stubs)
        from millrace.v1 import generation_pb2 as pb
        from millrace.v1 import generation_pb2_grpc as rpc
        port = free_port()
        server = subprocess.Popen(
            [ROOT / "millrace", "serve", "--model", model, "--host", "127.0.0.1", "--port", str(port), *serve_flags])
        try:
            channel = grpc.insecure_channel(f"127.0.0.1:{port}")
            stub = rpc.TextGenerationServiceStub(channel)
            wait_until_served(stub, pb, grpc, server)
            records = []
            for text in json.loads(PROMPTS.read_text()):
                request = pb.GenerateRequest(
                    text=text, parse_special_tokens=True, stop=pb.StopCriteria(max_tokens=TOKENS),
                    output=pb.OutputOptions(tokens=True, logprobs=True, top_candidates=TOP, prompt_tokens=False))
                best, ids = [], []
                for event in stub.Generate(request, wait_for_ready=True, timeout=START_SECONDS):
                    for token in event.delta.tokens:
                        ids.append(token.id)
                        best.append([[c.id, c.logprob] for c in token.top_candidates])
                records.append(record(text, [], ids, best))
            return records
        finally:
            server.terminate()
            server.wait()


def wait_until_served(stub, pb, grpc, server):
    """Until a request is answered: a server that is still loading refuses with UNAVAILABLE."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            request = pb.GenerateRequest(text="a", stop=pb.StopCriteria(max_tokens=1))
            stub.GenerateOnce(pb.GenerateOnceRequest(request=request), wait_for_ready=True, timeout=START_SECONDS)
            return
        except grpc.RpcError as e:
            if e.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.3)


def record(text, prompt_ids, greedy, best):
    return {
        "prompt": text,
        "prompt_ids": prompt_ids,
        "greedy": greedy,
        "gaps": [b and round(b[0][1] - b[1][1], 4) for b in best],
        "top5": [[i, round(p, 5)] for i, p in best[0] or []],
    }


def compare(ours, reference):
    """Mean top-5 difference over ids that both have, equal continuations, the reference's gaps where others part."""
    differences, gaps, equal = [], [], 0
    for a, b in zip(ours, reference, strict=True):
        known = dict(map(tuple, a["top5"]))
        differences += [abs(known[i] - p) for i, p in b["top5"] if i in known]
        parting = next((i for i, (s, t) in enumerate(zip(a["greedy"], b["greedy"])) if s != t), None)
        if parting is not None:
            gaps.append(b["gaps"][parting])
        elif len(a["greedy"]) == len(b["greedy"]):
            equal += 1
        else:
            sys.exit(f"one text ends where the other goes on: {a['prompt'][:40]!r}, {len(a['greedy'])} and {len(b['greedy'])} tokens")
    return statistics.mean(differences), max(differences), equal, sorted(gaps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recorder = commands.add_parser("record")
    recorder.add_argument("llama")
    recorder.add_argument("model")
    recorder.add_argument("out")
    measure = commands.add_parser("measure")
    measure.add_argument("model")
    measure.add_argument("--serve-flag", action="append", default=[])
    measure.add_argument("--max-mean", type=float)
    measure.add_argument("--max-gap", type=float)
    arguments = parser.parse_args()
    if arguments.command == "record":
        record_llama(arguments.llama, arguments.model, arguments.out)
        return
    reference = json.loads(REFERENCE.read_text())
    mean, largest, equal, gaps = compare(record_millrace(arguments.model, arguments.serve_flag), reference)
    print(f"mean |top-{TOP} difference| {mean:.5f}, largest {largest:.4f}; {equal} of {len(reference)} continuations equal; "
          f"the reference's gaps where the others part: {gaps}")
    if arguments.max_mean is not None and mean > arguments.max_mean or arguments.max_gap is not None and any(
            g > arguments.max_gap for g in gaps):
        sys.exit(1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares chat templates rendered by Millrace with Python's jinja2, set up as transformers does it.

Needs a Python with jinja2 and pip. The templates are those that llama.cpp tests with; they come with the source
distribution of llama-cpp-python, which is downloaded by pip into --cache (77 MB) unless it is there. For each template
five conversations are rendered: one user turn; a system prompt and several turns; the same without generation prompt; with
tools; with tool calls and replies.

    tools/chat_templates.py                          # runs ./millrace render for each, and prints a table (some minutes)
    tools/chat_templates.py --record FILE.json       # writes what jinja2 makes of them instead
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

RELEASE = "llama-cpp-python==0.3.36"
BOS, EOS = "<s>", "</s>"
NOT_FETCHED = 3  # exit code where pip can't download the templates
HERE = pathlib.Path(__file__).resolve().parent.parent

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells a city's weather: temperature in °C & \"sky\".",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city's name"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "minimum": 1, "maximum": 1.5e1},
            },
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}}
USER = {"role": "user", "content": "What's 2 + 2?  Käse <b>&</b> 🦆\n"}
TURNS = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": "  And now? "},
]
CALL = {
    "id": "call00001",
    "type": "function",
    "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "deep": {"a": [1, 2.5, None, True]}}},
}
TOOL_TURNS = [
    {"role": "user", "content": "How is the weather?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"sky\": \"blue\"}"},
    {"role": "assistant", "content": "Blue."},
    {"role": "user", "content": "Thanks"},
]
CONVERSATIONS = {
    "one turn": (([USER]), None, True),
    "several turns": (TURNS, None, True),
    "no generation prompt": (TURNS[:3], None, False),
    "tools": ([USER], [WEATHER, CLOCK], True),
    "tool calls": (TOOL_TURNS, [WEATHER], True),
}


class Generation(jinja2.ext.Extension):
    """{% generation %}: marks what the assistant says; renders its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: datetime.now().strftime(format)
    return env


def fetch(cache):
    folder = cache / "templates"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", cache, RELEASE]
        if subprocess.run(command).returncode != 0:
            sys.exit(NOT_FETCHED)
        archive = next(cache.glob("llama_cpp_python-*.tar.gz"))
        partial = cache / "partial"
        partial.mkdir(exist_ok=True)
        with tarfile.open(archive) as files:
            for member in files:
                if "/vendor/llama.cpp/models/templates/" in member.name and member.name.endswith(".jinja"):
                    (partial / pathlib.PurePosixPath(member.name).name).write_bytes(files.extractfile(member).read())
        partial.rename(folder)
        archive.unlink()
    return sorted(folder.glob("*.jinja"))


def render(source, messages, tools, add_generation_prompt):
    """What jinja2 makes of it, or None where it raises."""
    try:
        return environment().from_string(source).render(
            messages=messages, tools=tools, documents=None, add_generation_prompt=add_generation_prompt, bos_token=BOS, eos_token=EOS
        )
    except Exception:  # noqa: BLE001: whatever it is, we must refuse, too
        return None


def cases(cache, only):
    for path in fetch(cache):
        if not path.match(only):
            continue
        source = path.read_bytes().decode()
        for name, (messages, tools, prompt) in CONVERSATIONS.items():
            yield {
                "template": path.name,
                "conversation": name,
                "source": source,
                "messages": messages,
                "tools": tools,
                "add_generation_prompt": prompt,
                "expected": render(source, messages, tools, prompt),
            }


def by_millrace(case, millrace):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "template").write_text(case["source"], newline="")
        (folder / "messages").write_text(json.dumps(case["messages"]))
        command = [millrace, "render", "--messages", folder / "messages", "--template", folder / "template"]
        command += ["--bos-token", BOS, "--eos-token", EOS]
        if case["tools"]:
            (folder / "tools").write_text(json.dumps(case["tools"]))
            command += ["--tools", folder / "tools"]
        if not case["add_generation_prompt"]:
            command += ["--no-generation-prompt"]
        done = subprocess.run(command, capture_output=True)
        return done.stdout.decode() if done.returncode == 0 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=pathlib.Path, default=HERE / "tensor-core" / "target" / "chat-templates")
    parser.add_argument("--record", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--only", default="*", metavar="GLOB", help="templates by their file names")
    parser.add_argument("--millrace", default=str(HERE / "millrace"))
    options = parser.parse_args()
    everything = list(cases(options.cache, options.only))
    if options.record:
        options.record.write_text(json.dumps(everything))
        return 0
    with ThreadPoolExecutor(2) as pool:
        rendered = list(pool.map(lambda case: by_millrace(case, options.millrace), everything))
    same = [case["expected"] == got for case, got in zip(everything, rendered)]
    names = list(CONVERSATIONS)
    print("| template | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for at in range(0, len(same), len(names)):
        cells = []
        for case, equal in zip(everything[at : at + len(names)], same[at : at + len(names)]):
            cells.append(("raises" if case["expected"] is None else "equal") if equal else "DIFFERS")
        print(f"| {everything[at]['template']} | " + " | ".join(cells) + " |")
    print(f"\n{sum(same)} of {len(same)} equal ({100 * sum(same) / len(same):.1f}%)")
    return 0 if sum(same) >= 0.98 * len(same) else 1


if __name__ == "__main__":
    sys.exit(main())

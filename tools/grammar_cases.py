#!/usr/bin/env python3
"""Takes the grammars and texts out of llama.cpp's own test of them, for GbnfTest.

  grammar_cases.py test-grammar-integration.cpp OUT.json

The file comes with the source package of llama-cpp-python 0.3.36 (MIT), in vendor/llama.cpp/tests:

  pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36

GbnfTest looks for target/grammar-cases.json.
"""

import ast
import json
import re
import sys

TOKEN = re.compile(
    r'\s*(?:(?P<comment>//[^\n]*)|R"""\((?P<raw>.*?)\)"""|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<other>[{},()]))', re.S)


def tokens(source, at):
    while True:
        match = TOKEN.match(source, at)
        if match is None:
            return
        at = match.end()
        if match["raw"] is not None:
            yield "text", match["raw"]
        elif match["text"] is not None:
            yield "text", ast.literal_eval(match["text"].replace("\\?", "?"))
        elif match["other"] is not None:
            yield match["other"], None


def case(source, at):
    arguments, texts, depth = [], None, 0
    for kind, text in tokens(source, at):
        if kind == "text":
            texts = (texts or "") + text  # strings that stand side by side are one
        elif kind in ",})" or kind == "{":
            if texts is not None:
                (arguments[-1] if depth else arguments).append(texts)
            texts = None
            if kind == "{":
                arguments.append([])
                depth = 1
            elif kind == "}":
                depth = 0
            elif kind == ")":
                break
    return arguments


def main(source_file, out):
    source = open(source_file, encoding="utf-8").read()
    cases = []
    for match in re.finditer(r"^    test_grammar\(", source, re.M):
        arguments = case(source, match.end())
        if len(arguments) < 4 or "<[" in arguments[1]:
            continue  # over tokens, which we don't have in grammars
        name, grammar, passing, failing = arguments
        cases.append({"name": name, "grammar": grammar, "passing": passing, "failing": failing})
    json.dump(cases, open(out, "w"), indent=1)
    print(len(cases), "grammars,", sum(len(c["passing"]) + len(c["failing"]) for c in cases), "texts")


if __name__ == "__main__":
    main(*sys.argv[1:])

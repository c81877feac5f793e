#!/usr/bin/env python3
"""Validates JSON values against schemas, with Python's jsonschema: an implementation that isn't ours.

  validate_samples.py FILE

Each line of FILE is a JSON array of a schema and a value. Prints what is invalid, and fails if anything is. Formats are
checked as far as the package can by itself.
"""

import functools
import json
import sys

import jsonschema


@functools.cache
def validator(schema):
    return jsonschema.Draft202012Validator(json.loads(schema), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"a member is there twice: {names}")
    return dict(pairs)


def main(file):
    count = wrong = 0
    for line in open(file, encoding="utf-8"):
        count += 1
        try:
            schema, value = json.loads(line, object_pairs_hook=unique)
            validator(json.dumps(schema)).validate(value)
        except (ValueError, jsonschema.ValidationError) as e:
            wrong += 1
            print(f"{line.strip()}: {str(e).splitlines()[0]}")
    print(f"{count} values, {wrong} invalid")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

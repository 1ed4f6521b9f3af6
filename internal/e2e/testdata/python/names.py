"""Encodes the names of a JSON array from standard input; null is one that has no channel."""

import json
import sys

from loglane_django import encode_name


def encoded(name):
    try:
        return encode_name(name)
    except ValueError:
        return None


print(json.dumps([encoded(name) for name in json.load(sys.stdin)]))

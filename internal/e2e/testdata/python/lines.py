"""Writes "line N" with Django's handler, without Django. The folder of loglane_django.py is
in PYTHONPATH."""

import argparse
import logging
import os
import sys
import time

import loglane_django
from loglane_django import LoglaneHandler, as_user

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--token")
parser.add_argument("--users", default="alice", help="in turn")
parser.add_argument("--count", type=int, default=10)
parser.add_argument("--rate", type=float, default=0)
parser.add_argument("--queue-lines", type=int, default=10000)
parser.add_argument("--flush-seconds", type=float, default=20)
parser.add_argument("--children", type=int, default=0, help="processes that write as many lines after them")
parser.add_argument("--patience", type=float, default=0, help="seconds until the last line")
parser.add_argument("--kept-seconds", type=float, default=loglane_django.KEPT_SECONDS)
args = parser.parse_args()
loglane_django.KEPT_SECONDS = args.kept_seconds

handler = LoglaneHandler(args.url, args.token, queue_lines=args.queue_lines, flush_seconds=args.flush_seconds)
logging.basicConfig(level=logging.DEBUG, handlers=[handler], format="%(message)s")  # all that the clients log too
users = args.users.split(",")


def write(first):
    start = time.monotonic()
    for i in range(args.count):
        if args.rate:
            time.sleep(max(0.0, start + i / args.rate - time.monotonic()))
        with as_user(users[i % len(users)]):
            logging.info("line %d", first + i)


begin = time.monotonic()
write(1)
print(f"wrote for {time.monotonic() - begin:.3f} s", flush=True)
if args.children:
    handler.flush()  # the children's lines come after these
    for child in range(args.children):
        if os.fork() == 0:
            write(1 + (child + 1) * args.count)
            sys.exit()
    for child in range(args.children):
        os.wait()
if args.patience:
    time.sleep(args.patience)
    with as_user(users[0]):
        logging.info("the last line")

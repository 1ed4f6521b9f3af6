"""Writes 100 lines into a queue of 5, and one more when standard input ends. The folder of
logging_http.py is in PYTHONPATH."""

import logging
import os
import sys

from logging_http import LoglaneHandler, user

handler = LoglaneHandler(os.environ["LOGLANE_URL"], os.environ["LOGLANE_TOKEN"], queue_lines=5, flush_seconds=20)
logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(message)s")
user.set("alice")
for n in range(1, 101):
    logging.info("line %d", n)
print("written", flush=True)
sys.stdin.read()
handler.flush()
logging.info("the last line")

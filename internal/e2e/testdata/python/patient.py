"""Sends standard input with Python's handler, and at the end waits for as long as it takes."""

import logging
import os
import sys

from logging_http import LoglaneHandler, user

handler = LoglaneHandler(os.environ["LOGLANE_URL"], os.environ["LOGLANE_TOKEN"], flush_seconds=90)
logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
user.set(sys.argv[1])
for text in sys.stdin:
    logging.info(text.rstrip("\n"))

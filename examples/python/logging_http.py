#!/usr/bin/env python3
"""Python's logging to Loglane over HTTP, each user's lines to that user. Standard library only.

    logging.getLogger().addHandler(LoglaneHandler("http://127.0.0.1:8080/", token))
    user.set("alice")  # for what this task, thread or request logs from here on
    logging.info("order %d paid", 17)

Logging never waits. Lines are sent in their order from one thread, again and again until the
gateway has them, and no sooner than its Retry-After says; their numbers keep a repeated request
from storing them twice. While the gateway is away 10,000 lines wait; newer ones are dropped, and
their count becomes a line.
A program that forks makes the handler after that (../django has one that needs no such care).
As a program it sends each line of its standard input, to the user that its argument names:

    make 2>&1 | LOGLANE_URL=http://127.0.0.1:8080 LOGLANE_TOKEN=llt_… python3 logging_http.py alice
"""

import contextvars
import json
import logging
import os
import queue
import secrets
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

user = contextvars.ContextVar("loglane_user", default=None)


class _Here(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # urllib would send the token to wherever a redirect leads


_open = urllib.request.build_opener(_Here).open


class LoglaneHandler(logging.Handler):
    def __init__(self, url, token, queue_lines=10000, flush_seconds=5):
        super().__init__()
        token = token.strip()
        if not (token.isascii() and token.isprintable()):  # http.client's error would show it
            raise ValueError("token: it is one word, as loglane token create prints it")
        self.url, self.token, self.flush_seconds = url.rstrip("/") + "/api/v1/logs?", token, flush_seconds
        self.queue, self.dropped = queue.Queue(queue_lines), 0
        self.producer, self.next = secrets.token_urlsafe(12), 1
        self.process = f"job_{uuid.uuid4()}"  # the channel of lines without a user
        self.thread = threading.Thread(target=self._run, name="loglane", daemon=True)
        self.thread.start()

    def emit(self, record):
        if threading.current_thread() is self.thread:
            return
        try:
            line = {"timestamp": record.created, "level": record.levelname, "logger": record.name, "message": self.format(record)}
            name = user.get()
            place = urllib.parse.urlencode({"user": name} if name else {"channel": self.process})
            if self.dropped:
                note = {"level": "WARNING", "message": f"{self.dropped} lines dropped: the queue was full"}
                self.queue.put_nowait((place, json.dumps(note)))
                self.dropped = 0
            self.queue.put_nowait((place, json.dumps(line)))
        except queue.Full:
            self.dropped += 1
        except Exception:
            self.handleError(record)

    def _run(self):
        held = None
        while True:
            place, line = held or self.queue.get()
            lines, held = [line], None
            while len(lines) < 128 and not held:
                try:
                    following = self.queue.get_nowait()
                except queue.Empty:
                    break
                if following[0] == place:
                    lines.append(following[1])
                else:
                    held = following
            self._send(place, lines)
            for _ in lines:
                self.queue.task_done()

    def _send(self, place, lines):
        request = urllib.request.Request(self.url + place, "\n".join(lines).encode(), {
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/x-ndjson",
            "Producer": self.producer, "Producer-Seq": str(self.next), "Producer-After": "0,0",
        })
        delay, told = 0.25, False
        while True:
            wait = 0
            try:
                with _open(request, timeout=10) as answer:
                    for refused in json.load(answer)["rejected"]:
                        print("loglane: a line was refused:", refused["error"], file=sys.stderr)
                break
            except urllib.error.HTTPError as e:
                problem, wait = f"{e} {e.read(300)}", e.headers.get("Retry-After", "")
                wait = min(int(wait), 60) if wait.isdigit() else 0
                if e.code in (400, 403, 413):  # sending it again would not help
                    print(f"loglane: {len(lines)} lines were refused: {problem}", file=sys.stderr)
                    break
            except (OSError, ValueError) as e:
                problem = e
            if delay > 2 and not told:
                print(f"loglane: the lines wait: {problem}", file=sys.stderr)
                told = True
            time.sleep(max(delay, wait))
            delay = min(delay * 2, 5)
        self.next += len(lines)

    def flush(self):
        """Waits until all is sent, at most flush_seconds. logging calls it at exit."""
        with self.queue.all_tasks_done:
            self.queue.all_tasks_done.wait_for(lambda: not self.queue.unfinished_tasks, self.flush_seconds)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s",
                        handlers=[LoglaneHandler(os.environ["LOGLANE_URL"], os.environ["LOGLANE_TOKEN"], flush_seconds=30)])
    if len(sys.argv) > 1:
        user.set(sys.argv[1])
    for text in sys.stdin:
        logging.info(text.rstrip("\n"))

#!/usr/bin/env python3
"""Publish log lines to Loglane from Python, with nothing but the redis package.

A channel is a Redis Pub/Sub channel `logs:<context>`, live, and a stream
`stream:logs:<context>` with the field `data`, the history. Gateway and publisher must
use the same database number.

    from publish import UserLog

    log = UserLog(redis.Redis.from_url("redis://127.0.0.1:6379/0"), "User.alice")
    log.send({"level": "INFO", "message": "order 17 was paid"})

As a program it sends numbered lines:

    python3 publish.py --redis-url redis://127.0.0.1:6379/0 --context User.alice --count 10
"""

import argparse
import json
import sys
import time
from datetime import datetime, timezone

import redis

HISTORY_LINES = 1000
HISTORY_SECONDS = 3600


class UserLog:
    """Sends records to one channel.

    With multi (the default) history and live line are written in one transaction. Without
    it they are two commands, `pause` seconds apart, and `store_first` says which comes
    first: Loglane shows each line once all the same, for pauses of up to 100 ms.
    """

    def __init__(self, client, context, multi=True, pause=0.0, store_first=False):
        self.client = client
        self.channel = f"logs:{context}"
        self.stream = f"stream:{self.channel}"
        self.multi = multi
        self.pause = pause
        self.store_first = store_first

    def send(self, record):
        payload = json.dumps(record, indent=2, ensure_ascii=False)
        if self.multi:
            with self.client.pipeline(transaction=True) as transaction:
                transaction.publish(self.channel, payload)
                self._store(transaction, payload)
                transaction.execute()
            return
        steps = [lambda: self.client.publish(self.channel, payload), lambda: self._store(self.client, payload)]
        if self.store_first:
            steps.reverse()
        steps[0]()
        if self.pause:
            time.sleep(self.pause)
        steps[1]()

    def _store(self, client, payload):
        client.xadd(self.stream, {"data": payload}, maxlen=HISTORY_LINES, approximate=True)
        client.expire(self.stream, HISTORY_SECONDS)


def record(number):
    return {
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "level": "INFO",
        "logger": "example",
        "pod": None,
        "message": f"line {number}",
    }


def main():
    parser = argparse.ArgumentParser(description="Send numbered log lines to a Loglane channel.")
    parser.add_argument("--redis-url", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--context", default="User.alice", help="the channel's name without logs:")
    parser.add_argument("--first", type=int, default=1, help="number of the first line")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0, help="lines a second; 0 is as fast as it goes")
    parser.add_argument("--no-multi", action="store_true", help="PUBLISH and XADD without a transaction")
    parser.add_argument("--pause", type=float, default=0, help="seconds between the two, without a transaction")
    parser.add_argument("--store-first", action="store_true", help="XADD before PUBLISH, without a transaction")
    args = parser.parse_args()

    log = UserLog(
        redis.Redis.from_url(args.redis_url),
        args.context,
        multi=not args.no_multi,
        pause=args.pause,
        store_first=args.store_first,
    )
    start = time.monotonic()
    for i in range(args.count):
        if args.rate:
            time.sleep(max(0.0, start + i / args.rate - time.monotonic()))
        log.send(record(args.first + i))
    return 0


if __name__ == "__main__":
    sys.exit(main())

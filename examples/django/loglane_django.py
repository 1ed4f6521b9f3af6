"""A Django app's log lines on Loglane, each in the channel of the user whose request wrote it.

One file to copy beside settings.py; README.md has the lines for the settings. It needs the
standard library, the redis package to publish over Redis, and nothing to publish over HTTP.

    LoglaneHandler     the logging handler: never blocks, never fails a request
    LoglaneMiddleware  lines of a request go to the request's user
    whoami             the view that Loglane asks who is signed in (--auth-url)
    as_user, as_job    the same for commands, threads and scripts; Celery needs no call
"""

import collections
import contextlib
import contextvars
import http.client
import inspect
import itertools
import json
import logging
import os
import random
import secrets
import sys
import threading
import time
import unicodedata
import urllib.parse
import uuid
import weakref
from datetime import datetime, timezone

BATCH_LINES = 128
BATCH_BYTES = 256 << 10
LINE_BYTES = 64 << 10  # a longer one is cut and says so
KEPT_BYTES = 1 << 20  # of acknowledged lines, in case that Redis loses them
KEPT_SECONDS = 10
LEVELS = frozenset("TRACE DEBUG INFO NOTICE WARN WARNING ERROR CRITICAL FATAL PANIC ALERT EMERGENCY".split())

# ── Whose line it is ──────────────────────────────────────────────────────────────────

_who = contextvars.ContextVar("loglane_who", default=None)  # a _User, a _Job, or a request
_User = collections.namedtuple("_User", "name")
_Job = collections.namedtuple("_Job", "context")


class _Local(threading.local):
    sending = False  # in the thread that sends: what its client logs is not sent
    asking = None  # while a request's user is looked up: the lines that the look-up writes


_local = _Local()


@contextlib.contextmanager
def as_user(name):
    """Sends the lines inside to a user's channel."""
    token = _who.set(_User(name))
    try:
        yield
    finally:
        _who.reset(token)


@contextlib.contextmanager
def as_job(context=None):
    """Sends the lines inside to a channel of their own, job_<uuid>, made once a job."""
    token = _who.set(_Job(context or job_context()))
    try:
        yield
    finally:
        _who.reset(token)


def job_context():
    return f"job_{uuid.uuid4()}"


def encode_name(name):
    """Returns a user's name as it stands in a channel's name; ValueError if it cannot."""
    if not name:
        raise ValueError("the user's name is empty")
    encoded = "".join(
        "".join(f"%{byte:02X}" for byte in c.encode()) if c <= " " or "\x7f" <= c <= "\x9f" or c in "%{}" else c
        for c in unicodedata.normalize("NFC", name)
    )
    if len(encoded.encode()) > 200:
        raise ValueError("the user's name is longer than 200 bytes")
    return encoded


def _name_of(request):
    """Returns the name of a request's user now, None for nobody. It may ask the database."""
    user = getattr(request, "user", None)
    session = getattr(request, "session", None)
    accessed = getattr(session, "accessed", True)
    try:
        return user.get_username() if user is not None and user.is_authenticated else None
    except Exception:  # no database, or not from this thread: no reason to lose the line
        return None
    finally:
        if not accessed:  # the response does not depend on the cookie because a line did
            session.accessed = False


def LoglaneMiddleware(get_response):
    """Comes right after AuthenticationMiddleware. The user is asked for with the first
    line, in async apps with the request; who signs in meanwhile has the lines from there on."""
    if inspect.iscoroutinefunction(get_response):
        from asgiref.sync import sync_to_async

        async def middleware(request):
            token = _who.set(request)
            try:
                await sync_to_async(_name_of)(request)
                return await get_response(request)
            finally:
                _who.reset(token)
    else:

        def middleware(request):
            token = _who.set(request)
            try:
                return get_response(request)
            finally:
                _who.reset(token)

    return middleware


LoglaneMiddleware.sync_capable = LoglaneMiddleware.async_capable = True


def whoami(request):
    """Tells Loglane who is signed in: superusers are admins, staff are operators."""
    from django.http import JsonResponse

    user = request.user
    if not user.is_authenticated:
        answer = JsonResponse({"error": "nobody is signed in"}, status=401)
        answer._has_been_logged = True  # or Django warns of each visitor who is not signed in, in everybody's log
        return answer
    role = "admin" if user.is_superuser else "operator" if user.is_staff else "viewer"
    return JsonResponse({"name": user.get_username(), "roles": [role], "channels": []})


# ── The handler ───────────────────────────────────────────────────────────────────────


class LoglaneHandler(logging.Handler):
    """Queues records and sends them from a thread, which starts with a process's first line.

    url is a Redis (redis://, rediss://, unix://) or a gateway (http://, https://, with its
    base path), which wants an API token with the scope write. At most queue_lines wait;
    newer ones are dropped, counted, and the count appears as a line. The history settings
    and global_copy are for Redis; a gateway has its own.
    """

    def __init__(self, url, token=None, queue_lines=10000, channel_template="User.{username}", global_copy=True,
                 history_lines=1000, history_seconds=3600, flush_seconds=5, level=logging.NOTSET):
        super().__init__(level)
        before, mark, _ = channel_template.partition("{username}")
        if not mark or not before:
            raise ValueError("channel_template: an example is User.{username}")
        scheme = url.partition("://")[0]
        if scheme in ("http", "https"):
            if not token:
                raise ValueError("token: a gateway wants one; loglane token create --scope write makes it")
            token = token.strip()
            if not (token.isascii() and token.isprintable()):  # http.client's error would show it
                raise ValueError("token: it is one word, as loglane token create prints it")
            self._new_sender = lambda: _GatewaySender(url, token)
        elif scheme in ("redis", "rediss", "unix"):
            self._new_sender = lambda: _RedisSender(url, history_lines, history_seconds, global_copy)
        else:
            raise ValueError("url: an example is redis://127.0.0.1:6379/0 or https://logs.example.com/")
        self._new_sender()  # now, so that a wrong setting is told at start
        self.template, self.queue_lines, self.flush_seconds = channel_template, queue_lines, flush_seconds
        self.begin()
        _handlers.add(self)

    def begin(self):
        """Begins afresh in a process: a fork must not send its parent's lines."""
        self.process_context = job_context()
        self.outbox = _Outbox(self._new_sender(), self.queue_lines)

    def createLock(self):
        self.lock = None  # emit needs none, and must not wait for a user's look-up

    def handle(self, record):
        passes = self.filter(record)
        if passes:
            self.emit(record if passes is True else passes)
        return passes

    def emit(self, record):
        if _local.sending:
            return
        try:
            line = self._line(record)
            if _local.asking is not None:
                _local.asking.append((self, line))
                return
            who = _who.get()
            if who is None and hasattr(getattr(record, "request", None), "user"):
                who = record.request  # Django's own line about a response comes after the middleware
            if who is None or isinstance(who, (_User, _Job)):
                self._put(who, line)
                return
            _local.asking = aside = []
            try:
                name = _name_of(who)
            finally:
                _local.asking = None
            for handler, queued in [*aside, (self, line)]:
                handler._put(_User(name) if name else None, queued)
        except Exception:
            self.handleError(record)  # to standard error

    def _line(self, record):
        level = {"level": record.levelname} if record.levelname in LEVELS else {"levelno": record.levelno}
        line = {
            "timestamp": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="microseconds"),
            **level,
            "logger": record.name,
            "message": self.format(record),  # with the traceback
            "context": None,
        }
        attrs = {k: v for k, v in record.__dict__.items() if k not in _STANDARD}
        if attrs:
            line["attrs"] = {k: v if isinstance(v, (str, int, bool, type(None))) else str(v) for k, v in attrs.items()}
        return line

    def _put(self, who, line):
        context = self.process_context
        if isinstance(who, _Job):
            context = who.context
        elif who is not None:
            with contextlib.suppress(ValueError):  # whoever cannot sign in has no channel
                context = self.template.replace("{username}", encode_name(who.name))
        line["context"] = context
        self.outbox.put(context, _encode(line))

    def flush(self):
        """Waits until all is sent, at most flush_seconds. logging calls it at exit."""
        self.outbox.flush(self.flush_seconds)

    def close(self):
        self.outbox.close()
        super().close()


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "request"}
_handlers = weakref.WeakSet()


def _after_fork():
    _local.sending, _local.asking = False, None
    for handler in list(_handlers):
        handler.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _encode(line):
    data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    size = len(data)
    while len(data) > LINE_BYTES:
        line.pop("attrs", None)
        line["logger"] = line["logger"][:200]
        message = line["message"].partition(_CUT)[0]
        line["message"] = f"{message[: min(len(message) * 3 // 4, LINE_BYTES)]}{_CUT} {size} bytes]"
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return data


_CUT = "… [cut, the record had"


def _note(context, text):
    now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    return _encode({"timestamp": now, "level": "WARNING", "logger": "loglane", "message": text, "context": context})


def _count(n):
    return "1 line" if n == 1 else f"{n} lines"


class _Outbox:
    """The queue of a process, and the thread that empties it."""

    def __init__(self, sender, limit):
        self.sender, self.limit = sender, limit
        self.changed = threading.Condition()  # over an RLock: a finalizer may log at any time
        self.lines = collections.deque()
        self.count = 0  # queued or being sent
        self.dropped = collections.Counter()
        self.thread, self.closing = None, False

    def put(self, context, payload):
        with self.changed:
            if self.count >= self.limit:
                if context in self.dropped or len(self.dropped) < 1000:
                    self.dropped[context] += 1
                return
            self._tell_dropped(context)
            self._append(context, payload)
            if self.thread is None and not self.closing:
                self.thread = threading.Thread(target=self._run, name="loglane", daemon=True)
                self.thread.start()

    def _append(self, context, payload):
        self.lines.append((context, payload))
        self.count += 1
        self.changed.notify_all()

    def _tell_dropped(self, context):
        n = self.dropped.pop(context, 0)
        if n:
            self._append(context, _note(context, f"{_count(n)} dropped: the queue was full (queue_lines)"))

    def flush(self, seconds):
        if _local.sending:
            return
        with self.changed:
            self.changed.wait_for(lambda: self.count <= 0, seconds)

    def close(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()

    def _run(self):
        _local.sending = True
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.lines or self.closing, self.sender.wait())
                if self.closing and not self.lines:
                    return
                self.sender.add(self.lines)
                self.lines.clear()
            try:
                done = self.sender.pump()
            except Exception as e:  # the thread outlives whatever it meets
                done = 0
                self.sender.trouble.meet(e)
            with self.changed:
                self.count -= done
                for context in list(self.dropped):
                    if self.count < self.limit:
                        self._tell_dropped(context)
                self.changed.notify_all()


class _Trouble:
    """When to try again, and what is said about it: on standard error, once a minute."""

    def __init__(self, where):
        self.where, self.delay, self.until, self.told = where, 0, 0, None

    def meet(self, error, at_least=0):
        now = time.monotonic()
        self.delay = min(max(self.delay * 2, 0.25), 5)
        self.until = now + max(random.uniform(self.delay / 2, self.delay), at_least)
        self.say(f"{self.where} takes no lines, they wait: {type(error).__name__}: {error}")

    def say(self, text):
        now = time.monotonic()
        if sys.stderr and (self.told is None or now - self.told > 60):
            self.told = now
            print(f"loglane: {text}", file=sys.stderr)

    def over(self):
        self.delay = self.until = 0

    def left(self):
        return max(0, self.until - time.monotonic())


# ── Over Redis ────────────────────────────────────────────────────────────────────────


class _RedisSender:
    """Publishes and stores batches, each in one transaction (standalone and Sentinel)."""

    def __init__(self, url, history_lines, history_seconds, global_copy):
        import redis

        self.client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        self.errors = redis.RedisError
        self.lines, self.seconds, self.global_copy = history_lines, history_seconds, global_copy
        self.unsent, self.batch, self.unsure = collections.deque(), [], False
        self.trouble = _Trouble("Redis")

    def add(self, lines):
        self.unsent.extend(lines)

    def wait(self):
        return self.trouble.left() if self.batch or self.unsent else None

    def pump(self):
        done = 0
        while (self.batch or self.unsent) and not self.trouble.left():
            if not self.batch:
                self.batch = [self.unsent.popleft() for _ in range(min(BATCH_LINES, len(self.unsent)))]
            try:
                if not (self.unsure and self._stored()):
                    self._send()
            except (self.errors, OSError) as e:
                self.unsure = True
                self.trouble.meet(e)
                break
            done += len(self.batch)
            self.batch, self.unsure = [], False
            self.trouble.over()
        return done

    def _stored(self):
        """Tells whether a transaction of which no answer came has been executed."""
        context, payload = self.batch[-1]
        newest = self.client.xrevrange(f"stream:logs:{context}", count=self.lines)
        return any(fields.get(b"data") == payload for _, fields in newest)

    def _send(self):
        keep = {}
        with self.client.pipeline(transaction=True) as transaction:
            for context, payload in self.batch:
                keep[context] = self.seconds
                if self.global_copy:
                    keep["global"] = 24 * 3600
                for name in dict.fromkeys((context, "global") if self.global_copy else (context,)):
                    transaction.publish(f"logs:{name}", payload)
                    transaction.xadd(f"stream:logs:{name}", {"data": payload}, maxlen=self.lines, approximate=True)
            for name, seconds in keep.items():
                transaction.expire(f"stream:logs:{name}", seconds)
            for result in transaction.execute(raise_on_error=False):
                if isinstance(result, Exception):
                    self.trouble.say(f"Redis refused a line: {result}")


# ── Over HTTP ─────────────────────────────────────────────────────────────────────────


class _Line:
    __slots__ = ("k", "payload", "acknowledged")

    def __init__(self, k, payload):
        self.k, self.payload, self.acknowledged = k, payload, None


class _Channel:
    """One channel's lines: first those that are kept after their acknowledgement until a
    later request has confirmed that the gateway still has them, then those that wait."""

    def __init__(self, context):
        self.context, self.producer = context, secrets.token_urlsafe(12)
        self.next, self.lines = 1, collections.deque()
        self.waiting, self.kept = 0, 0  # lines; bytes
        self.after = "0,0"
        self.trouble = _Trouble(f"the gateway (channel {context})")

    def add(self, payload):
        self.lines.append(_Line(self.next, payload))
        self.next += 1
        self.waiting += 1

    def due(self):
        """Returns in how many seconds there is something to send."""
        if self.waiting:
            return self.trouble.left()
        return max(self.trouble.left(), self.lines[0].acknowledged + KEPT_SECONDS - time.monotonic())

    def batch(self):
        batch, size = [], 0
        for line in itertools.islice(self.lines, len(self.lines) - self.waiting, None):
            size += len(line.payload) + 1
            if batch and (len(batch) == BATCH_LINES or size > BATCH_BYTES or line.k != batch[-1].k + 1):
                break
            batch.append(line)
        return batch

    def claim(self):
        return self.after if len(self.lines) > self.waiting else "0,0"

    def accepted(self, batch, after, began):
        for line in batch:
            line.acknowledged = time.monotonic()
            self.kept += len(line.payload)
        self.waiting -= len(batch)
        self.after = after
        self.let_go(began - KEPT_SECONDS)
        return len(batch)

    def let_go(self, acknowledged_before, bound=KEPT_BYTES):
        while len(self.lines) > self.waiting:
            if self.lines[0].acknowledged > acknowledged_before and self.kept <= bound:
                return
            self.kept -= len(self.lines.popleft().payload)

    def refused(self, after):
        """Goes back to the lines after the last that the gateway still has."""
        before = self.waiting
        first = self.lines[0].k if self.lines else self.next
        if first > after + 1:
            text = f"{_count(first - after - 1)} lost: Redis lost them after they had been let go here"
            self.lines.appendleft(_Line(first - 1, _note(self.context, text)))
        self.waiting = max(self.waiting, sum(line.k > after for line in self.lines))
        self.kept = sum(len(line.payload) for line in itertools.islice(self.lines, len(self.lines) - self.waiting))
        self.after = "0,0"
        return before - self.waiting

    def give_up(self, batch):
        """Drops what the gateway does not take, and with it all claims of what it has."""
        self.waiting -= len(batch)
        waiting = list(self.lines)[len(self.lines) - self.waiting :] if self.waiting else []
        self.lines, self.kept = collections.deque(waiting), 0
        return len(batch)


class _GatewaySender:
    """Sends to POST /api/v1/logs; a request that is sent again changes nothing."""

    def __init__(self, url, token):
        self.url = urllib.parse.urlsplit(url)
        if not self.url.hostname:
            raise ValueError("url: an example is https://logs.example.com/")
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self.channels, self.connection = {}, None
        self.trouble = _Trouble("the gateway")

    def add(self, lines):
        for context, payload in lines:
            if context not in self.channels:
                self.channels[context] = _Channel(context)
            self.channels[context].add(payload)

    def wait(self):
        if not self.channels:
            return None
        return max(self.trouble.left(), min(channel.due() for channel in self.channels.values()))

    def pump(self):
        done = 0
        for channel in list(self.channels.values()):
            while channel.lines and not self.trouble.left() and channel.due() <= 0:
                done += self._send(channel)
        kept = sum(channel.kept for channel in self.channels.values())
        for channel in list(self.channels.values()):
            if kept > 4 * KEPT_BYTES:
                kept -= channel.kept
                channel.let_go(0, bound=0)
            if not channel.lines:  # the next line begins with another producer
                del self.channels[channel.context]
        return done

    def _send(self, channel):
        batch, began = channel.batch(), time.monotonic()
        headers = {
            **self.headers,
            "Producer": channel.producer,
            "Producer-Seq": str(batch[0].k if batch else channel.next),
            "Producer-After": channel.claim(),
        }
        try:
            status, answer, retry_after = self._post(channel.context, b"".join(l.payload + b"\n" for l in batch), headers)
        except (OSError, http.client.HTTPException, ValueError) as e:
            self.connection = None
            self.trouble.meet(e)
            return 0
        trouble = self.trouble if status in (401, 429, 503) else channel.trouble
        if trouble is channel.trouble:
            self.trouble.over()
        if status == 200:
            trouble.over()
            for rejected in answer.get("rejected") or []:
                channel.trouble.say(f"the gateway refused a line: {rejected.get('error')}")
            return channel.accepted(batch, answer.get("after") or "0,0", began)
        if status == 409 and isinstance(answer.get("after"), int):
            return channel.refused(answer["after"])
        error = _Refused(f"{status} {answer.get('error', '')}")
        if status in (400, 413, 422):
            channel.trouble.say(f"the gateway refused {_count(len(batch))}: {error}")
            return channel.give_up(batch)
        trouble.meet(error, retry_after)
        return 0

    def _post(self, context, body, headers):
        if self.connection is None:
            kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
            self.connection = kind(self.url.hostname, self.url.port, timeout=10)
        path = f"{self.url.path.rstrip('/')}/api/v1/logs?channel={urllib.parse.quote(context, safe='')}"
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        data = response.read()
        retry_after = response.getheader("Retry-After") or ""
        try:
            answer = json.loads(data)
        except ValueError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}, min(int(retry_after), 60) if retry_after.isdigit() else 0


class _Refused(Exception):
    pass


# ── Celery ────────────────────────────────────────────────────────────────────────────


def connect_celery(signals):
    """Lets a task's lines go to the user who caused it, or to a job of its own."""
    tokens, rooted = {}, []

    def publish(headers=None, **_):
        who = _who.get()
        name = who.name if isinstance(who, _User) else None if who is None or isinstance(who, _Job) else _name_of(who)
        if name and headers is not None:
            headers["loglane_user"] = name

    def begin(task_id=None, task=None, **_):
        request = task.request
        name = getattr(request, "loglane_user", None) or (getattr(request, "headers", None) or {}).get("loglane_user")
        eager = getattr(request, "is_eager", False) and _who.get() is not None
        if not eager:  # such a task runs inside of a request, or of another task
            tokens[task_id] = _who.set(_User(name) if name else _Job(job_context()))

    def end(task_id=None, **_):
        token = tokens.pop(task_id, None)
        if token is not None:
            _who.reset(token)

    def stop(**_):  # a worker process ends without what Python does at exit
        for handler in list(_handlers):
            handler.flush()

    def remember(**_):
        rooted[:] = [h for h in logging.getLogger().handlers if isinstance(h, LoglaneHandler)]

    def put_back(logger=None, **_):  # a worker takes the root's handlers away, and gives its tasks a logger apart
        for handler in rooted:
            logger.addHandler(handler)

    for name, receiver in {
        "before_task_publish": publish, "task_prerun": begin, "task_postrun": end, "worker_process_shutdown": stop,
        "celeryd_init": remember, "after_setup_logger": put_back, "after_setup_task_logger": put_back,
    }.items():
        getattr(signals, name).connect(receiver, weak=False, dispatch_uid=f"loglane.{name}")


with contextlib.suppress(ImportError):
    from celery import signals as _celery_signals

    connect_celery(_celery_signals)

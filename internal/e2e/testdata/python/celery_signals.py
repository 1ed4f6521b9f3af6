"""Lets the Celery receivers meet signals as Celery sends them; prints whose lines are whose."""

import json
import logging
from types import SimpleNamespace

import loglane_django
from loglane_django import LoglaneHandler, as_job, as_user


class Signal:
    def connect(self, receiver, weak, dispatch_uid):
        self.send = receiver


signals = SimpleNamespace(**{name: Signal() for name in (
    "before_task_publish", "task_prerun", "task_postrun", "worker_process_shutdown",
    "celeryd_init", "after_setup_logger", "after_setup_task_logger")})
loglane_django.connect_celery(signals)

handler = LoglaneHandler("redis://127.0.0.1:1/0")
contexts = []
handler.outbox.put = lambda context, payload: contexts.append(context)
root, tasks = logging.getLogger(), logging.getLogger("celery.task")
root.addHandler(handler)
signals.celeryd_init.send(sender="worker")
root.handlers, tasks.propagate = [], False  # as a worker does
root.setLevel(logging.INFO)
signals.after_setup_logger.send(sender=None, logger=root)
signals.after_setup_task_logger.send(sender=None, logger=tasks)


def publish():
    headers = {"id": "1"}
    signals.before_task_publish.send(sender="task", headers=headers)
    return headers


def work(number, **request):
    task = SimpleNamespace(request=SimpleNamespace(**request))
    signals.task_prerun.send(sender=task, task_id=number, task=task)
    logging.info("first")
    tasks.info("second")
    sent = publish()
    signals.task_postrun.send(sender=task, task_id=number, task=task)
    return sent


class Request:
    def __init__(self, name):
        self.user = SimpleNamespace(is_authenticated=name is not None, get_username=lambda: name)


with as_user("alice"):
    by_user = publish()
token = loglane_django._who.set(Request("bob"))
by_request = publish()
loglane_django._who.set(Request(None))
by_nobody = publish()
loglane_django._who.reset(token)
with as_job():
    by_job = publish()
chained = work("1", **by_user)  # as Celery shows a message's headers
work("2", headers=by_request)
work("3", headers=None)
work("4", headers={})
with as_user("carol"):
    work("5", is_eager=True)
    logging.info("the request again")
logging.info("nobody's")
handler.outbox.count = 0
signals.worker_process_shutdown.send()
print(json.dumps({
    "headers": [by_user.get("loglane_user"), by_request.get("loglane_user"), by_nobody.get("loglane_user"),
                by_job.get("loglane_user"), chained.get("loglane_user")],
    "contexts": contexts,
    "process": handler.process_context,
}))

"""The views of a little shop: lines about its user, and an old stream of them."""

import logging
import os

import redis
from django.contrib.auth import authenticate, login, logout
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

logger = logging.getLogger("shop")


def order(request, number):
    logger.info("line %d", number, extra={"order": number})
    return HttpResponse("paid\n")


async def order_async(request, number):
    logger.info("line %d", number)
    return HttpResponse("paid\n")


def enter(request):
    """Signs in in the middle of a request."""
    logger.info("somebody knocks")
    login(request, authenticate(request, username=request.GET["name"], password=request.GET["password"]))
    logger.info("signed in")
    return HttpResponse("welcome\n")


def leave(request):
    logout(request)
    return HttpResponse("bye\n")


def broken(request):
    raise ValueError("no such order")


def old_stream(request):
    """What many apps have: a subscription to the user's channel, passed on as events."""

    def events():
        client = redis.Redis.from_url(os.environ["REDIS_URL"])
        with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(f"logs:User.{request.user.username}")
            yield b": open\n\n"
            for message in pubsub.listen():
                yield b"".join(b"data: " + line + b"\n" for line in message["data"].splitlines()) + b"\n"

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [
    path("order/<int:number>/", order),
    path("order-async/<int:number>/", order_async),
    path("enter/", enter),
    path("leave/", leave),
    path("broken/", broken),
    path("old-stream/", old_stream),
]

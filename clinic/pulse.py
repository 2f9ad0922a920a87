"""Which workers live: each says so in the broker every few seconds, and its word fades by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

SECONDS = 5
FADES_AFTER = 3 * SECONDS
PREFIX = "vigie:worker:"
# What the process that looks after lost jobs says it takes.
WATCH = "watch"


class NoBroker(Exception):
    """The broker does not answer."""


def say(name: str, queues: Iterable[str]) -> None:
    """Say that the worker ``name`` takes from ``queues``; raises :class:`NoBroker`."""
    try:
        with _client() as client:
            client.set(PREFIX + name, json.dumps(sorted(queues)), ex=FADES_AFTER)
    except RedisError as error:
        raise NoBroker from error


def silence(name: str) -> None:
    """Take the word of a worker that stops in good order back; raises :class:`NoBroker`."""
    try:
        with _client() as client:
            client.delete(PREFIX + name)
    except RedisError as error:
        raise NoBroker from error


def living() -> Counter[str]:
    """Return how many workers take from each queue; raises :class:`NoBroker`."""
    if not settings.REDIS_URL:
        raise NoBroker
    try:
        with _client() as client:
            keys = list(client.scan_iter(match=f"{PREFIX}*", count=100))
            said = client.mget(keys) if keys else []
    except RedisError as error:
        raise NoBroker from error
    return Counter(queue for word in said if word for queue in json.loads(word))


def _client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)

"""Whether the process of this container works: ``python -m clinic.liveness web`` or ``worker``."""

from __future__ import annotations

import os
import socket
import sys
import urllib.error
import urllib.request

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from clinic import pulse

PORT = 8000
SECONDS = 5


def web_answers(port: int = PORT) -> bool:
    """Say whether the web server of this container answers.

    ``/health`` says 503 while a worker is missing. That is for the people who watch; this web server
    works all the same and must not be taken out of service for it.
    """
    host = (settings.ALLOWED_HOSTS or ["localhost"])[0].lstrip(".*") or "localhost"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/health", headers={"Host": host, "X-Forwarded-Proto": "https"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return answer.status == 200
    except urllib.error.HTTPError as error:
        return error.code == 503
    except OSError:
        return False


def worker_lives(queues: str) -> bool:
    """Say whether the worker of this container, named after the first of ``queues``, gives its pulse."""
    name = f"{queues.split(',')[0]}@{socket.gethostname()}"
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS) as client:
            return bool(client.exists(pulse.PREFIX + name))
    except RedisError:
        return False


def main(arguments: list[str]) -> int:
    """Return the exit status that Docker reads: 0 healthy, 1 not."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
    if arguments == ["web"]:
        return int(not web_answers())
    if arguments == ["worker"]:
        return int(not worker_lives(os.environ.get("VIGIE_QUEUES", "")))
    raise SystemExit("say which: python -m clinic.liveness web, or worker")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How jobs travel: late acknowledgement, one at a time, and nothing but JSON.

The broker never decides what is lost: a lease in the database and ``predictions.watch`` do. The transport
restores a killed worker's message only after ``visibility_timeout`` + ``unacked_restore_interval`` ×
``unacked_restore_throttle`` seconds; by then the watch has usually sent another, and whichever comes second
finds nothing to do.
"""

from __future__ import annotations

from django.conf import settings

QUEUES = ("tabular", "imaging", "signals", "training", "upkeep")

# Port 1 answers nobody: without a broker a study is accepted and sent once there is one.
broker_url = settings.REDIS_URL or "redis://127.0.0.1:1/0"
broker_connection_retry_on_startup = True
broker_connection_timeout = 2
broker_transport_options = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    # A broker that hangs must not hold up whoever submits; a worker asks anew every second.
    "socket_timeout": 5,
    "socket_keepalive": True,
}

task_serializer = result_serializer = "json"
accept_content = ["json"]
task_ignore_result = True
task_default_queue = "upkeep"
task_create_missing_queues = True
task_acks_late = True
task_reject_on_worker_lost = True
task_publish_retry = False

worker_prefetch_multiplier = 1
worker_max_tasks_per_child = 200
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_send_task_events = False
worker_enable_remote_control = False

timezone = "UTC"

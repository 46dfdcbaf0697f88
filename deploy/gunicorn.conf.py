"""Pages and API on WSGI, which serves about twice as many requests per core as ASGI.

Everything from the environment: HOST, PORT, WEB_CONCURRENCY (processes), FLIGHTDECK_WEB_THREADS (threads of each).
"""

import os

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("FLIGHTDECK_WEB_THREADS", "8"))
worker_class = "gthread"
# Each worker imports the product itself: no database connection and no thread is inherited over a fork.
preload_app = False
# Longer than the longest request: database statements end at 30 s, calls outside are the workers' work.
timeout = 60
graceful_timeout = 25
keepalive = 15
# Slow leaks of any library end here; the jitter keeps the workers from going together.
max_requests = 20_000
max_requests_jitter = 2_000
# A heartbeat file on a disk that stalls looks like a worker that hangs.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# The proxy's word on scheme and address counts only where the operator says so.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
accesslog = None  # the product logs each request itself, with its request id
errorlog = "-"
loglevel = "warning"

# Two stages: the first has compilers and caches, the second only what runs. One image for every role; the command
# says which (see compose.yaml). Everything that is written goes to /var/lib/flightdeck, so the rest may be read-only.
FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.txt requirements-observe.txt ./
RUN /app/.venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-observe.txt
COPY . .
# The names of static files carry hashes of their content, so they are made once, here, and are the same everywhere.
RUN FLIGHTDECK_VAR=/tmp/build FLIGHTDECK_STATIC_ROOT=/app/collected FLIGHTDECK_STATIC_COLLECTED=1 \
    /app/.venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /app/.venv/bin/python -m compileall -q -j 0 . \
    && rm -rf /tmp/build

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/flightdeck --create-home flightdeck
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FLIGHTDECK_VAR=/var/lib/flightdeck \
    FLIGHTDECK_STATIC_ROOT=/app/collected \
    FLIGHTDECK_STATIC_COLLECTED=1 \
    HOST=0.0.0.0
USER flightdeck
VOLUME /var/lib/flightdeck
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=40s --retries=3 CMD ["python", "deploy/healthcheck.py", "http://127.0.0.1:8000/health/live"]
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "config.wsgi:application"]

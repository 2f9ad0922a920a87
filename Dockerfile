# Small images from one file: `web` answers pages and the API, `worker` analyses, `trainer` learns from a hospital's own
# table. None has TensorFlow, a compiler or pip; `mlflow` serves the book of training runs.
FROM python:3.13-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PATH=/opt/venv/bin:$PATH
RUN useradd --system --uid 10001 --home-dir /var/lib/vigie --create-home --shell /usr/sbin/nologin vigie

FROM base AS build-web
WORKDIR /build
COPY requirements/web.txt requirements/lock.txt requirements/
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --compile -r requirements/web.txt -c requirements/lock.txt

FROM build-web AS build-worker
COPY requirements/worker.txt requirements/
RUN pip install --no-cache-dir --compile -r requirements/worker.txt -c requirements/lock.txt

FROM build-web AS build-trainer
COPY requirements/training.txt requirements/
RUN pip install --no-cache-dir --compile -r requirements/training.txt -c requirements/lock.txt

FROM build-web AS build-mlflow
COPY requirements/mlflow.txt requirements/
RUN python -m venv --clear /opt/venv \
    && pip install --no-cache-dir --compile -r requirements/mlflow.txt -c requirements/lock.txt

# The code with its translations compiled and its style sheets gathered; the tools that do it stay here.
FROM build-web AS code
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir -r requirements/build.txt -c requirements/lock.txt
WORKDIR /srv/vigie
COPY . .
RUN VIGIE_DATA_DIR=/tmp/build python manage.py compile_catalogues \
    && VIGIE_DATA_DIR=/tmp/build python manage.py collectstatic --noinput

FROM base AS web
COPY --from=build-web /opt/venv /opt/venv
COPY --from=code /srv/vigie /srv/vigie
WORKDIR /srv/vigie
ENV VIGIE_ENV=production \
    VIGIE_DATA_DIR=/var/lib/vigie \
    LOG_FORMAT=json
USER 10001
VOLUME /var/lib/vigie
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 \
    CMD ["python", "-m", "clinic.liveness", "web"]
CMD ["gunicorn", "clinic.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-class", "gthread", \
     "--threads", "8", "--timeout", "120", "--graceful-timeout", "30", "--worker-tmp-dir", "/dev/shm", \
     "--no-control-socket", "--log-level", "warning"]

FROM base AS worker
COPY --from=build-worker /opt/venv /opt/venv
COPY --from=code /srv/vigie /srv/vigie
WORKDIR /srv/vigie
ENV VIGIE_ENV=production \
    VIGIE_DATA_DIR=/var/lib/vigie \
    LOG_FORMAT=json \
    VIGIE_QUEUES=tabular,imaging,signals,upkeep
USER 10001
VOLUME /var/lib/vigie
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["python", "-m", "clinic.liveness", "worker"]
# The shell gives way to Celery (exec), which then receives the signal to stop and may finish its study.
CMD ["sh", "-c", "exec celery -A clinic worker -Q \"$VIGIE_QUEUES\" -n \"${VIGIE_QUEUES%%,*}@%h\" --pool prefork --concurrency 1 --without-gossip --without-mingle --without-heartbeat"]

# Trains on the hospital's own births, one table at a time; what a training imports goes with the child that did it.
FROM base AS trainer
COPY --from=build-trainer /opt/venv /opt/venv
COPY --from=code /srv/vigie /srv/vigie
WORKDIR /srv/vigie
ENV VIGIE_ENV=production \
    VIGIE_DATA_DIR=/var/lib/vigie \
    LOG_FORMAT=json \
    VIGIE_QUEUES=training
USER 10001
VOLUME /var/lib/vigie
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["python", "-m", "clinic.liveness", "worker"]
CMD ["sh", "-c", "exec celery -A clinic worker -Q \"$VIGIE_QUEUES\" -n \"${VIGIE_QUEUES%%,*}@%h\" --pool prefork --concurrency 1 --max-tasks-per-child 1 --without-gossip --without-mingle --without-heartbeat"]

FROM base AS mlflow
COPY --from=build-mlflow /opt/venv /opt/venv
COPY scripts/mlflow_server.py /srv/mlflow_server.py
WORKDIR /var/lib/vigie
ENV MLFLOW_TRACKING_URI=sqlite:////var/lib/vigie/mlflow.sqlite3
USER 10001
VOLUME /var/lib/vigie
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=5)"]
CMD ["python", "/srv/mlflow_server.py", "--host", "0.0.0.0", "--port", "5000", "--folder", "/var/lib/vigie"]

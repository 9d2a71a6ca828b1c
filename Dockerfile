# One image for every room: the command names the room, as in `docker run sibol services.matching`.
FROM python:3.13-slim

WORKDIR /sibol

COPY locks/rooms.lock locks/rooms.lock
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes -r locks/rooms.lock

COPY LICENSE ./
COPY shared shared
COPY services services
RUN python -m compileall -q shared services \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin sibol \
    && install -d -o sibol -g sibol -m 700 /var/lib/sibol/files /var/lib/sibol/keys

USER 10001

# The gateway's API and every other room's probes answer on the same port.
ENV PYTHONUNBUFFERED=1 \
    SIBOL_HTTP_HOST=0.0.0.0 \
    SIBOL_HTTP_PORT=8080 \
    SIBOL_HEALTH_HOST=0.0.0.0 \
    SIBOL_HEALTH_PORT=8080 \
    SIBOL_FILES_URL=file:///var/lib/sibol/files \
    SIBOL_KEYS_DIR=/var/lib/sibol/keys

EXPOSE 8080

HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=3)"]

ENTRYPOINT ["python", "-m"]
CMD ["services.gateway"]

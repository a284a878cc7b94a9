# httptee on Debian's own Python, as a user without rights. docs/install.md says how to build and run it.
FROM debian:bookworm-slim AS build
# Debian's fixes are wanted as they come, so no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN python3 -m venv /opt/httptee \
    && /opt/httptee/bin/pip install --no-cache-dir '.[all]'

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/httptee /opt/httptee
ENV PATH=/opt/httptee/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HTTPTEE_ADMIN=:8889
# A number, so that Kubernetes can check that it is not root.
USER 10001:10001
EXPOSE 8888 8889
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8889/healthz', timeout=2)"]
ENTRYPOINT ["httptee"]

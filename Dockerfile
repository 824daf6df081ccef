# Build: make a wheel and install it with pinned dependencies into /opt/venv.
FROM python:3.12-slim AS build

WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
# pip stays outside the environment that is handed on; it compiles bytecode for a quick start.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv install --no-cache-dir --compile -c constraints.txt '.[postgresql]'

# Run: the interpreter and /opt/venv, nothing that builds.
FROM python:3.12-slim

ARG VERSION=0.1.0
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="instep" \
      org.opencontainers.image.description="Keeps incidents in step across DevRev, Datadog and ProdManager" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.12-slim"

COPY --from=build /opt/venv /opt/venv
# Group 0 may write: platforms that choose a random user id keep the group.
RUN install -d -o 65532 -g 0 -m 0770 /data
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /data
USER 65532:0
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["instep", "status", "--health"]
ENTRYPOINT ["instep"]
CMD ["run"]

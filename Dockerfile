# One image for the three services and the command line: the command that is run chooses (directflow-gateway,
# directflow-segments, directflow-conditions, directflow). docs/kubernetes.md says how it is run, `make image` how it is built.
#
# BASE is any glibc image with Python 3.11 to 3.13 as `python3`, time zones, and pip unless wheels are given; pin it by
# digest: --build-arg BASE=...@sha256:...
# `scripts/image_base` makes one from Debian's packages where no registry is within reach.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# Wheels come from an index (--secret id=pip.conf,src=... says which: an argument would stay in the history), or from a
# directory of wheels: --build-context wheels=DIR is put in the place of this. The locks' hashes decide in both cases.
FROM scratch AS wheels

# --- what is built, with tools that stay here ---------------------------------------------------------------------
FROM ${BASE} AS build
COPY requirements.lock requirements-build.lock /build/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=bind,from=wheels,target=/wheels \
    set -eu; \
    export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore; \
    pip="-m pip"; \
    for wheel in /wheels/pip-*.whl; do \
      if [ -f "$wheel" ]; then pip="$wheel/pip"; export PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels; fi; \
    done; \
    locked="install --quiet --require-hashes --no-deps --only-binary=:all: --no-compile"; \
    python3 -m venv --without-pip /opt/directflow; \
    python3 -m venv --without-pip /build/tools; \
    python3 $pip --python /opt/directflow/bin/python $locked -r /build/requirements.lock; \
    python3 $pip --python /build/tools/bin/python $locked -r /build/requirements-build.lock; \
    # What only their own builds and tests read; Arrow's clients of S3 and Flight, 50 MB.
    cd /opt/directflow/lib/python3*/site-packages; \
    find . -depth -type d -name tests -exec rm -r {} +; \
    rm -r pyarrow/include pyarrow/*flight* pyarrow/*s3*; \
    rm -f /opt/directflow/bin/[Aa]ctivate*

# Our own code comes last and goes into a tree of its own: a new version is a new layer of two megabytes.
ARG SOURCE_DATE_EPOCH=0
COPY pyproject.toml README.md LICENSE NOTICE /build/source/
COPY services /build/source/services
COPY protos/gen /build/source/protos/gen
# Links in services/cli point at them.
COPY examples/definitions /build/source/examples/definitions
COPY examples/demo /build/source/examples/demo
# Nothing can be compiled when the root file system is read-only. unchecked-hash: no time of any file is in what is compiled.
RUN set -eu; cd /build/source; \
    export SOURCE_DATE_EPOCH PYTHONHASHSEED=0; \
    /build/tools/bin/python -m hatchling build -t wheel -d /build/wheel > /dev/null; \
    /build/tools/bin/python -m pip --disable-pip-version-check --python /opt/directflow/bin/python install --quiet \
      --no-index --no-deps --no-compile --root-user-action=ignore --no-warn-script-location --root /build/root /build/wheel/*.whl; \
    for at in / /build/root; do \
      python3 -m compileall -q -j 1 -s "${at%/}" --invalidation-mode unchecked-hash "${at%/}/opt/directflow/lib"; \
    done

# --- what runs ----------------------------------------------------------------------------------------------------
FROM ${BASE}
# A name for 10001, which libraries ask for; no file that makes its caller root; no installer, where the base brought one.
# What the base has compiled of its standard library, if anything, is stale once an image's times are cut down.
RUN set -eu; \
    test -f /usr/share/zoneinfo/UTC || { echo "the base has no time zones, without which Arrow prints no timestamp: tzdata" >&2; exit 1; }; \
    echo 'directflow:x:10001:10001:DirectFlow:/nonexistent:/usr/sbin/nologin' >> /etc/passwd; \
    echo 'directflow:x:10001:' >> /etc/group; \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +; \
    for installer in pip setuptools wheel pkg_resources _distutils_hack distutils-precedence ensurepip; do \
      rm -rf /usr/local/bin/$installer* /usr/lib/python3*/$installer /usr/local/lib/python3*/$installer \
        /usr/lib/python3*/*-packages/$installer* /usr/local/lib/python3*/*-packages/$installer*; \
    done; \
    PYTHONHASHSEED=0 python3 -m compileall -q -f -j 1 --invalidation-mode unchecked-hash -x '/(test|lib2to3|idlelib)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/directflow /opt/directflow
COPY --from=build /build/root/opt/directflow /opt/directflow
ENV PATH=/opt/directflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
STOPSIGNAL SIGTERM
CMD ["directflow", "--help"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="DirectFlow" \
      org.opencontainers.image.description="Audiences, personalization and conditions straight from a customer's own PostgreSQL, over gRPC." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

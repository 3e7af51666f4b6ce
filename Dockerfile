# Two stages: the first has the build tools, the second only what runs, as a user without rights.
# The wheels that requirements/run.txt names come from dist/wheels/ if `make image` has put them there, else from an index.
ARG BASE=docker.io/library/python:3.13-slim
FROM ${BASE} AS build
# set and not empty: what is not in dist/wheels/ is an error, and nothing is fetched
ARG PIP_NO_INDEX=
ENV PIP_FIND_LINKS=/wheels \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/run.txt dist/wheel[s] /wheels/
# compiled here, since where it runs nothing can be written beside the modules
RUN python3 -m venv /opt/holdback && \
    /opt/holdback/bin/pip install --compile --only-binary :all: -r /wheels/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY detectors detectors
COPY fallback fallback
COPY monitor monitor
RUN /opt/holdback/bin/pip install --compile --no-deps . && \
    /opt/holdback/bin/pip uninstall --yes pip setuptools && \
    find /opt/holdback/lib -type d -name tests -path '*/site-packages/*/*' -prune -exec rm -rf {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="holdback" \
      org.opencontainers.image.description="Decides for each prediction of a served model whether the model may answer." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/holdback /opt/holdback
# glibc gives each large buffer its own mapping and returns it at once; keeping them saves a tenth to a third of the CPU.
ENV PATH=/opt/holdback/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_MMAP_THRESHOLD_=67108864 \
    MALLOC_TRIM_THRESHOLD_=268435456
USER 65532:65532
WORKDIR /tmp
EXPOSE 8088
ENTRYPOINT ["holdback"]
CMD ["--help"]

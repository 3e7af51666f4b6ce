# Two stages: the first has the build tools, the second only what runs, as a user without rights.
ARG BASE=docker.io/library/python:3.13-slim
FROM ${BASE} AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python3 -m venv /opt/holdback && /opt/holdback/bin/pip install --no-cache-dir --no-compile -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY detectors detectors
COPY fallback fallback
COPY monitor monitor
RUN /opt/holdback/bin/pip install --no-cache-dir --no-deps . && rm -rf /opt/holdback/bin/pip*

FROM ${BASE}
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

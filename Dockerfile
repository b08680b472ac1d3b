# One image for every part: `docker run spanloom run`, `… agent`, `… collector`, `… query`, `… demo`.
FROM python:3.12-slim AS build
RUN apt-get update -qq && apt-get install -qq --no-install-recommends make >/dev/null
WORKDIR /opt/spanloom
COPY . .
RUN make setup && rm -rf ui/node_modules

FROM python:3.12-slim
COPY --from=build /opt/spanloom /opt/spanloom
ENV PATH=/opt/spanloom/.venv/bin:$PATH SPANLOOM_DATA=/data SPANLOOM_AGENT_SPOOL_DIR=/data/agent-spool NUMBA_CACHE_DIR=/var/cache/spanloom
RUN useradd --system spanloom && install -d -o spanloom /data /var/cache/spanloom
USER spanloom
# Compiled here once more, into a place that this user may write to.
RUN python -m spanloom_storage.kernels
VOLUME /data
ENTRYPOINT ["spanloom"]
CMD ["run"]

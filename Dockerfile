# One image for every part: `docker run spanloom run`, `… agent`, `… collector`, `… query`, `… demo`.
FROM python:3.12-slim AS build
RUN apt-get update -qq && apt-get install -qq --no-install-recommends make >/dev/null
WORKDIR /opt/spanloom
COPY . .
RUN make setup && rm -rf ui/node_modules

FROM python:3.12-slim
COPY --from=build /opt/spanloom /opt/spanloom
ENV PATH=/opt/spanloom/.venv/bin:$PATH SPANLOOM_DATA=/data
RUN useradd --system spanloom && install -d -o spanloom /data
USER spanloom
VOLUME /data
ENTRYPOINT ["spanloom"]
CMD ["run"]

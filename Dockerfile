# Two stages: one compiles the program and downloads the model, the other serves.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Dependencies first, with an empty crate: they are recompiled only when they change.
COPY Cargo.toml Cargo.lock build.rs ./
COPY fuzz/Cargo.toml fuzz/Cargo.toml
COPY kernels kernels
RUN mkdir -p src benches tests \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs tests/tests.rs benches/tokenize.rs benches/encode.rs benches/search.rs benches/live.rs benches/query.rs \
    && cargo build --release --locked
COPY models/manifest.toml models/manifest.toml
COPY src src
# Exports contain the commit, and there is no Git checkout in the image:
# docker build --build-arg BUILD_COMMIT=$(git rev-parse --short=12 HEAD)
ARG BUILD_COMMIT=
RUN touch src/main.rs src/lib.rs && cargo build --release --locked
RUN target/release/antiphon models fetch

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /app antiphon \
    && install -d -o antiphon -g antiphon /app /data
WORKDIR /app
COPY --from=build /app/target/release/antiphon /usr/local/bin/antiphon
COPY --from=build --chown=antiphon:antiphon /app/models models
COPY --chown=antiphon:antiphon corpus corpus
USER antiphon
# It starts only if ANTIPHON_KEYS_FILE or ANTIPHON_ALLOW_ANONYMOUS=true is set.
ENV ANTIPHON_LISTEN=0.0.0.0:8080 \
    ANTIPHON_CORPUS=/app/corpus \
    ANTIPHON_DATA_DIR=/data \
    ANTIPHON_OFFLINE=true
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
    CMD curl --fail --silent http://127.0.0.1:8080/readyz || exit 1
CMD ["antiphon", "serve"]

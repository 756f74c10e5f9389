# Windlass as an image: one static program, the certificates it trusts, and nothing else.
#
#   docker build -t windlass --build-arg VERSION="$(git describe --tags --always)" .
#
# Both stages that build run on the machine that builds and compile for the one asked for, so
# --platform linux/amd64,linux/arm64 emulates nothing. Their images can come from a mirror.
ARG NODE_IMAGE=node:22-bookworm-slim
ARG GO_IMAGE=golang:1.26-bookworm

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS page
WORKDIR /src/internal/web/ui
COPY internal/web/ui/package.json internal/web/ui/package-lock.json internal/web/ui/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY internal/web/ui ./
RUN npm run build

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY cmd cmd
COPY internal internal
COPY --from=page /src/internal/web/dist internal/web/dist
ARG TARGETOS TARGETARCH VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -tags grpcnotrace -ldflags "-s -w -X main.version=$VERSION" -o /out/windlass ./cmd/server
# An empty folder, for a volume to take its owner from.
RUN mkdir -p /out/var/lib/windlass

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/windlass /windlass
# What may be written to: log lines that are not shipped yet. All else may be read-only.
COPY --from=build --chown=65532:65532 /out/var/lib/windlass /var/lib/windlass
ENV WINDLASS_LISTEN=:8000 WINDLASS_LOG_SPOOL_DIR=/var/lib/windlass/log-spool
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["/windlass", "healthcheck"]
ENTRYPOINT ["/windlass"]
ARG VERSION=dev REVISION= CREATED= SOURCE=
LABEL org.opencontainers.image.title="Windlass" \
      org.opencontainers.image.description="Background work as a service" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED \
      org.opencontainers.image.source=$SOURCE

#!/bin/sh
# Builds an image by its name, with what the machine has: deploy/docker/build.sh NAME [argument of the builder]...
#
# TAG names the tag (dev), IMAGE_BUILDER the program (docker, podman, buildah; else the first of them that works).
set -eu
name=$1
shift

case $name in
api | combined | worker) file=$name target= ;;
worker-cloudrun | worker-local) file=worker target=${name#worker-} ;;
*)
  echo "There is no image $name: api, worker, worker-cloudrun, worker-local and combined are built." >&2
  exit 2
  ;;
esac

builder=${IMAGE_BUILDER:-}
if [ -z "$builder" ]; then
  if docker info >/dev/null 2>&1; then # a client without its daemon builds nothing
    builder=docker
  elif command -v podman >/dev/null; then
    builder=podman
  elif command -v buildah >/dev/null; then
    builder=buildah
  else
    echo "Nothing was built: docker with a running daemon, podman or buildah is needed, and none of them is here." >&2
    exit 1
  fi
fi

cd "$(dirname "$0")/../.."
set -- --label "org.opencontainers.image.version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
  --label "org.opencontainers.image.revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --label org.opencontainers.image.licenses=Apache-2.0 \
  --file "deploy/docker/$file.Dockerfile" --tag "coaching-transcripts-$name:${TAG:-dev}" "$@" .
[ -z "$target" ] || set -- --target "$target" "$@"
case $builder in
docker) ;;
*) set -- --format docker --layers "$@" ;; # the OCI format has no health checks
esac
exec "$builder" build "$@"

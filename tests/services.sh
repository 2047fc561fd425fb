#!/bin/sh
# Installs the servers that the tests start on loopback, where they are missing: PostgreSQL and docker-registry.
# (The S3-speaking server and everything else comes from PyPI.)
set -eu

missing=""
command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="postgresql"
command -v docker-registry >/dev/null || missing="$missing docker-registry"
command -v openssl >/dev/null || missing="$missing openssl"
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
  $as_root apt-get update -q >/dev/null
  # shellcheck disable=SC2086  # several words
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qy --no-install-recommends $missing >/dev/null
else
  echo "the tests need:$missing (Debian's package names); install them, or give sudo without a password" >&2
  exit 1
fi

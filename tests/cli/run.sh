#!/usr/bin/env bash
# run.sh BLUR HELPERS FILE...: runs the shell tests in these files, each in an empty folder; closes with the count.
set -u
blur=$(realpath "$1") helpers=$(realpath "$2") source=$(realpath "$(dirname "$0")/../..")
shift 2
folder=$(mktemp -d)
readonly folder # removed at the end: no test may mean another by this name
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME=$folder/cache BLUR_RUNS=$folder/runs.db LC_ALL=C
unset BLUR_STDLIB BLUR_DATA
. "$source/tests/cli/library.sh"
for file in "$@"; do
  work=$folder/$(basename "$file" .test)
  mkdir -p "$work"
  file=$(realpath "$file")
  cd "$work" || exit 3
  . "$file"
  cd "$folder" || exit 3
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

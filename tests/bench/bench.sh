#!/usr/bin/env bash
# bench.sh BUILD [--peer]: the project's figures, medians of one run: steps, meta-gradients, products, starts. The last column of a table is
# the goal, where there is one. Called by ./dev bench.
set -euo pipefail
build=$1
shift
blur=$build/bin/blur
here=$(dirname "$0")
runs=9

median_ms() { # COMMAND...: median wall time of whole processes
  local i before after
  for ((i = 0; i < runs; i++)); do
    before=$EPOCHREALTIME
    "$@" >/dev/null 2>&1
    after=$EPOCHREALTIME
    echo $(((${after/./} - ${before/./})))
  done | sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] / 1000 }'
}

title() { printf '\n== %s\n' "$*"; }

title "steps"
"$blur" bench std.backprop --set act=tanh --net 784-256-128-10
for k in 2 4 8; do
  echo "k = $k"
  "$blur" bench std.blur --set k=$k --net 784-256-128-10 | tail -1
done
"$blur" bench std.backprop --set act=tanh --net 196-512-10
"$blur" bench std.blur --set k=2 --net 196-512-10 | tail -1
"$blur" bench std.backprop --set act=tanh --net 2-20-1 --batch 512
"$blur" bench std.blur --set k=2 --net 2-20-1 --batch 512 | tail -1
"$blur" bench std.adam --set act=relu --net 784-256-128-10

title "meta-gradients"
"$blur" bench std.blur --set k=4 --net 784-256-128-10 --unroll 10
"$blur" bench std.blur --set k=4 --net 784-256-128-10 --unroll 50 --memory 170M
"$blur" bench std.blur --set k=2 --net 196-512-10 --unroll 10
"$blur" bench std.blur --set k=2 --net 2-20-1 --batch 512 --unroll 10
"$blur" bench std.blur --set k=2 --net 2-20-1 --batch 128 --unroll 10 --networks 40

title "products of 784 x 256, batch 128; goal on one thread: 80 % of the peak"
for threads in 1 $(nproc); do
  "$blur" bench "$here/products/up.blur" --net 784-256-1 --threads "$threads"
  "$blur" bench "$here/products/down.blur" --net 1-784-256 --threads "$threads" | tail -1
  "$blur" bench "$here/products/update.blur" --net 784-256 --threads "$threads" | tail -1
done

title "CMA-ES by itself, on one thread"
"$build/bench/evolve"

title "whole processes, median of $runs, ms"
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
export XDG_CACHE_HOME=$cache
row() { # NAME GOAL COMMAND...
  local name=$1 goal=$2
  shift 2
  printf '%-64s %8s   goal < %s\n' "$name" "$(median_ms "$@")" "$goal"
}
for rule in std.backprop std.blur; do
  row "first step of 784-256-128-10, $rule, compiled anew" 400 "$blur" step $rule --net 784-256-128-10 --steps 1 --no-cache
  row "first step of 784-256-128-10, $rule, from the cache" 40 "$blur" step $rule --net 784-256-128-10 --steps 1
done
row "blur check stdlib/blur.blur" 20 "$blur" check "$here/../../stdlib/blur.blur"
row "blur --version" 20 "$blur" --version

if [ "${1:-}" = --peer ]; then
  title "beside PyTorch, eager: small networks measure its dispatch"
  shift
  unset XDG_CACHE_HOME
  exec /usr/bin/python3 "$here/peer.py" "$blur" "$@"
fi

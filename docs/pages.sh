#!/usr/bin/env bash
# pages.sh BLUR rules|results [NAME...]: makes pages of docs/rules or docs/results by running their experiments; without names
# all, and the index of the rules. `./dev rules` and `./dev results` call it.
set -euo pipefail
blur=$(realpath "$1") kind=$2
cd "$(dirname "${BASH_SOURCE[0]}")/$kind"
shift 2

# What the command prints, of which place and time are left out, indented as a block of code; the picture NAME.svg, whose
# numbers need no more than two decimals.
run_experiment() { # FILE:NAME NAME
  local output
  output=$("$blur" train "$1" --out "$2.svg" 2>/dev/null)
  sed -i -E 's/([0-9]\.[0-9]{2})[0-9]+/\1/g' "$2.svg"
  rm -f "$2.csv" "$2.measures.csv"
  sed '/^written:/d; s/, [0-9]* threads$//; s/^/    /; s/ *$//' <<<"$output"
}

# ---- docs/rules: the text of pages.txt, the script of stdlib/, the experiment of curves.blur

rules() { awk '/^== /{ print $2 }' pages.txt; }
title() { awk -v name="$1" '/^== / && $2 == name { sub(/^== [^ ]+ /, ""); print }' pages.txt; }
body() { awk -v name="$1" '/^== /{ wanted = $2 == name; next } wanted' pages.txt; }
experiment() { awk -v name="$1" '$1 == "experiment" { wanted = $2 == name } wanted' curves.blur | sed '/^}/q'; }

rule_page() { # NAME
  printf '# %s\n\n' "$(title "$1")"
  body "$1"
  printf '[stdlib/%s.blur](../../stdlib/%s.blur)\n\n```\n' "$1" "$1"
  cat "../../stdlib/$1.blur"
  printf '```\n\n![Test accuracy by step](%s.svg)\n\nThree epochs of Fashion-MNIST, five seeds:\n\n```\n' "$1"
  experiment "$1"
  printf '```\n\n    $ blur train docs/rules/curves.blur:%s --out %s.svg\n' "$1" "$1"
  run_experiment "curves.blur:$1" "$1"
}

# The accuracy after the last step is in the first line of a page's first table.
rule_index() {
  printf '# The rules of the library\n\n'
  printf 'Each page has the equation, the source, the script and the learning curve on Fashion-MNIST. `./dev rules` makes them all.\n\n'
  printf '| rule | | test accuracy after 3 epochs, %% |\n| --- | --- | --- |\n'
  local name
  for name in $(rules); do
    printf '| [%s](%s.md) | %s | %s |\n' "$name" "$name" "$(title "$name")" "$(awk '/^    rule /{
      getline; match($0, /[0-9.]+ ± [0-9.]+ +[0-9]+ +[0-9]+$/); $0 = substr($0, RSTART); print $1, $2, $3; exit }' "$name.md")"
  done
}

# ---- docs/results: examples/results/NAME.blur with what it says about itself

result_page() { # NAME
  local file=../../examples/results/$1.blur
  printf '# %s\n\n```\n' "$1"
  cat "$file"
  printf '```\n\n    $ blur train examples/results/%s.blur --out %s.svg\n' "$1" "$1"
  run_experiment "$file" "$1"
  printf '\n![%s](%s.svg)\n' "$1" "$1"
}

names=("$@")
case $kind in
rules)
  [ $# -gt 0 ] || mapfile -t names < <(rules)
  for name in "${names[@]}"; do
    echo "$name"
    page=$(rule_page "$name")
    echo "$page" >"$name.md"
  done
  rule_index >README.md
  ;;
results)
  [ $# -gt 0 ] || mapfile -t names < <(basename -s .blur ../../examples/results/*.blur)
  for name in "${names[@]}"; do
    echo "$name"
    page=$(result_page "$name")
    echo "$page" >"$name.md"
  done
  ;;
esac

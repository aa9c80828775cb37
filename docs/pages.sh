#!/usr/bin/env bash
# pages.sh BLUR rules|results [NAME...]: makes pages of docs/rules or docs/results by running their experiments; without names
# all, and the index of the rules. `./dev rules` and `./dev results` call it.
set -euo pipefail
shopt -s inherit_errexit
blur=$(realpath "$1") kind=$2
cd "$(dirname "${BASH_SOURCE[0]}")/$kind"
shift 2

# Prints what the command prints, without place and time, indented as a block of code; makes the picture NAME.svg.
run_experiment() { # FILE:NAME NAME
  local output
  output=$("$blur" train "$1" --out "$2.svg" 2>/dev/null)
  shorten "$2.svg"
  rm -f "$2.csv" "$2.measures.csv" "$2.differences.csv"
  sed '/^written:/d; s/, [0-9]* threads$//; s/^/    /; s/ *$//' <<<"$output"
}

# An SVG without what is so by default, in hundredths of a point, the outlines of letters in tenths.
shorten() { # FILE
  sed -i -E '/^<symbol/{ N; s/<symbol[^>]* id="glyph([^"]*)">\n<path/<path id="g\1"/; }
    s/([0-9]\.[0-9]{2})[0-9]+/\1/g; s/([0-9]+)\.[0-9]+%/\1%/g; s/(fill|stroke)-opacity:1;//g; s/fill-rule:nonzero;//g
    s/stroke-line(cap:butt|join:miter);//g; s/stroke-miterlimit:10;//g; s/([0-9]) ([MLCZ])/\1\2/g; s/([MLC]) /\1/g; s/ +"/"/g
    s/^ +//; s/#glyph/#g/; s/ style="stroke:none;"//; s/Z ?M[^MLCZ]*"/Z"/; s/;"/"/g; s/rgb\(15%,15%,15%\)/#262626/g
    s/ xlink:href/ href/; s/ xmlns:xlink="[^"]*"//; /^<\/symbol>$/d' "$1"
  awk '/^<(path id="g|use)/ {
         start = match($0, / (d|x)="/) + 3; rest = substr($0, start + 1); line = substr($0, 1, start)
         while (match(rest, /-?[0-9.]+/)) {
           line = line substr(rest, 1, RSTART - 1) sprintf("%.1f", substr(rest, RSTART, RLENGTH))
           rest = substr(rest, RSTART + RLENGTH)
         }
         $0 = line rest
       }
       { print }' "$1" | sed -E '/^<(path|use)/{ s/\.0([^0-9])/\1/g; s/(\.[1-9])0([^0-9])/\1\2/g; }; /^<path/{ s/([ MLC-])0(\.[0-9])/\1\2/g; s/([0-9]) -/\1-/g; }' >"$1.short"
  mv "$1.short" "$1"
}

# ---- docs/rules: the text of pages.txt, the script of stdlib/, the experiment of curves.blur

rules() { awk '/^== /{ print $2 }' pages.txt; }
title() { awk -v name="$1" '/^== / && $2 == name { sub(/^== [^ ]+ /, ""); print }' pages.txt; }
body() { awk -v name="$1" '/^== /{ wanted = $2 == name; next } wanted' pages.txt; }
block() { awk -v kind="$1" -v name="$2" '/^[a-z]/ { wanted = $1 == kind && $2 == name } wanted { print; if (/^}/) exit }' curves.blur; }
experiment() { # NAME: below its rule, where curves.blur has that
  local rule
  rule=$(block rule "$(block experiment "$1" | awk '$1 == "rule" { print $2; exit }')")
  [ -z "$rule" ] || printf '%s\n\n' "$rule"
  block experiment "$1"
}

# Which tests hold the rule: those with its steps computed elsewhere, and those that name it.
tested() { # NAME
  local cases=../../tests/reference by=
  awk -v rule="std.$1" '$2 == rule' $cases/cases.txt | grep -q . && by="PyTorch's ([cases]($cases/cases.txt))"
  awk -v name="$1" '$1 == name' $cases/rules/cases.txt | grep -q . && by="NumPy's ([make_rules.py]($cases/rules/make_rules.py))"
  local files=() file
  local programs=(rules_behaviour rules_settling) # where std.backprop is but what others are compared with
  [[ $1 != backprop* ]] || programs=(backprop_gradient)
  for file in "${programs[@]/#/../../tests/unit/}"; do
    grep -q "\"std\.$1\"" "$file.c" && files+=("[$(basename "$file").c]($file.c)")
  done
  [ -n "$by" ] || [ ${#files[@]} -gt 0 ] || { echo "pages.sh: no test holds std.$1" >&2; exit 1; }
  printf 'Tested:'
  [ -z "$by" ] || printf ' the numbers of its steps are %s, to 1e-9, in every engine and on every level of the processor' "$by"
  [ -z "$by" ] || [ ${#files[@]} -eq 0 ] || printf '; what it is known for,'
  [ ${#files[@]} -eq 0 ] || printf ' in %s' "${files[*]}"
  printf '.\n'
}

rule_page() { # NAME
  printf '# %s\n\n' "$(title "$1")"
  body "$1"
  printf '[stdlib/%s.blur](../../stdlib/%s.blur)\n\n```\n' "$1" "$1"
  cat "../../stdlib/$1.blur"
  printf '```\n\n'
  tested "$1" | fold -s -w 138 | sed 's/ $//'
  printf '\n![%s by step](%s.svg)\n\nThree epochs of Fashion-MNIST, five seeds:\n\n```\n' "$(shown "$1")" "$1"
  experiment "$1"
  printf '```\n\n    $ blur train docs/rules/curves.blur:%s --out %s.svg\n' "$1" "$1"
  run_experiment "curves.blur:$1" "$1"
}

# What the curve of a rule is of: the accuracy where there are evaluations on the way, else a measure.
shown() { # NAME
  local text
  text=$(block experiment "$1")
  if [[ $text == *"eval every"* ]]; then echo "Test accuracy"; else awk '$1 == "measure" { print $2; exit }' <<<"$text"; fi
}

# The last numbers of the first table of a page, or of that of the measure, whose last layer is the rule's.
last_numbers() { # NAME
  if [ "$(shown "$1")" = "Test accuracy" ]; then
    awk '/^    rule /{ getline; match($0, /[0-9.]+ ± [0-9.]+ +[0-9]+ +[0-9]+$/); $0 = substr($0, RSTART); print $1, $2, $3; exit }' "$1.md"
  else
    awk -v measure="$(shown "$1")" '$0 == "    " measure { getline; getline; print measure, $(NF - 2), $(NF - 1), $NF; exit }' "$1.md"
  fi
}

rule_index() {
  printf '# The rules of the library\n\n'
  printf 'Each page has equation, source, script, tests and a learning curve on Fashion-MNIST, three epochs from five seeds; what was
trained, and how, stands there. Below is where the curve ends: of a readout by the delta rule where a rule knows no classes (oja,
sanger, foldiak), of a genome set by hand where the genome is what would be learned (abcd, learned_optimizer, blur and its kin).

`./dev rules` makes the pages. How the rules compare, each with the learning rate that suits it best: [docs/results](../results/README.md).\n\n'
  printf '| rule | | test accuracy, %% | source |\n| --- | --- | --- | --- |\n'
  local name
  for name in $(rules); do
    printf '| [%s](%s.md) | %s | %s | %s |\n' "$name" "$name" "$(title "$name")" "$(last_numbers "$name")" \
      "$(body "$name" | awk '/^$/{ exit } { printf "%s%s", separator, $0; separator = " " }')"
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
    [ -n "$(title "$name")" ] || { echo "pages.sh: pages.txt has no rule \`$name\`" >&2; exit 1; }
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

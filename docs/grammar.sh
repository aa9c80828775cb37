#!/usr/bin/env bash
# Prints docs/language/grammar.md with its blocks of grammar made anew from the files that the parser is built of: what
# stands in blur.y under `// ---- NAME` replaces the block behind `<!-- grammar: NAME -->`. `./dev grammar` writes the file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
blocks=$(mktemp -d)
trap 'rm -rf "$blocks"' EXIT

productions() { # SECTION
  awk -f grammar.awk -v section="$1" ../grammar/blur.re ../compiler/syntax/layout.c ../grammar/blur.y
}

number=0
sed -n 's/^<!-- grammar: \(.*\) -->$/\1/p' language/grammar.md >"$blocks/sections"
while read -r section; do
  number=$((number + 1))
  productions "$section" >"$blocks/$number"
  [ -s "$blocks/$number" ] || { echo "grammar.sh: blur.y has no section \`$section\`" >&2; exit 1; }
done <"$blocks/sections"
sed -n 's|^// ---- \([^:]*\).*|\1|p' ../grammar/blur.y | while read -r section; do
  grep -qxF "$section" "$blocks/sections" || { echo "grammar.sh: the page lacks blur.y's section \`$section\`" >&2; exit 1; }
done

awk -v blocks="$blocks" '
  /^<!-- grammar: / { print; number++; replaced = 1; next }
  replaced && /^```/ {
    if (++fences == 1) { print; while ((getline line < (blocks "/" number)) > 0) print line; next }
    fences = replaced = 0
  }
  !replaced || !fences' language/grammar.md

# Writes the grammar of docs/language/grammar.md in EBNF from the files that the parser is built of:
#   awk -f grammar.awk -v section="variables" ../grammar/blur.re ../compiler/syntax/layout.c ../grammar/blur.y
# prints what stands in blur.y under `// ---- variables`; section "words": every word that is no name, or not everywhere;
# section "binding": the operators, loosest first. Left recursion becomes { }, an empty alternative [ ]. Left out are
# productions that recover from an error, and those marked `/* reported */`, which understand a mistake.

# ---- words: `"text" { kind = TOKEN_NAME; goto ...; }` of the scanner

FILENAME ~ /\.re$/ {
  if (match($0, /kind = TOKEN_[A-Z_]+; goto (word|done)/) && $1 ~ /^"/ && $2 == "{") {
    name = $0
    sub(/.*kind = TOKEN_/, "", name)
    sub(/;.*/, "", name)
    if (!(name in spelled)) spelled[name] = $1
    if ($0 ~ /goto word/) words[++word_count] = name
  }
  next
}

# Words that begin a clause in an experiment: a table of the layout.
FILENAME ~ /layout\.c$/ {
  if ($0 ~ /is_clause_word\(.*\{/) in_clause_words = 1
  if (in_clause_words && match($0, /\{".*"\}/)) {
    clause = substr($0, RSTART + 1, RLENGTH - 2)
    gsub(/, /, " | ", clause)
    in_clause_words = 0
  }
  next
}

# ---- the grammar

/^%token / && !/</ { # words that the layout tells from names by their place
  for (i = 2; i <= NF; i++) if ($i ~ /^(STEP|ALL|EXPERIMENT)$/) by_place = by_place " " tolower($i)
  next
}
/^%(left|nonassoc|right|precedence) / { levels[++level_count] = $0; next }
/^%%/ { in_rules++; next }
in_rules != 1 { next }
/^\/\/ ---- / {
  heading = $0
  sub(/^\/\/ ---- /, "", heading)
  sub(/: .*/, "", heading)
  next
}
{
  line = $0
  if (line !~ /"/) sub(/\/\/.*/, "", line)
  text = text "\n" line
  if (match(line, /^[a-z_]+:/)) {
    name = substr(line, 1, RLENGTH - 1)
    section_of[name] = heading
    order[++count] = name
  }
}

# `text` without C code: what stands in braces, of which only a mark is kept.
function without_actions(text, out, depth, i, c) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == "{") depth++
    if (!depth) out = out c
    if (c == "}") depth--
  }
  return out
}

function spell(symbol) {
  if (symbol in spelled) return spelled[symbol]
  if (symbol == "SEPARATOR") return "SEP"
  if (symbol == "CLAUSE") return "( " clause " )"
  if (symbol == "OPEN_AXES") return spelled["OPEN_PAREN"]
  if (symbol ~ /^OPEN_(STEPS|SETTINGS)$/) return spelled["OPEN_BRACE"]
  if (symbol == "STRING") return "TEXT"
  if (symbol ~ /^(STEP|ALL|EXPERIMENT)$/) return "\"" tolower(symbol) "\""
  return symbol # a terminal with a section of its own (NAME, NUMBER), or a nonterminal
}

function trimmed(text) {
  gsub(/[ \n]+/, " ", text)
  sub(/^ /, "", text)
  sub(/ $/, "", text)
  return text
}

# One production: bases[] are the alternatives that do not begin with the name itself, tails[] what follows it in the
# others.
function read_production(text, colon, name, parts, n, i, symbols, m, j, alternative, first) {
  colon = index(text, ":")
  name = trimmed(substr(text, 1, colon - 1))
  n = split(substr(text, colon + 1), parts, "|")
  for (i = 1; i <= n; i++) {
    if (parts[i] ~ /\/\* reported \*\// || parts[i] ~ /RECOVERED/) continue
    gsub(/\[[a-z_]+\]/, "", parts[i])
    sub(/%prec [A-Z_]+/, "", parts[i])
    sub(/%empty/, "", parts[i])
    m = split(trimmed(parts[i]), symbols, " ")
    alternative = ""
    first = m && symbols[1] == name ? 2 : 1
    for (j = first; j <= m; j++) {
      alternative = alternative (alternative == "" ? "" : " ") spell(symbols[j])
      uses[symbols[j]]++
    }
    if (m == 0) may_be_empty[name] = 1
    else if (first == 2) tails[name, ++tail_count[name]] = alternative
    else if (!seen[name, alternative]++) bases[name, ++base_count[name]] = alternative
  }
}

# The tails of a name; those that differ in their first word alone are one.
function grouped_tails(name, out, i, n, tail, operator, rest, rests, operators, kinds) {
  for (i = 1; i <= tail_count[name]; i++) {
    tail = tails[name, i]
    operator = tail
    sub(/ .*/, "", operator)
    rest = substr(tail, length(operator) + 1)
    if (!(rest in kinds)) rests[++n] = rest
    operators[rest] = operators[rest] (kinds[rest]++ ? " | " : "") operator
  }
  for (i = 1; i <= n; i++) {
    rest = rests[i]
    out[i] = (kinds[rest] > 1 && rest != "" ? "( " operators[rest] " )" : operators[rest]) rest
  }
  return n
}

function repetition(name, i, n, group, out) {
  n = grouped_tails(name, group)
  for (i = 1; i <= n; i++) out = out (i > 1 ? " | " : "") group[i]
  return "{ " out " }"
}

# What find_inner() found stands where it is used.
function written_out(text, i, n, symbols, out) {
  n = split(text, symbols, " ")
  for (i = 1; i <= n; i++)
    out = out (i > 1 ? " " : "") ((symbols[i] in inner) ? inner[symbols[i]] : symbols[i])
  return out
}

function wrapped(text, indent, words, n, i, line, out) {
  n = split(text, words, " ")
  for (i = 1; i <= n; i++) {
    if (length(line) + length(words[i]) > 104 - indent) {
      out = out line "\n" sprintf("%" (indent + 2) "s", "")
      line = ""
    }
    line = line (line == "" ? "" : " ") words[i]
  }
  return out line
}

# The alternatives of a nonterminal, one an entry of lines[]; `A` and then `A B` become `A [ B ]`.
function alternatives(name, lines, i, n, line, before, group, groups, g) {
  n = 0
  for (i = 1; i <= base_count[name]; i++) {
    line = written_out(bases[name, i])
    if (n && index(line, before " ") == 1 && lines[n] == before) lines[n] = before " [ " substr(line, length(before) + 2) " ]"
    else lines[++n] = line
    before = line
  }
  if (!tail_count[name]) return n
  if (n == 1) lines[1] = lines[1] " " written_out(repetition(name))
  else {
    groups = grouped_tails(name, group)
    for (g = 1; g <= groups; g++) lines[++n] = name " " group[g]
  }
  return n
}

function print_production(name, indent, i, n, lines, line, short) {
  indent = 17
  n = alternatives(name, lines)
  short = 1
  for (i = 1; i <= n; i++) {
    if (lines[i] ~ / /) short = 0
    line = line (i > 1 ? " | " : "") lines[i]
  }
  if (n > 1 && (may_be_empty[name] || short)) {
    n = 1
    lines[1] = line
  }
  for (i = 1; i <= n; i++)
    printf "%-" indent "s %s %s\n", i == 1 ? name : "", i == 1 ? "=" : "|",
      wrapped(may_be_empty[name] ? "[ " lines[i] " ]" : lines[i], indent + 3)
}

# Those of one alternative that are used in one place, and those of one sign, innermost first.
function find_inner(i, name) {
  for (i = count; i >= 1; i--) {
    name = order[i]
    if (base_count[name] != 1 || may_be_empty[name]) continue
    if (uses[name] != 1 && (tail_count[name] || bases[name, 1] !~ /^"[^ ]*"$/)) continue
    inner[name] = written_out(bases[name, 1] (tail_count[name] ? " " repetition(name) : ""))
  }
}

# Words that `name` takes are names where they mean nothing.
function print_words(i, line, in_place, text) {
  for (i = 1; i <= base_count["name"]; i++) in_place[bases["name", i]] = 1
  for (i = 1; i <= word_count; i++) {
    text = spelled[words[i]]
    if (text in in_place) continue
    gsub(/"/, "", text)
    line = line (line == "" ? "" : " ") text
  }
  print "never names           " wrapped(line, 20)
  line = ""
  for (i = 1; i <= base_count["name"]; i++) if (bases["name", i] != "NAME") line = line " " bases["name", i]
  gsub(/"/, "", line)
  print "words in their place  " wrapped(line by_place, 20)
  line = clause
  gsub(/"|\|/, "", line)
  print "in experiments        " wrapped(line, 20)
}

function print_binding(i, j, n, parts, line) {
  for (i = 1; i <= level_count; i++) {
    n = split(levels[i], parts, " ")
    line = ""
    for (j = 2; j <= n; j++) {
      if (parts[j] == "NEGATION") line = line " " spelled["MINUS"] " (sign)"
      else if ((parts[j] in spelled) && parts[j] !~ /^(ELSE|ARROW)$/) line = line " " spelled[parts[j]]
    }
    if (line != "") printf "%s%s\n", substr(line, 2), parts[1] == "%nonassoc" ? "   (do not chain)" : ""
  }
}

END {
  productions = split(without_actions(text), production, /;/)
  for (p = 1; p <= productions; p++) if (index(production[p], ":")) read_production(production[p])
  find_inner()
  if (section == "words") print_words()
  else if (section == "binding") print_binding()
  else
    for (p = 1; p <= count; p++)
      if (section_of[order[p]] == section && !(order[p] in inner)) print_production(order[p])
}

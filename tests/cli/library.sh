# What the shell tests share. A test file calls `run` and then one or more checks; each check counts as one test.
# Variables: blur (the command), helpers (folder of tests/support's programs), source (the source tree), work (an empty folder of this test file).
passed=0
failed=0
last=""

verdict() { # NAME OK: counts, and tells what failed with the last command's output
  if [ "$2" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  command: %s\n  exit code: %s\n' "$1" "$last" "$code"
    sed 's/^/  out: /' "$work/out" | head -c 2000 | head -20
    sed 's/^/  err: /' "$work/err" | head -c 2000 | head -20
  fi
}

run() { # COMMAND...: runs it with empty input; sets code, $work/out, $work/err
  last="$*"
  code=0
  "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
}

run_with() { # FILE COMMAND...: the same with this input
  local input=$1
  shift
  last="$* < $input"
  code=0
  "$@" >"$work/out" 2>"$work/err" <"$input" || code=$?
}

gives_code() { # NAME CODE
  local ok=1
  [ "$code" = "$2" ] && ok=0
  verdict "$1: exit code $2" $ok
}

says() { # NAME PATTERN: standard output has it (extended regular expression)
  local ok=0
  grep -Eq -- "$2" "$work/out" || ok=1
  verdict "$1: standard output has '$2'" $ok
}

complains() { # NAME PATTERN: standard error has it
  local ok=0
  grep -Eq -- "$2" "$work/err" || ok=1
  verdict "$1: standard error has '$2'" $ok
}

is_silent() { # NAME: nothing on standard error
  local ok=0
  [ ! -s "$work/err" ] || ok=1
  verdict "$1: standard error is empty" $ok
}

is_json() { # NAME [--lines] [PATH=VALUE]...: standard output is JSON that holds these
  local name=$1 ok=0
  shift
  "$helpers/json_check" "$@" <"$work/out" 2>>"$work/err" || ok=1
  verdict "$name: JSON $*" $ok
}

holds() { # NAME COMMAND...: the command succeeds
  local name=$1 ok=0
  shift
  "$@" >>"$work/err" 2>&1 || ok=1
  verdict "$name: $*" $ok
}

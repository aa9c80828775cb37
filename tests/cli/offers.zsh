# offers.zsh FOLDER LINE: what zsh offers for the line, one a line, with the completions of this folder. An interactive zsh
# on a terminal of its own completes; its `compadd`, through which all offers go, prints them between two marks.
zmodload zsh/zpty || exit 1
zpty shell zsh -f -i
prepare() {
  PROMPT=
  fpath=($1 $fpath)
  autoload -Uz compinit && compinit -u -D
  zstyle ':completion:*' list-prompt ''
  bindkey '^M' undefined '^J' undefined '^I' complete-word
  compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
      builtin compadd "$@"
      return
    fi
    typeset -a hits
    builtin compadd -A hits "$@"
    print -rl -- $hits
    builtin compadd "$@" # so that no other kind is tried
  }
  begin_offers() { print "BEGIN OFFERS" }
  end_offers() { print "END OFFERS"; exit }
  compprefuncs=(begin_offers)
  comppostfuncs=(end_offers)
}
zpty -w shell "$(functions prepare); prepare ${(q)1}; print READY"
zpty -r -m shell answer '*READY*READY*' || exit 1
zpty -n -w shell "$2"$'\t'
zpty -r -m shell answer '*END OFFERS*' || exit 1
answer=${answer##*BEGIN OFFERS}
print -r -- ${${answer%%END OFFERS*}//$'\r'/}
zpty -d shell

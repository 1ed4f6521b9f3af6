# bash completion for loglane:  source <(loglane completion bash)
_loglane() {
  local words=() glued='' word last strip='' line path
  # bash splits --flag=value at its "=".
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ $word == '=' && ${#words[@]} -gt 0 ]]; then
      words[${#words[@]} - 1]+='='
      glued=1
    elif [[ -n $glued ]]; then
      words[${#words[@]} - 1]+=$word
      glued=''
    else
      words+=("$word")
    fi
  done
  last=${words[${#words[@]} - 1]}
  if [[ $last == -*=* && $COMP_WORDBREAKS == *=* ]]; then
    strip=${last%%=*}=
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ':file' ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r path; do
        COMPREPLY+=("$path")
      done < <(compgen -f -- "${last#"$strip"}")
    else
      line=${line%%$'\t'*}
      COMPREPLY+=("${line#"$strip"}")
    fi
  done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "${words[@]}" 2>/dev/null)
}
complete -F _loglane loglane

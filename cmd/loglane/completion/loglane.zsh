#compdef loglane
# zsh completion for loglane:  source <(loglane completion zsh), after compinit; or as the
# file _loglane in a folder of $fpath.
_loglane() {
  local -a lines candidates
  local line
  lines=("${(@f)$(${~words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${lines[@]}"; do
    case $line in
      :file)
        [[ $PREFIX == -*=* ]] && compset -P '*='
        _files
        return
        ;;
      ?*) candidates+=("${${line//:/\\:}/$'\t'/:}") ;;
    esac
  done
  _describe loglane candidates
}
if [[ ${funcstack[1]} == _loglane ]]; then
  _loglane "$@"
else
  compdef _loglane loglane
fi

"""Completion scripts: what a shell runs to complete a command line of scale's.

Each asks ``scale completion words``, so that a script never falls behind the commands. Where that
knows nothing, the shell completes names of files.
"""

from __future__ import annotations

SCRIPTS = {
    "bash": r"""_scale() {
    local IFS=$'\n'
    COMPREPLY=($(scale completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _scale scale
""",
    "zsh": r"""#compdef scale
_scale() {
    local -a found
    found=("${(@f)$(scale completion words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
if [[ "${funcstack[1]}" == _scale ]]; then _scale "$@"; else compdef _scale scale; fi
""",
    "fish": r"""function __scale_words
    set -l words (commandline -opc) (commandline -ct)
    set -l found (scale completion words -- $words[2..-1] 2>/dev/null)
    if test -n "$found"
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c scale -f -a '(__scale_words)'
""",
}

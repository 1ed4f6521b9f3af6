# fish completion for loglane:  loglane completion fish | source
function __loglane_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    for line in ($program __complete $words "$current" 2>/dev/null)
        if test "$line" = :file
            set -l prefix (string match -r '^-[^=]*=' -- "$current")
            for path in (__fish_complete_path (string replace -r '^-[^=]*=' '' -- "$current"))
                echo "$prefix$path"
            end
        else
            echo $line
        end
    end
end
complete -c loglane -f -a '(__loglane_complete)'

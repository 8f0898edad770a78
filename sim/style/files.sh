#!/usr/bin/env bash
# files.sh ANCHOR format|length: a rule about every C file of the tree, seen or not seen by a BUILD.
# ANCHOR is the WORKSPACE file among the runfiles; it leads back to the tree itself.
set -eu

lines_max=700

cd "$(dirname "$(readlink -f "$1")")"
mapfile -t files < <(find core sim fuzz -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
if [ "$2" = format ] && ! command -v clang-format-19 >/dev/null; then
    echo "clang-format-19 is not installed"
    exit 1
fi
if [ ${#files[@]} -eq 0 ]; then
    echo "no C file under $PWD: the test looks in the wrong place"
    exit 1
fi

case $2 in
format)
    # One line a file: its first place that is not as it should be.
    report=$(clang-format-19 --dry-run "${files[@]}" 2>&1) || {
        echo "$report"
        exit 1
    }
    places=$(grep -E '^[^ :]+:[0-9]+:[0-9]+: ' <<<"$report" | sort -s -t: -k1,1 -u | cut -d: -f1,2)
    if [ -n "$places" ]; then
        echo "not as clang-format-19 writes it (it does it with -i):"
        echo "$places"
        exit 1
    fi
    ;;
length)
    too_long=0
    for file in "${files[@]}"; do
        lines=$(wc -l <"$file")
        if [ "$lines" -gt $lines_max ]; then
            echo "$file: $lines lines, more than $lines_max: split it"
            too_long=1
        fi
    done
    exit $too_long
    ;;
*)
    echo "no such rule: $2"
    exit 1
    ;;
esac

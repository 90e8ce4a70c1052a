# Usage: awk -f tools/layers.awk tools/layers.txt csrc/*.[ch]
function base(path) {
    sub(/.*\//, "", path)
    sub(/\.[ch]$/, "", path)
    return path
}
# The layer of a name: its own line's, or that of what it is a part of (key_pem: key). 0 = none.
function layer_of(name) {
    while (!(name in layer) && sub(/_[^_]*$/, "", name)) {}
    return name in layer ? layer[name] : 0
}
FILENAME ~ /layers\.txt$/ {
    if ($0 !~ /^#/ && NF) {
        rank++
        for (i = 1; i <= NF; i++) layer[$i] = rank
    }
    next
}
FNR == 1 {
    self = base(FILENAME)
    rank_of_self = layer_of(self)
    if (!rank_of_self) {
        print FILENAME ": has no layer in tools/layers.txt"
        bad = 1
        rank_of_self = 1000
    }
}
/^#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    other = base(part[2])
    if (layer_of(other) > rank_of_self) {
        print FILENAME ":" FNR ": " self " includes " other ", which is above it (tools/layers.txt)"
        bad = 1
    }
}
END { exit bad }

"""What a program of ours links in --config=explore."""

# What the compiler's callbacks call, where core is compiled to make them.
RUNTIME = select({
    "//:explore": ["//sim/race"],
    "//conditions:default": [],
})

"""The C library's functions on strings and memory that explore watches (strings.c)."""

# Code under test calls __wrap_NAME: by --wrap in a program built with `heddle cc`, by the generated
# header in the simulated twin of core.
WATCHED_STRINGS = [
    "bcmp",
    "bzero",
    "memchr",
    "memcmp",
    "memcpy",
    "memmove",
    "mempcpy",
    "memrchr",
    "memset",
    "snprintf",
    "sprintf",
    "stpcpy",
    "stpncpy",
    "strcasecmp",
    "strcat",
    "strchr",
    "strchrnul",
    "strcmp",
    "strcpy",
    "strcspn",
    "strlen",
    "strncasecmp",
    "strncat",
    "strncmp",
    "strncpy",
    "strnlen",
    "strpbrk",
    "strrchr",
    "strspn",
    "strstr",
    "vsnprintf",
    "vsprintf",
]

# What the compiler knows how to report by itself (__tsan_memcpy and so on).
_BY_THE_COMPILER = ["memcpy", "memmove", "memset"]

def watched_linkopts():
    """For a link in which nothing but code under test calls the functions by their names."""
    return ["-Wl,--wrap=" + name for name in WATCHED_STRINGS]

def watched_renames():
    """For llvm-objcopy, over the simulator: its own calls are not the code under test's."""
    return ["--redefine-sym %s=__real_%s" % (name, name) for name in WATCHED_STRINGS]

def watched_header(name, out):
    """A header to be included before all others: the functions by their watched names."""
    lines = [
        "#pragma redefine_extname %s __wrap_%s" % (function, function)
        for function in WATCHED_STRINGS
        if function not in _BY_THE_COMPILER
    ]
    native.genrule(
        name = name,
        outs = [out],
        cmd = "printf '%%s\\n' %s >$@" % " ".join(["'%s'" % line for line in lines]),
    )

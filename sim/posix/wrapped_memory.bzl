"""Calls that hand memory between the program and the C library."""

# The library allocates for its caller, who frees, or frees what its caller allocated.
_LINES = [
    "__getdelim",
    "getdelim",
    "getline",
]

WRAPPED_MEMORY = _LINES

"""From bytes that a client sent to narrow types: wire structs, parse functions, rules and their texts."""

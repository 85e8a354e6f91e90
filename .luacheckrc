-- Lua 5.4, in a sandbox: no global but the library's own is known, so a stray one is a mistake.
std = "lua54"
max_line_length = 130
cache = false
exclude_files = { "build" }

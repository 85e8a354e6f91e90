/* The worst playbooks known: what each does holds a Lua state up where no count is taken, or for long between two. For
 * tests/lua/test_holds.c and bench/bench_holds.c. */
#ifndef RIPOSTE_TESTS_LUA_HOLDS_H
#define RIPOSTE_TESTS_LUA_HOLDS_H

typedef struct hold {
    const char *name, *text;
} hold;

static const hold HOLDS[] = {
    {"a table that is its own __call", "local t = {} setmetatable(t, {__call = t}) t()"},
    {"200,000 chained __call",
     "local f = print for i = 1, 2e5 do f = setmetatable({}, {__call = f}) end for i = 1, 9 do pcall(f) end"},
    {"chained __call in a deep stack",
     "local f = type for i = 1, 4000 do f = setmetatable({}, {__call = f}) end while true do f(1) end"},
    {"pcall twice, without end", "local function f() pcall(f) pcall(f) end f()"},
    {"errors in xpcall's handler", "local function f() xpcall(f, f) xpcall(f, f) end f()"},
    {"one argument more each call", "local function f(...) return f(1, ...) end f()"},
    {"arguments passed on",
     "local function f(n, ...) if n > 0 then return f(n - 1, ...) end return f(9, n, ...) end f(9)"},
    {"ephemerons in a shuffled order",
     "local n, all, weak = 60000, {}, setmetatable({}, {__mode = 'k'})\n"
     "for i = 1, n do all[i] = {} end\n"
     "for i = 1, n - 1 do weak[all[(i * 7919) % n + 1]] = {all[((i + 1) * 7919) % n + 1]} end\n"
     "local first = all[7920] all = nil\n"
     "for i = 1, 1e7 do local t = {i} end"},
    {"chains of ephemeron tables",
     "local list = {}\n"
     "local key = {} local first = key\n"
     "for i = 1, 20000 do local k = {} local w = setmetatable({}, {__mode = 'k'}) w[key] = k list[#list + 1] = w key = k "
     "end\n"
     "for i = 1, #list // 2 do list[i], list[#list + 1 - i] = list[#list + 1 - i], list[i] end\n"
     "key = nil for i = 1, 1e7 do local t = {i} end"},
    {"large weak tables",
     "local w = setmetatable({}, {__mode = 'kv'}) local keep = {}\n"
     "for i = 1, 3e5 do local k = {} w[k] = k keep[i] = k end for i = 1, 1e7 do local t = {i} end"},
    {"memory at its edge",
     "local keep = {} pcall(function() for i = 1, 1e7 do keep[i] = {i} end end) for i = 1, 1e7 do local t = {i} end"},
    {"comparing long strings",
     "local a, b = ('x'):rep(8e6) .. 'a', ('x'):rep(8e6) .. 'b' while true do local c = a == b, a < b, a <= b end"},
    {"hashing long strings",
     "local a = ('x'):rep(8e6) local t = {} while true do t[a .. 'b'] = nil local v = t[a] end"},
    {"concatenation", "local a = ('x'):rep(8e6) while true do local b = a .. 'y' end"},
    {"__index 2,000 deep",
     "local t = {} for i = 1, 1990 do t = setmetatable({}, {__index = t}) end while true do local v = t.x, t.y, t.z end"},
    {"__newindex 2,000 deep",
     "local t = {} for i = 1, 1990 do t = setmetatable({}, {__newindex = t}) end while true do t.x = nil t.y = nil end"},
    {"__concat of many operands",
     "local t = setmetatable({}, {__concat = function(a, b) return a end}) while true do local v = t .. 'a' .. 'b' .. t .. "
     "t end"},
    {"table.unpack of the most",
     "local t = {} for i = 1, 9999 do t[i] = i end while true do select('#', table.unpack(t)) end"},
    {"table.unpack into tables",
     "local t = {} for i = 1, 9999 do t[i] = i end while true do local u = {table.unpack(t)} end"},
    {"a comparison that never agrees",
     "local t = {} for i = 1, 1e5 do t[i] = i end while true do table.sort(t, function(a, b) return true end) end"},
    {"a loop in a comparison", "table.sort({1, 2, 3}, function() while true do end end)"},
    {"a loop in a callback of gsub", "('x'):gsub('x', function() while true do end end)"},
    {"a loop in __tostring", "tostring(setmetatable({}, {__tostring = function() while true do end end}))"},
    {"a loop in __close",
     "local c <close> = setmetatable({}, {__close = function() while true do end end}) error('x')"},
    {"patterns that backtrack", "while true do (('a'):rep(30000)):find('.-.-.-.-b') end"},
    {"wrapped coroutines within each other",
     "local function f() return coroutine.wrap(f)() end while true do pcall(f) end"},
    {"resumes with many values",
     "local t = {} for i = 1, 9999 do t[i] = i end\n"
     "local co = coroutine.wrap(function(...) while true do coroutine.yield(...) end end)\n"
     "while true do co(table.unpack(t)) end"},
    {"coroutines without end", "while true do local co = coroutine.create(print) end"},
    {"new short strings", "local i = 0 local keep = {} while true do i = i + 1 keep[i % 3e5] = 's' .. i end"},
    {"numbers as text", "while true do local s = 1e308 .. '' .. 2^63 .. '' .. -1e-300 end"},
    {"string.format's widths", "while true do local s = ('%99.99f'):format(1e308) end"},
    {"tostring of long things", "local s = ('x'):rep(8e6) while true do tostring(s) end"},
    {"tonumber of long things", "local s = ('1'):rep(8e6) while true do tonumber(s) end"},
    {"arithmetic on long strings", "local s = (' '):rep(8e6) .. '1' while true do local n = s + 1 end"},
    {"utf8 of long strings", "local s = ('x'):rep(8e6) while true do utf8.len(s) utf8.offset(s, -1) end"},
    {"utf8 of the longest strings", "local s = ('x'):rep(16e6) utf8.len(s) utf8.codepoint(s, -1) utf8.offset(s, -1)"},
    {"string functions of the longest strings",
     "local s = ('x'):rep(16e6) s:upper() s:reverse() s:find('y', 1, true) s:gsub('x', 'y') s:byte(-1)"},
    {"text that looks like a number", "local s = ('9'):rep(16e6) local n = tonumber(s) local m = s + 1"},
    {"string.rep and reverse", "while true do local s = ('x'):rep(1e6):reverse():upper() end"},
    {"errors with long messages", "local s = ('x'):rep(8e6) while true do pcall(error, s) end"},
    {"a table that grows and shrinks",
     "while true do local t = {} for i = 1, 5e5 do t[i] = i end for i = 1, 5e5 do t[i] = nil end end"},
    {"a border that is looked for",
     "local t = {} for i = 1, 5e5 do t['k' .. i] = i end while true do local n = #t end"},
    {"next from afar", "local t = {} for i = 1, 2e5 do t[i * 1.5] = i end while true do next(t) end"},
    {"table.insert in front", "local t = {} for i = 1, 1e5 do table.insert(t, 1, i) end"},
    {"table.concat", "local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do table.concat(t) end"},
    {"table.move", "local t = {} for i = 1, 1e5 do t[i] = i end while true do table.move(t, 1, 1e5, 2) end"},
    {"numeric loops of C's length",
     "local t = setmetatable({}, {__len = function() return 2^62 // 1 | 0 end}) table.sort(t)"},
};

#define HOLDS_COUNT (sizeof HOLDS / sizeof *HOLDS)

#endif

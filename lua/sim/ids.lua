--- Ids as AWS makes them up, the same from the same seed.
local ids = {}
ids.__index = ids

local HEX <const> = "0123456789abcdef"
local UPPER <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
local LOWER <const> = "abcdefghijklmnopqrstuvwxyz234567"
local MIXED <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- FNV-1a, 64 bits.
local function hash(text)
  local h = -3750763034362895579
  for i = 1, #text do h = (h ~ text:byte(i)) * 1099511628211 end
  return h
end

function ids.new(seed)
  return setmetatable({ state = hash(seed) }, ids)
end

-- splitmix64.
local function next_number(self)
  self.state = self.state + -7046029254386353131
  local z = self.state
  z = (z ~ (z >> 30)) * -4658895280553007687
  z = (z ~ (z >> 27)) * -7723592293110705685
  return z ~ (z >> 31)
end

local function text(self, alphabet, length)
  local out, bits, left = {}, 0, 0
  for i = 1, length do
    if left == 0 then bits, left = next_number(self), 10 end
    local at = (bits & 63) % #alphabet + 1
    out[i], bits, left = alphabet:sub(at, at), bits >> 6, left - 1
  end
  return table.concat(out)
end

function ids:hex(length) return text(self, HEX, length) end

function ids:upper(length) return text(self, UPPER, length) end

function ids:lower(length) return text(self, LOWER, length) end

function ids:secret(length) return text(self, MIXED, length) end

--- Every answer has one: it is made of two numbers, not digit by digit.
function ids:uuid()
  local high, low = next_number(self), next_number(self)
  return ("%08x-%04x-4%03x-a%03x-%012x"):format(high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 52, low & 0xffffffffffff)
end

--- An integer from `low` to `high`, both included.
function ids:between(low, high)
  return low + (next_number(self) >> 1) % (high - low + 1)
end

return ids

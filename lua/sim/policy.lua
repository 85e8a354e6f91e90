--- Policy documents: JSON text, and the encoding that IAM's replies put it in.
local host = require "sim.host"

local policy = {}

--- A table as JSON text, its members in byte order.
function policy.text(document)
  return host.encode(document)
end

--- JSON text as a table, or nil where it is no JSON object.
function policy.table(text)
  return host.decode(text)
end

--- As IAM gives documents: percent-encoded after RFC 3986.
function policy.encoded(text)
  return text and (text:gsub("[^%w%-%._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

return policy

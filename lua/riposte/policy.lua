--- IAM policy documents as text: the few that the library writes, and how IAM gives back those it keeps.
local json = require "riposte.json"
local time = require "riposte.time"

local policy = {}

--- Names of the inline policies that lock a user or role.
policy.DENY_ALL = "RiposteDenyAll"
policy.REVOKE = "AWSRevokeOlderSessions" -- as IAM's console names it, so that people find it there

--- Nothing is allowed, whatever else is.
policy.deny_all = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'

--- Nothing is allowed with temporary credentials that were issued before then (milliseconds).
---@param ms integer
---@return string
function policy.deny_issued_before(ms)
  return ('{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",'
    .. '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"%s"}}}]}'):format(time.text(ms))
end

--- A document as it was put: IAM gives it back percent-encoded (RFC 3986).
---@param document string
---@return string
function policy.text(document)
  if document:sub(1, 1) ~= "%" then return document end
  return (document:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The statement of this name, or nil.
---@param document string?
---@param sid string
---@return table?
function policy.statement(document, sid)
  local all = document and json.decode(policy.text(document))
  all = all and all.Statement or {}
  if all[1] == nil then all = { all } end -- one alone needs no list
  for _, each in ipairs(all) do
    if each.Sid == sid then return each end
  end
end

--- Do two documents say the same, white space aside?
function policy.same(a, b)
  return policy.text(a):gsub("%s+", "") == policy.text(b):gsub("%s+", "")
end

return policy

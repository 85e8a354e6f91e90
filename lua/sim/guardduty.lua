--- Amazon GuardDuty: a detector's findings, archived and judged.
local collection = require "sim.collection"
local failure = require "sim.failure"
local paging = require "sim.paging"
local value = require "sim.value"

local guardduty = { operations = {}, throttle = { code = "TooManyRequestsException", message = "Rate exceeded", status = 429 } }
local operations = guardduty.operations

function guardduty.open(state)
  state.findings = collection.new()
  state.detector = state.account.ids:hex(32)
end

local function check_detector(state, p)
  if p.DetectorId ~= state.detector then
    failure.raise("BadRequestException",
      "The request is rejected because the input detectorId is not owned by the current account.")
  end
end

function operations.ListDetectors(state)
  return { DetectorIds = value.list { state.detector } }
end

local function each_found(state, p, fn)
  check_detector(state, p)
  if #p.FindingIds > 50 then
    failure.raise("BadRequestException", "The request is rejected because the number of finding IDs is over 50.")
  end
  return value.map(p.FindingIds, function(id)
    local finding = state.findings:get(id)
    return finding and fn(finding)
  end)
end

function operations.GetFindings(state, p)
  return { Findings = each_found(state, p, function(finding) return finding end) }
end

local function archive(archived)
  return function(state, p)
    each_found(state, p, function(finding) finding.Service.Archived = archived end)
  end
end
operations.ArchiveFindings, operations.UnarchiveFindings = archive(true), archive(false)

function operations.UpdateFindingsFeedback(state, p)
  each_found(state, p, function(finding) finding.Service.UserFeedback = p.Feedback end)
end

-- The field that a criterion names in EventBridge's spelling: "service.archived".
local function field_of(finding, path)
  for word in path:gmatch "[^.]+" do
    if type(finding) ~= "table" then return nil end
    finding = finding[(word:gsub("^%l", string.upper))]
  end
  return finding
end

local function meets(finding, path, condition)
  local found = field_of(finding, path)
  local equal, unequal = condition.Equals or condition.Eq, condition.NotEquals or condition.Neq
  if equal and not value.contains(equal, tostring(found)) then return false end
  if unequal and value.contains(unequal, tostring(found)) then return false end
  local number = tonumber(found)
  local least = condition.GreaterThanOrEqual or condition.Gte
  if least and not (number and number >= least) then return false end
  return true
end

function operations.ListFindings(state, p)
  check_detector(state, p)
  local criterion = p.FindingCriteria and p.FindingCriteria.Criterion or {}
  local found = value.filter(state.findings:all(), function(finding)
    for path, condition in pairs(criterion) do
      if not meets(finding, path, condition) then return false end
    end
    return true
  end)
  local page, token = paging.cut(found, p.NextToken, paging.size(p.MaxResults, 50, 50))
  return { FindingIds = value.map(page, function(finding) return finding.Id end), NextToken = token or "" }
end

function guardduty.seed(state, cursor)
  state.detector = cursor:text("DetectorId", state.detector)
  for i, finding in ipairs(cursor:raw("findings", "table") or {}) do
    if type(finding) ~= "table" or type(finding.Id) ~= "string" then
      cursor:mistake(("findings[%d]"):format(i), "expected a finding with Id, as GetFindings gives it")
    end
    local own = value.copy(finding)
    own.Service = own.Service or {}
    own.Service.Archived = own.Service.Archived or false
    state.findings:put(own.Id, own)
  end
end

return guardduty

--- What a playbook calls `finding`: the normalised finding (docs/FINDINGS.md) with what can be done to it.
local failure = require "riposte.failure"

local module = {}

local data_of = setmetatable({}, { __mode = "k" })
local event_of = setmetatable({}, { __mode = "k" }) -- a function that gives it, until it was asked for
local run_of = setmetatable({}, { __mode = "k" })

local Finding = {}

-- Security Hub takes 512 characters in a note, GuardDuty 5,000 in a comment (their API references).
local NOTE_MAX, COMMENT_MAX = 512, 5000

local function cut(text, max)
  text = tostring(text)
  if #text <= max then return text end
  return text:sub(1, utf8.offset(text, 0, max - 2) - 1) .. "…"
end

--- Iterate over the finding's resources, all or those of one type ("ecs-cluster").
---@param kind string?
---@return fun(): table?
function Finding:resources(kind)
  local list, i = data_of[self].resources, 0
  return function()
    while list[i + 1] do
      i = i + 1
      if not kind or list[i].type == kind then return list[i] end
    end
  end
end

-- The event is large, and many runs need nothing of it: it becomes a table when it is first asked for.
local function event(self)
  if type(event_of[self]) == "function" then event_of[self] = event_of[self]() end
  return event_of[self]
end

-- Where the event was delivered is where its service takes the answer, wherever the resource is.
local function client(self, service)
  local delivered = event(self)
  return run_of[self].aws[service] { region = delivered.region, account = delivered.account }
end

local function update_asff(self, workflow, text)
  local asff = event(self).detail.findings[1]
  client(self, "securityhub"):batch_update_findings({
    FindingIdentifiers = { { Id = asff.Id, ProductArn = asff.ProductArn } },
    Note = { Text = cut(text, NOTE_MAX), UpdatedBy = "riposte" },
    Workflow = { Status = workflow },
  }, { prior = asff })
end

-- OCSF's status_id: 2 in progress, 4 resolved.
local function update_ocsf(self, status, text)
  local ocsf = event(self).detail.findings[1]
  client(self, "securityhub"):batch_update_findings_v2({
    MetadataUids = { ocsf.metadata.uid },
    Comment = cut(text, NOTE_MAX),
    StatusId = status,
  }, { prior = ocsf })
end

local function guardduty_of(self)
  local detail = event(self).detail
  return detail.service.detectorId, detail.id
end

local RESOLVE = {
  asff = function(self, text) update_asff(self, "RESOLVED", text) end,
  ocsf = function(self, text) update_ocsf(self, 4, text) end,
  guardduty = function(self, text)
    local detector, id = guardduty_of(self)
    local guardduty = client(self, "guardduty")
    run_of[self]:parallel({
      function()
        guardduty:update_findings_feedback {
          DetectorId = detector,
          FindingIds = { id },
          Feedback = "USEFUL",
          Comments = cut(text, COMMENT_MAX),
        }
      end,
      function() guardduty:archive_findings { DetectorId = detector, FindingIds = { id } } end,
    }, function(part) part() end)
  end,
}

local NOTIFY = {
  asff = function(self, text) update_asff(self, "NOTIFIED", text) end,
  ocsf = function(self, text) update_ocsf(self, 2, text) end,
  guardduty = function(self, text)
    local detector, id = guardduty_of(self)
    client(self, "guardduty"):update_findings_feedback {
      DetectorId = detector,
      FindingIds = { id },
      Feedback = "USEFUL",
      Comments = cut(text, COMMENT_MAX),
    }
  end,
}

-- What was done about a finding stays done though its service does not take the word for it.
local function tell(self, how, text)
  local form, run = data_of[self].form, run_of[self]
  if not how[form] then return run:log(text, { note = "a " .. form .. " event has no finding to update" }) end
  local ok, err = pcall(how[form], self, text)
  if ok then return end
  if not failure.is(err) then error(err, 0) end
  run:log(text, { note = "the finding could not be updated: " .. tostring(err) })
end

--- Say at its source that the finding is dealt with: Security Hub's workflow becomes RESOLVED with `text` as the note;
--- GuardDuty gets `text` as feedback and archives the finding. Other events have nothing to update: `text` is logged.
---@param text string
function Finding:resolve(text)
  tell(self, RESOLVE, text)
end

--- Say at its source that people should look: Security Hub's workflow becomes NOTIFIED, GuardDuty gets a comment.
---@param text string
function Finding:notify(text)
  tell(self, NOTIFY, text)
end

local class = { __name = "finding", __metatable = "finding" }

function class.__index(self, key)
  if Finding[key] then return Finding[key] end
  if key == "event" then return event(self) end
  if key == "detail" then return event(self).detail end
  return data_of[self][key]
end

function class.__newindex()
  error("a finding cannot be changed: keep what you work out in a variable of your own", 2)
end

--- Called by riposte.start. `event_giver` gives the finding's event.
function module.new(data, event_giver, run)
  local finding = setmetatable({}, class)
  data_of[finding], event_of[finding], run_of[finding] = data, event_giver, run
  return finding
end

return module

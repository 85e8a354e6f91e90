--- What a finding's service is told of it: by playbooks (finding:resolve, finding:notify), and by the engine of findings
--- that its runs answered (docs/NOTIFY.md). Both go through the door.
local failure = require "riposte.failure"
local time = require "riposte.time"

local feedback = {}

-- Security Hub takes 512 characters in a note, GuardDuty 5,000 in a comment (their API references).
local NOTE_MAX, COMMENT_MAX = 512, 5000
local PAGE = 100

--- A text that a service, and the record, can hold: what is no UTF-8 was somebody's who wanted it not to be told.
---@param text any
---@return string
function feedback.text(text)
  text = tostring(text)
  return utf8.len(text) and text or (text:gsub("[\x80-\xff]", "?"))
end

local function cut(text, max)
  text = feedback.text(text)
  if #text <= max then return text end
  return text:sub(1, utf8.offset(text, 0, max - 2) - 1) .. "…"
end

local function map(list, fn)
  local out = {}
  for i, each in ipairs(list) do out[i] = fn(each) end
  return out
end

local function key_of(each) return each.key end

-- Both of Security Hub's operations answer well though they did not update every finding.
local function check_unprocessed(run, output)
  local first = output.UnprocessedFindings and output.UnprocessedFindings[1]
  if not first or run.mode ~= "enforce" then return end
  local code = tostring(first.ErrorCode)
  error(failure.new {
    code = code,
    message = ("%d findings were not updated: %s"):format(#output.UnprocessedFindings, tostring(first.ErrorMessage)),
    retryable = (code:find "Concurrent" or code:find "Conflict" or code:find "Internal") ~= nil,
  }, 0)
end

-- By form: `service`; `address` (of an event) and `read` (of findings, from its service) give findings as
-- {key, product, prior, version (milliseconds), closed}; `update` tells their service about them.
local FORMS = {}

FORMS.asff = {
  service = "securityhub",
  address = function(event)
    local asff = event.detail.findings[1]
    return { key = asff.Id, product = asff.ProductArn, prior = asff }
  end,
  read = function(client, list)
    local ids = map(list, function(each) return { Value = each.key, Comparison = "EQUALS" } end)
    return map(client:get_findings({ Filters = { Id = ids }, MaxResults = PAGE }).Findings or {}, function(asff)
      local workflow = asff.Workflow and asff.Workflow.Status
      local closed = (workflow == "SUPPRESSED" or workflow == "RESOLVED") and "it was closed"
        or asff.RecordState == "ARCHIVED" and "it was archived"
      return { key = asff.Id, product = asff.ProductArn, prior = asff, version = time.ms(asff.UpdatedAt), closed = closed }
    end)
  end,
  update = function(run, client, list, resolved, text)
    check_unprocessed(run, client:batch_update_findings({
      FindingIdentifiers = map(list, function(each) return { Id = each.key, ProductArn = each.product } end),
      Note = { Text = cut(text, NOTE_MAX), UpdatedBy = "riposte" },
      Workflow = { Status = resolved and "RESOLVED" or "NOTIFIED" },
    }, { prior = map(list, function(each) return each.prior end) }))
  end,
}

-- OCSF's times are RFC 3339 under a name with _dt, else milliseconds.
local function ocsf_time(object, name)
  if not object then return nil end
  return time.ms(object[name .. "_dt"]) or math.tointeger(object[name])
end

-- OCSF's status_id: 2 in progress, 3 suppressed, 4 resolved, 5 archived.
local CLOSED = { [3] = "it was closed", [4] = "it was closed", [5] = "it was archived" }

FORMS.ocsf = {
  service = "securityhub",
  address = function(event)
    local ocsf = event.detail.findings[1]
    return { key = ocsf.metadata.uid, product = "", prior = ocsf }
  end,
  read = function(client, list)
    local filters = map(list, function(each)
      return { FieldName = "metadata.uid", Filter = { Value = each.key, Comparison = "EQUALS" } }
    end)
    local output = client:get_findings_v2 {
      Filters = { CompositeFilters = { { StringFilters = filters, Operator = "OR" } } },
      MaxResults = PAGE,
    }
    return map(output.Findings or {}, function(ocsf)
      return {
        key = ocsf.metadata and ocsf.metadata.uid,
        product = "",
        prior = ocsf,
        version = ocsf_time(ocsf.finding_info, "modified_time") or ocsf_time(ocsf, "time"),
        closed = CLOSED[ocsf.status_id],
      }
    end)
  end,
  update = function(run, client, list, resolved, text)
    check_unprocessed(run, client:batch_update_findings_v2({
      MetadataUids = map(list, key_of),
      Comment = cut(text, NOTE_MAX),
      StatusId = resolved and 4 or 2,
    }, { prior = #list == 1 and list[1].prior or nil }))
  end,
}

FORMS.guardduty = {
  service = "guardduty",
  address = function(event)
    return { key = event.detail.id, product = event.detail.service.detectorId }
  end,
  read = function(client, list)
    local output = client:get_findings { DetectorId = list[1].product, FindingIds = map(list, key_of) }
    return map(output.Findings or {}, function(found)
      return {
        key = found.Id,
        product = found.Service and found.Service.DetectorId,
        version = time.ms(found.UpdatedAt),
        closed = found.Service and found.Service.Archived and "it was archived",
      }
    end)
  end,
  update = function(run, client, list, resolved, text)
    local detector, ids = list[1].product, map(list, key_of)
    local function comment()
      client:update_findings_feedback {
        DetectorId = detector, FindingIds = ids, Feedback = "USEFUL", Comments = cut(text, COMMENT_MAX),
      }
    end
    if not resolved then return comment() end
    local function archive() client:archive_findings { DetectorId = detector, FindingIds = ids } end
    run:parallel({ comment, archive }, function(part) part() end)
  end,
}

local function client_of(run, form, account, region)
  return run.aws[FORMS[form].service] { account = account, region = region }
end

--- Has a finding of this form anything to update where it came from?
---@param form string
---@return boolean
function feedback.is_told(form) return FORMS[form] ~= nil end

--- Tell the service of one finding about it. Raises a failure where the service does not take it.
---@param run riposte.Run
---@param form string
---@param event table the finding's own: where it was delivered is where its service takes the answer
---@param resolved boolean
---@param text string
function feedback.update(run, form, event, resolved, text)
  local client = client_of(run, form, event.account, event.region)
  FORMS[form].update(run, client, { FORMS[form].address(event) }, resolved, text)
end

-- The engine's own -----------------------------------------------------------------------------------------------------

local function name_of(each) return each.product .. "\n" .. each.key end

-- Why a finding is left as it is, or nil: it is as it was when it came in, and nobody has closed it.
local function why_not(brief, now)
  if not now then return "it is not there any more" end
  if now.version ~= time.ms(brief.version) then return "it has changed since" end
  return now.closed
end

-- "Riposte: … Run a, b": as many runs as there is room for.
local function note_of(briefs)
  local note = briefs[1].text .. ". Run "
  for i, brief in ipairs(briefs) do
    local more = (i > 1 and ", " or "") .. brief.run
    if #note + #more > NOTE_MAX then break end
    note = note .. more
  end
  return note
end

--- The engine's own run: `run.feedback` lists what is said of findings of one place, each {form, account, region, status,
--- text, run, key, product, version}. A finding is read before it is written, and each is told once.
---@param run riposte.Run
function feedback.answer(run)
  local briefs, seen, left = run.feedback, {}, {}
  local first = briefs[1]
  local form, client = FORMS[first.form], client_of(run, first.form, first.account, first.region)
  for _, brief in ipairs(briefs) do
    if not seen[name_of(brief)] then
      seen[name_of(brief)] = true
      left[#left + 1] = brief
    end
  end
  local now, told = {}, {}
  for _, found in ipairs(form.read(client, left)) do
    if found.key then now[name_of { product = found.product or first.product, key = found.key }] = found end
  end
  for _, brief in ipairs(left) do
    local found = now[name_of(brief)]
    local why = why_not(brief, found)
    if why then
      run:left_alone(brief.key, why)
    else
      told[#told + 1] = { key = brief.key, product = brief.product, prior = found.prior }
    end
  end
  if #told > 0 then form.update(run, client, told, first.status == "RESOLVED", note_of(briefs)) end
end

return feedback

--- AWS CloudTrail: the event history that a seed gives, by attribute and time.
local failure = require "sim.failure"
local paging = require "sim.paging"
local policy = require "sim.policy"
local time = require "sim.time"
local value = require "sim.value"

local cloudtrail = { operations = {}, throttle = { code = "ThrottlingException", message = "Rate exceeded", status = 400 } }

function cloudtrail.open(state)
  state.events = {}
end

local function resource(name)
  return function(event, wanted)
    return value.find(event.Resources, function(each) return each[name] == wanted end) ~= nil
  end
end

local function field(name)
  return function(event, wanted) return event[name] == wanted end
end

local ATTRIBUTES <const> = {
  EventId = field "EventId", EventName = field "EventName", ReadOnly = field "ReadOnly", Username = field "Username",
  EventSource = field "EventSource", AccessKeyId = field "AccessKeyId", ResourceType = resource "ResourceType",
  ResourceName = resource "ResourceName",
}

local function fits(event, p, from, to)
  local at = time.parse(event.EventTime)
  if from and at < from or to and at > to then return false end
  for _, attribute in ipairs(p.LookupAttributes or {}) do
    if not ATTRIBUTES[attribute.AttributeKey](event, attribute.AttributeValue) then return false end
  end
  return true
end

function cloudtrail.operations.LookupEvents(state, p)
  if #(p.LookupAttributes or {}) > 1 then
    failure.raise("InvalidLookupAttributesException", "You can only specify one lookup attribute in a request.")
  end
  for _, attribute in ipairs(p.LookupAttributes or {}) do
    if not ATTRIBUTES[attribute.AttributeKey] then
      failure.raise("InvalidLookupAttributesException", ("Invalid lookup attribute: %s"):format(attribute.AttributeKey))
    end
  end
  local from, to = p.StartTime and time.parse(p.StartTime), p.EndTime and time.parse(p.EndTime)
  if from and to and from > to then
    failure.raise("InvalidTimeRangeException", "The start time must be before the end time.")
  end
  local found = value.filter(state.events, function(event) return fits(event, p, from, to) end)
  local page, token = paging.cut(found, p.NextToken, paging.size(p.MaxResults, 50, 50), function()
    failure.raise("InvalidNextTokenException", "The token is not valid.")
  end)
  return { Events = page, NextToken = token }
end

-- The record as the trail would have it; what the seed leaves out comes from the event's fields.
local function complete(state, event, record)
  local account = state.account
  local full = value.copy(record)
  full.eventVersion = full.eventVersion or "1.09"
  full.eventID, full.eventName, full.eventSource = event.EventId, event.EventName, event.EventSource
  full.eventTime, full.awsRegion = event.EventTime, full.awsRegion or state.region
  full.recipientAccountId = full.recipientAccountId or account.number
  full.readOnly = event.ReadOnly == "true"
  full.userIdentity = full.userIdentity or {
    type = "IAMUser", userName = event.Username, accessKeyId = event.AccessKeyId, accountId = account.number,
    arn = event.Username and account:arn("iam", "", "user/" .. event.Username),
  }
  return policy.text(full)
end

local function seed_event(state, cursor)
  local given = cursor:document "CloudTrailEvent"
  local record = given and policy.table(given) or {}
  if given and not policy.table(given) then cursor:mistake("CloudTrailEvent", "expected a table or JSON text") end
  local identity = record.userIdentity or {}
  local event = {
    EventId = cursor:text("EventId", record.eventID) or state.account.ids:uuid(),
    EventName = cursor:text("EventName", record.eventName), EventSource = cursor:text("EventSource", record.eventSource),
    Username = cursor:text("Username", identity.userName), AccessKeyId = cursor:text("AccessKeyId", identity.accessKeyId),
    ReadOnly = cursor:text("ReadOnly", tostring(record.readOnly or false)),
    EventTime = (cursor.from.EventTime or not record.eventTime) and cursor:time "EventTime" or record.eventTime,
    Resources = value.list {},
  }
  if not event.EventName then cursor:mistake("EventName", "is missing") end
  cursor:each("Resources", function(below)
    table.insert(event.Resources, { ResourceType = below:text "ResourceType", ResourceName = below:required "ResourceName" })
  end)
  event.CloudTrailEvent = complete(state, event, record)
  table.insert(state.events, event)
end

function cloudtrail.seed(state, cursor)
  cursor:each("events", function(below) seed_event(state, below) end)
  -- The newest come first; events of one moment keep the seed's order.
  local place = {}
  for i, event in ipairs(state.events) do place[event] = i end
  table.sort(state.events, function(a, b)
    if a.EventTime ~= b.EventTime then return a.EventTime > b.EventTime end
    return place[a] < place[b]
  end)
end

return cloudtrail

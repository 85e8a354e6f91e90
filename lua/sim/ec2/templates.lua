--- EC2 launch templates and their versions.
local ec2 = require "sim.ec2.state"
local failure = require "sim.failure"
local tags = require "sim.tags"
local value = require "sim.value"

local templates = { operations = {} }
local operations = templates.operations

function templates.make(state, fields)
  local id = fields.LaunchTemplateId or ec2.new_id(state, "lt")
  return state.templates:put(id, {
    LaunchTemplateId = id, LaunchTemplateName = fields.LaunchTemplateName, CreateTime = fields.CreateTime or state.account:time(),
    CreatedBy = fields.CreatedBy or state.account.caller, DefaultVersionNumber = 1, LatestVersionNumber = 1,
    Tags = tags.upper.list(fields.Tags),
    versions = { {
      data = fields.LaunchTemplateData, at = fields.CreateTime or state.account:time(), about = fields.VersionDescription,
    } },
  })
end

local function shown(template)
  local fields = {}
  for name, field in pairs(template) do
    if name:find "^%u" then fields[name] = field end
  end
  return fields
end
templates.describe = shown

local function find(state, reference)
  local template
  if reference.LaunchTemplateId then
    template = state.templates:get(reference.LaunchTemplateId)
  else
    local _, named = value.find(state.templates:all(), function(each)
      return each.LaunchTemplateName == reference.LaunchTemplateName
    end)
    template = named
  end
  if template then return template end
  if reference.LaunchTemplateId then
    failure.raise("InvalidLaunchTemplateId.NotFound",
      ("The specified launch template, with template ID %s, does not exist."):format(reference.LaunchTemplateId))
  end
  failure.raise("InvalidLaunchTemplateName.NotFoundException",
    "At least one of the launch templates specified in the request does not exist.")
end
templates.find = find

local function number(template, version)
  if version == "$Latest" then return template.LatestVersionNumber end
  if version == nil or version == "$Default" then return template.DefaultVersionNumber end
  return math.tointeger(tonumber(version))
end

--- The data of the version that a reference names: {LaunchTemplateId | LaunchTemplateName, Version}.
function templates.data(state, reference)
  local template = find(state, reference)
  local version = template.versions[number(template, reference.Version)]
  if not version then
    failure.raise("InvalidLaunchTemplateId.VersionNotFound",
      ("Could not find the specified version %s for the launch template with ID %s.")
        :format(tostring(reference.Version), template.LaunchTemplateId))
  end
  return version.data, template
end

function operations.CreateLaunchTemplate(state, p)
  ec2.dry_run(p)
  if value.find(state.templates:all(), function(each) return each.LaunchTemplateName == p.LaunchTemplateName end) then
    failure.raise("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
  end
  local fields = value.copy(p)
  fields.Tags = ec2.specified_tags(p, "launch-template")
  return { LaunchTemplate = shown(templates.make(state, fields)) }
end

function operations.DescribeLaunchTemplates(state, p)
  local all = state.templates:all()
  if p.LaunchTemplateIds then all = ec2.find_all(state, "templates", p.LaunchTemplateIds) end
  if p.LaunchTemplateNames then
    all = value.map(p.LaunchTemplateNames, function(name) return find(state, { LaunchTemplateName = name }) end)
  end
  local page, token = ec2.page(ec2.filter(all, p.Filters, { ["launch-template-name"] = ec2.field "LaunchTemplateName" }), p)
  return { LaunchTemplates = value.map(page, shown), NextToken = token }
end

local function shown_version(template, at)
  local version = template.versions[at]
  return {
    LaunchTemplateId = template.LaunchTemplateId, LaunchTemplateName = template.LaunchTemplateName, VersionNumber = at,
    VersionDescription = version.about, CreateTime = version.at, CreatedBy = template.CreatedBy,
    DefaultVersion = at == template.DefaultVersionNumber, LaunchTemplateData = version.data,
  }
end

function operations.DescribeLaunchTemplateVersions(state, p)
  local template = find(state, p)
  local found = {}
  for at = 1, template.LatestVersionNumber do
    local named = not p.Versions or value.find(p.Versions, function(each) return number(template, each) == at end)
    if template.versions[at] and named then found[#found + 1] = shown_version(template, at) end
  end
  local page, token = ec2.page(found, p)
  return { LaunchTemplateVersions = page, NextToken = token }
end

function operations.CreateLaunchTemplateVersion(state, p)
  ec2.dry_run(p)
  local template = find(state, p)
  local data = p.SourceVersion and value.copy(templates.data(state, {
    LaunchTemplateId = template.LaunchTemplateId, Version = p.SourceVersion,
  })) or {}
  for name, field in pairs(p.LaunchTemplateData) do data[name] = field end
  template.LatestVersionNumber = template.LatestVersionNumber + 1
  template.versions[template.LatestVersionNumber] = { data = data, at = state.account:time(), about = p.VersionDescription }
  return { LaunchTemplateVersion = shown_version(template, template.LatestVersionNumber) }
end

function operations.ModifyLaunchTemplate(state, p)
  ec2.dry_run(p)
  local template = find(state, p)
  templates.data(state, { LaunchTemplateId = template.LaunchTemplateId, Version = p.DefaultVersion })
  template.DefaultVersionNumber = number(template, p.DefaultVersion)
  return { LaunchTemplate = shown(template) }
end

function operations.DeleteLaunchTemplate(state, p)
  ec2.dry_run(p)
  local template = find(state, p)
  state.templates:remove(template.LaunchTemplateId)
  return { LaunchTemplate = shown(template) }
end

return templates

--- What of an attack is in IAM: users and roles that it made, keys that it made for users of the account.
local time = require "riposte.time"

local identities = {}

--- Read the users that were made since the attack began: {users = {user, …}}.
function identities.read(attack)
  local world = { users = {} }
  for user in attack.run.aws.iam {}:pages("list_users") do
    local created = time.ms(user.CreateDate)
    if not created or created >= attack.began then world.users[#world.users + 1] = user end
  end
  return world
end

local function sends_mail(iam, name)
  for policy in iam:pages("list_attached_user_policies", { UserName = name }) do
    if policy.PolicyArn:find("/AmazonSESFullAccess$") then return { "it may send mail without limit (AmazonSESFullAccess)" } end
  end
end

local function sorted_made(attack, kind)
  local names = {}
  for key in pairs(attack.made) do
    local name = key:match("^" .. kind:gsub("%-", "%%-") .. " (.+)$")
    if name then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Which users and roles were made by the attack: {users, roles}, each a list of things with `why`.
function identities.judge(attack, world)
  local iam, things = attack.run.aws.iam {}, {}
  for i, user in ipairs(world.users) do
    things[i] = {
      kind = "user", name = user.UserName, what = user.Arn, known = user, created = time.ms(user.CreateDate),
      marks = not attack.trail_known and sends_mail(iam, user.UserName) or nil,
    }
  end
  local found = { users = attack:sift(things), roles = {} }
  for _, name in ipairs(sorted_made(attack, "role")) do
    found.roles[#found.roles + 1] = { name = name, what = name, why = "made by " .. attack:maker("role", name).by }
  end
  attack:keep_evidence("users of the attack", found.users)
  attack:keep_evidence("roles of the attack", found.roles)
  return found
end

return identities

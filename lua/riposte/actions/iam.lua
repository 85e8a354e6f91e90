--- Remedies for IAM: keys, users, roles; each kind in a file of its own.
local iam = {}

for _, part in ipairs { "locks", "users", "roles" } do
  for name, definition in pairs(require("riposte.actions.iam." .. part)) do iam[name] = definition end
end

return iam

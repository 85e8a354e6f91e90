--- Remedies for ECS: services, tasks, clusters, task definitions; each kind in a file of its own.
local ecs = {}

for _, part in ipairs { "services", "tasks", "clusters", "task_definitions" } do
  for name, definition in pairs(require("riposte.actions.ecs." .. part)) do ecs[name] = definition end
end

return ecs

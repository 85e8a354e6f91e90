--- Remedies for ECS tasks.
local failure = require "riposte.failure"

local tasks = {}

local function task_of(on, params)
  local ok, output = pcall(on.ecs.describe_tasks, on.ecs, { cluster = params.cluster, tasks = { params.task } })
  if ok then return output.tasks and output.tasks[1] end
  if failure.is(output, "ClusterNotFoundException") then return nil end
  error(output, 0)
end

--- Stop a task. It cannot be undone: what it held in memory and on its disk is gone. A service starts another in its
--- place unless its desired count is zero. With `wait = false` it is enough that it was told to stop.
tasks.stop_task = {
  about = "Stop a task.",
  params = { cluster = "string", task = "string", reason = "string?", wait = "boolean?" },
  undo = "none: a stopped task does not start again",
  check = function(on, params)
    -- Stopping twice does no harm and costs less than asking first, where nobody waits to know.
    if params.wait == false then return {} end
    local task = task_of(on, params)
    if not task or task.desiredStatus == "STOPPED" then return nil, "the task is stopped" end
    return task
  end,
  change = function(on, params)
    on.ecs:stop_task {
      cluster = params.cluster,
      task = params.task,
      reason = params.reason or ("Stopped by " .. on.run.id),
    }
  end,
  proof = function(on, params)
    if params.wait == false then return true end
    local task = task_of(on, params)
    return not task or task.lastStatus == "STOPPED"
  end,
}

return tasks

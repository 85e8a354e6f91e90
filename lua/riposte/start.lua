--- Where a run begins: the engine calls this once, in the run's first fiber.
--- `chunk` is the playbook's file, not yet run; what it returns was checked when it was loaded.
local failure = require "riposte.failure"
local finding = require "riposte.finding"
local run = require "riposte.run"
local require = require

return function(primitives, about, found, chunk)
  local playbook = chunk()
  local this = run.new(primitives, about)
  local ok, err = xpcall(playbook.run, function(raised)
    return failure.placed(raised, type(raised) == "table" and primitives.where() or "")
  end, finding.new(found, primitives.event, this), this)
  if not ok then error(err, 0) end
  if not about.preflight or not this:has_planned() then return end
  local _, changes = primitives.perform("plan", {})
  primitives.perform("preflight", { verdicts = require "riposte.preflight"(this, changes) })
end

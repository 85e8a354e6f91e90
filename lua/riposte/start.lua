--- Where a run begins: the engine calls this once, in the run's first fiber.
--- `chunk` is the playbook's file, not yet run; what it returns was checked when it was loaded.
local finding = require "riposte.finding"
local run = require "riposte.run"
local require = require

return function(primitives, about, found, chunk)
  local playbook = chunk()
  local this = run.new(primitives, about)
  playbook.run(finding.new(found, primitives.event, this), this)
  if not about.preflight or not this:has_planned() then return end
  local _, changes = primitives.perform("plan", {})
  primitives.perform("preflight", { verdicts = require "riposte.preflight"(this, changes) })
end

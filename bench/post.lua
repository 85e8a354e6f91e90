-- luacheck: globals wrk
-- For wrk: an event posted with the credentials that bench-http takes.
local file = assert(io.open("examples/events/guardduty-event.json"))
wrk.method = "POST"
wrk.body = file:read("a")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer a secret for figures alone"
file:close()

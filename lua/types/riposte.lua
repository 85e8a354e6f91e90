---@meta
-- luacheck: ignore 212 241, no max line length
-- What playbooks see, for the Lua language server (Lua.workspace.library). It is never run.

---@class riposte.Resource
---@field type string "ecs-cluster", "ec2-instance", "iam-access-key" …
---@field arn string?
---@field id string
---@field name string?
---@field tags table<string, string>
---@field data table what the finding tells of it

---@class riposte.Finding
---@field id string
---@field version string tells an update from a repeat
---@field source string "aws.guardduty"
---@field form "guardduty"|"asff"|"ocsf"|"cloudtrail"|"event"
---@field kind string finding type, control id, event name or detail-type
---@field title string
---@field about string
---@field severity {score: number, label: "INFORMATIONAL"|"LOW"|"MEDIUM"|"HIGH"|"CRITICAL"}
---@field account string
---@field region string
---@field partition string
---@field first_seen string
---@field last_seen string
---@field actors table[]
---@field endpoints table[]
---@field indicators table[]
---@field workflow string
---@field record string
---@field event table the event itself
---@field detail table event.detail
local Finding = {}

---@param kind string?
---@return fun(): riposte.Resource?
function Finding:resources(kind) end

---@param text string
function Finding:resolve(text) end

---@param text string
function Finding:notify(text) end

---@class riposte.ChangeOptions
---@field prior table? the resource as it was just read
---@field undo {[1]: string, [2]: table}[]? operations that take the change back
---@field irreversible string? why nothing takes it back

--- A client for an AWS service; any of its operations is a method in boto3's name.
---@class riposte.Client
---@field [string] fun(self: riposte.Client, params: table?, options: riposte.ChangeOptions?): table, boolean?
local Client = {}

---@param name string boto3's method name: "list_services"
---@param params table?
---@return fun(): any
function Client:pages(name, params) end

---@param name string boto3's waiter: "services_stable"
---@param params table?
---@param options {timeout: number|string?, every: number|string?}?
function Client:wait(name, params, options) end

---@class riposte.AWSError
---@field code string
---@field message string
---@field operation string?
---@field status integer?
---@field request_id string?
---@field retryable boolean
---@field fields table? what AWS's model gives such an error beside its message: `resourceIds`, `CancellationReasons` …

---@alias riposte.ClientFor fun(place: {region: string?, account: string?}?): riposte.Client

---@class riposte.ActionResult
---@field changed boolean
---@field why string? why there was nothing to do

---@class riposte.Place
---@field region string?
---@field account string?

---@class riposte.Actions.autoscaling
---@field halt_group fun(p: riposte.Place|{group: string}): riposte.ActionResult
---@field delete_group fun(p: riposte.Place|{group: string, wait: boolean?}): riposte.ActionResult

---@class riposte.Actions.ec2
---@field enable_api_termination fun(p: riposte.Place|{instance: string}): riposte.ActionResult
---@field require_imdsv2 fun(p: riposte.Place|{instance: string, hop_limit: integer?}): riposte.ActionResult
---@field terminate_instance fun(p: riposte.Place|{instance: string, snapshot: boolean?, wait: boolean?}): riposte.ActionResult

---@class riposte.Actions.ecs
---@field stop_service fun(p: riposte.Place|{cluster: string, service: string, known: table?}): riposte.ActionResult
---@field delete_service fun(p: riposte.Place|{cluster: string, service: string, force: boolean?, wait: boolean?, known: table?, definition: table?}): riposte.ActionResult
---@field stop_task fun(p: riposte.Place|{cluster: string, task: string, reason: string?, wait: boolean?}): riposte.ActionResult
---@field delete_cluster fun(p: riposte.Place|{cluster: string}): riposte.ActionResult
---@field delete_clusters fun(p: riposte.Place|{clusters: string[], known: table?, definitions: table?, phases: table?}): riposte.ActionResult
---@field revise_task_definition fun(p: riposte.Place|{task_definition: string, revise: (fun(request: table): table?), timeout: string?}): riposte.RevisedTaskDefinition
---@field deregister_task_definition fun(p: riposte.Place|{task_definition: string, known: table?}): riposte.ActionResult

---@class riposte.RevisedTaskDefinition: riposte.ActionResult
---@field task_definition string? the new revision's ARN
---@field services string[]? ARNs of those that were moved

---@class riposte.Actions.iam
---@field deactivate_key fun(p: riposte.Place|{user: string, key: string}): riposte.ActionResult
---@field deny_all fun(p: riposte.Place|{user: string?, role: string?}): riposte.ActionResult
---@field revoke_sessions fun(p: riposte.Place|{user: string?, role: string?, before: integer?}): riposte.ActionResult
---@field rotate_role fun(p: riposte.Place|{role: string}): riposte.RotatedRole
---@field delete_user fun(p: riposte.Place|{user: string}): riposte.ActionResult

---@class riposte.RotatedRole: riposte.ActionResult
---@field role string? the fresh role's name
---@field arn string?

---@class riposte.Actions.lambda
---@field delete_url fun(p: riposte.Place|{name: string, qualifier: string?}): riposte.ActionResult
---@field throttle_function fun(p: riposte.Place|{name: string}): riposte.ActionResult
---@field delete_function fun(p: riposte.Place|{name: string}): riposte.ActionResult

---@class riposte.Actions
---@field autoscaling riposte.Actions.autoscaling
---@field ec2 riposte.Actions.ec2
---@field ecs riposte.Actions.ecs
---@field iam riposte.Actions.iam
---@field lambda riposte.Actions.lambda

---@class riposte.Run
---@field id string
---@field mode "dry-run"|"approve"|"enforce"
---@field playbook string
---@field account string
---@field region string
---@field partition string
---@field aws table<string, riposte.ClientFor>
---@field actions riposte.Actions
local Run = {}

---@generic T
---@param items T[]|fun(): T?
---@param fn fun(item: T, index: integer): any
---@param options {limit: integer?, keep_going: boolean?}?
---@return any[] results
---@return {index: integer, item: any, error: any}[] failures
function Run:parallel(items, fn, options) end

---@param name string
---@param fn fun(): ...
function Run:phase(name, fn) end

---@return boolean
function Run:has_planned() end

---@param span number|string seconds, or "500ms", "5s", "2m", "1h"
function Run:sleep(span) end

---@return integer milliseconds since 1970-01-01T00:00:00Z
function Run:now() end

---@param most integer
---@return integer
function Run:random(most) end

---@return string
function Run:uuid() end

---@param fn fun(): any
---@param options {timeout: number|string?, every: number|string?, what: string?}?
---@return any
function Run:wait_until(fn, options) end

---@param text string
---@param fields table?
function Run:log(text, fields) end

---@param name string
---@param value any
function Run:evidence(name, value) end

---@param what string
---@param why string
function Run:left_alone(what, why) end

---@class riposte.Playbook
---@field name string
---@field about string?
---@field trigger table an EventBridge event pattern
---@field permissions string[]
---@field mode "observe"|"dry-run"|"approve"|"enforce"?
---@field limits {changes: integer?, time: string?}?
---@field lock string|(fun(finding: riposte.Finding): string?)?
---@field correlate string|(fun(finding: riposte.Finding): string?)?
---@field cooldown string|number|nil
---@field also ("archived"|"resolved"|"suppressed"|"updates")[]?
---@field run fun(finding: riposte.Finding, run: riposte.Run)

-- peer.lua: what a careful engineer writes with lua_shared_dict for the same
-- job as Onsite's pixel: per-visitor counters (total and session), a session
-- with an idle time-out, and three conditions. It verifies no cookie, keeps
-- no cart, no caps, no variants: the comparison favours it.

local state = ngx.shared.visitors
local TIMEOUT = 1800

local id = ngx.var.cookie_onsite_id
if not id then
    return ngx.exit(204)
end

local args = ngx.req.get_uri_args(8)
local event = args.event or ""
local now = ngx.time()
local record = state:get(id)
local first, last, visits, pages, total, session = 0, 0, 0, 0, 0, 0
local counters = {}

if record then
    local head, rest = record:match("^([^|]*)|(.*)$")
    local n = 0
    for number in head:gmatch("%d+") do
        n = n + 1
        if n == 1 then first = tonumber(number)
        elseif n == 2 then last = tonumber(number)
        elseif n == 3 then visits = tonumber(number)
        else pages = tonumber(number) end
    end
    for name, a, b in rest:gmatch("([^=]+)=(%d+),(%d+);") do
        counters[name] = { tonumber(a), tonumber(b) }
    end
else
    first = now
end

if now - last > TIMEOUT then
    visits = visits + 1
    pages = 0
    for _, c in pairs(counters) do c[2] = 0 end
end
last = now
local c = counters[event]
if not c then
    c = { 0, 0 }
    counters[event] = c
end
c[1] = c[1] + 1
c[2] = c[2] + 1

local out = { first, ",", last, ",", visits, ",", pages, "|" }
for name, v in pairs(counters) do
    out[#out + 1] = name .. "=" .. v[1] .. "," .. v[2] .. ";"
end
state:set(id, table.concat(out))

local shown = ""
if visits == 1 and event == "Page Viewed" then shown = "first" end
if event == "Product Viewed" and c[2] == 3 then shown = "third" end
if args.category == "shoes" and visits > 1 then shown = "shoes" end
ngx.ctx.shown = shown

ngx.header.content_type = "image/gif"
ngx.header.cache_control = "no-store"
ngx.print(ngx.shared.gif:get("gif"))

-- cookies.lua: wrk sends every request as another of the resident visitors.
--   wrk -s cookies.lua URL -- COOKIES_FILE PATH...
-- ACCEPT_ENCODING in the environment is what they accept.

local cookies, paths, n = {}, {}, 0
local accept = os.getenv("ACCEPT_ENCODING") or ""

function init(args)
    for line in io.lines(args[1]) do
        cookies[#cookies + 1] = line
    end
    for i = 2, #args do
        paths[#paths + 1] = args[i]
    end
    math.randomseed(1)
end

function request()
    n = n + 1
    local cookie = cookies[math.random(#cookies)]
    return "GET " .. paths[n % #paths + 1] .. " HTTP/1.1\r\nHost: localhost\r\n"
        .. "Cookie: onsite_id=" .. cookie
        .. "\r\nAccept-Encoding: " .. accept .. "\r\n\r\n"
end

function done(summary)
    local failed = summary.errors.status + summary.errors.connect
        + summary.errors.read + summary.errors.write + summary.errors.timeout
    io.write(string.format("RESULT %.1f %d %d %.6f\n",
        summary.requests / summary.duration * 1e6, failed, summary.requests,
        summary.duration / 1e6))
end

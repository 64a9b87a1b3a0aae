-- batch.lua: wrk posts Segment batches of 50 track calls of about 500 bytes,
-- each of another visitor, and none twice: a call that came before is noise, and
-- costs less.

local bodies, n = {}, os.time() % 65536 * 65536

function init(args)
    math.randomseed(2)
    for b = 1, 200 do
        local calls = {}
        for i = 1, 50 do
            local sku = math.random(1000000)
            calls[i] = string.format('{"type":"track","event":"Product Viewed",'
                .. '"anonymousId":"visitor-%d","messageId":"ajs-########-%d-%d",'
                .. '"properties":{"sku":"%d","category":"category-%d",'
                .. '"brand":"samsung","price":%d.79,"name":"A product of the shop"},'
                .. '"context":{"library":{"name":"analytics.js","version":"2.1.0"},'
                .. '"page":{"path":"/product/%d","url":"https://shop.example/product/%d",'
                .. '"title":"A product","referrer":"https://shop.example/"},'
                .. '"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}}',
                math.random(20000), b, i, sku, sku % 40, sku % 300, sku, sku)
        end
        local body = '{"batch":[' .. table.concat(calls, ",") .. "]}"
        body = "POST /onsite/v1/batch HTTP/1.1\r\nHost: localhost\r\n"
            .. "Content-Type: application/json\r\nContent-Length: " .. #body
            .. "\r\n\r\n" .. body
        bodies[b] = {}
        for piece in (body .. "########"):gmatch("(.-)########") do
            table.insert(bodies[b], piece)
        end
    end
end

function request()
    n = n + 1
    return table.concat(bodies[n % #bodies + 1], string.format("%08x", n))
end

function done(summary)
    local failed = summary.errors.status + summary.errors.timeout
    io.write(string.format("RESULT %.1f %d %d %.6f\n",
        summary.requests / summary.duration * 1e6, failed, summary.requests,
        summary.duration / 1e6))
end
